# SPDX-License-Identifier: Apache-2.0
dist_doc_DATA += \
	etc/catalog.example.yaml \
	etc/policy-cases.example.yaml \
	etc/stagewire.yaml

# The manual of the sample; a check holds both against the option table.
dist_man_MANS += doc/man/stagewire.yaml.5
