#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-ins of Vault and of AWS answer their vendors' own clients as these expect.

That is what the tests of the daemon against them are worth: neither product is here.
"""

import os
import subprocess
import sys

import peer as peers  # first: it finds the harness
import harness
from aws_standin import AwsStandin
from harness import Skip
from peer import TOP
from vault_standin import VaultStandin

HERE = os.path.join(TOP, "tests", "peers", "secrets")
MODULES = peers.modules_of("secrets")


def python_with_clients():
	"""Debian's python3, where its packages are, or this one."""
	for python in ("/usr/bin/python3", sys.executable):
		done = subprocess.run([python, "-c", "import boto3, hvac"], capture_output=True, check=False)
		if done.returncode == 0:
			return python
	raise Skip("python3-hvac and python3-boto3 are not installed")


def standins(box):
	vault, aws = VaultStandin(), AwsStandin()
	box.sinks += [vault, aws]
	aws.put("peer/key", "old")
	aws.put("peer/key", "new")
	return vault, aws


def drive(*command):
	"""Run a client, and return the lines that say what went well."""
	# What the host knows of AWS or Vault is not for these clients.
	env = {name: value for name, value in os.environ.items()
		if not name.startswith(("AWS_", "VAULT_"))}
	env.update({"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"NO_PROXY": "127.0.0.1"})
	done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)
	assert done.returncode == 0, done.stdout + done.stderr
	return done.stdout.split()


def test_hvac_and_boto3_take_the_standins_for_the_real_ones(box):
	python = python_with_clients()
	vault, aws = standins(box)
	identity = "eyJhbGciOiJSUzI1NiJ9." + os.urandom(64).hex()
	aws.identities[identity] = "arn:aws:iam::000000000000:role/relay"
	went = drive(python, os.path.join(HERE, "drive.py"), vault.url, vault.root.text, vault.role_id,
		vault.secret_id, vault.jwt, aws.url, aws.key_id, aws.key, identity, aws.ecs_token)
	assert len(went) == 9, went


def test_node_vault_and_the_aws_sdk_take_the_standins_for_the_real_ones(box):
	peers.npm_install("secrets")
	vault, aws = standins(box)
	went = drive("node", os.path.join(HERE, "drive.js"), MODULES, vault.url,
		vault.root.text, vault.role_id, vault.secret_id, aws.url, aws.key_id, aws.key)
	assert went == ["node-vault", "client-secrets-manager"], went


if __name__ == "__main__":
	harness.main(globals())
