#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual and the sample say of every option what the option table says.
. "$top_srcdir/tests/tap.sh"

manual=$top_srcdir/doc/man/stagewire.yaml.5
sample=$top_srcdir/etc/stagewire.yaml
describe=$top_builddir/tests/tools/describe_conf

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
"$describe" >"$dir/table" || exit 1

# The heading of each option, exactly; and no other one.
check_manual()
{
	awk -F'\t' '{ print ".It Ic " $1 " Pq " $2 }' "$dir/table" | sort >"$dir/wanted"
	grep '^\.It Ic ' "$manual" | sort | diff - "$dir/wanted"
}

# The sample with its commented options on, as one would take the '# ' away.
uncomment()
{
	sed -E 's/^( *)# ( *(- )?[a-z_]+:( .*)?)$/\1\2/' "$sample"
}

# Print "section.key <tab> value" for each key of the input, as the table names them.
list_keys()
{
	awk '
		!/^ *(- )?[a-z_]+:( |$)/ { next }
		{
			match($0, /^ *(- )?/)
			at = RLENGTH
			key = value = substr($0, at + 1)
			sub(/:.*/, "", key)
			sub(/^[^:]*: */, "", value)
			gsub(/[]["]/, "", value)
			while (depth > 0 && column[depth] >= at)
				depth--
			list = depth > 0 && name[depth] ~ /^(sources|sinks|routes|credentials|issuers|agents|policy|secrets|variables)$/
			path = depth == 0 ? key : name[depth] (list ? "[]." : ".") key
			column[++depth] = at
			name[depth] = path
			print path "\t" value
		}'
}

check_sample_keys()
{
	awk -F'\t' '
		NR == FNR { have[$1] = 1; next }
		!($1 in have) { print $1 " is not in the sample"; bad = 1 }
		END { exit bad }' "$dir/all-keys" "$dir/table"
}

# What is commented out is the default, where there is one; of several, one of them.
check_sample_defaults()
{
	awk -F'\t' '
		FILENAME == ARGV[1] && match($2, /default [^,]*/) {
			dflt[$1] = substr($2, RSTART + 8, RLENGTH - 8)
		}
		FILENAME == ARGV[2] { on[$1] = 1 }
		FILENAME == ARGV[3] && $1 in dflt && !($1 in on) {
			shown[$1] = shown[$1] " " $2
			if ($2 == dflt[$1])
				good[$1] = 1
		}
		END {
			for (name in shown) {
				if (name in good)
					continue
				print name " is" shown[name] ", but the default " dflt[name]
				bad = 1
			}
			exit bad
		}' "$dir/table" "$dir/keys" "$dir/all-keys"
}

check_loads()
{
	"$describe" "$1" >"$dir/printed"
}

# Each whole example of the manual, in a file of its own.
check_examples()
{
	awk -v dir="$dir" '
		/^\.Bd / { n++; inside = 1; next }
		/^\.Ed/ { inside = 0 }
		inside { print >(dir "/example." n) }' "$manual"
	count=0
	for example in "$dir"/example.*; do
		grep -q '^sources:' "$example" || continue
		count=$((count + 1))
		check_loads "$example" || return 1
	done
	[ "$count" -ge 2 ]
}

# Backstage's token and its identity exclude each other; so do a catalog in a file and who
# pushes changes of Backstage's.
without_others()
{
	sed -e '/^  token:/d' -e '/^  file:/d' "$dir/all-on.yaml" >"$dir/all-but-others.yaml"
}

uncomment >"$dir/all-on.yaml"
without_others
list_keys <"$sample" >"$dir/keys"
list_keys <"$dir/all-on.yaml" >"$dir/all-keys"
tap "the manual has every option with its type, bounds and default" check_manual
tap "the sample mentions every option" check_sample_keys
tap "the sample shows defaults where it is commented out" check_sample_defaults
tap "the sample is good" check_loads "$sample"
tap "the sample with everything on is good" check_loads "$dir/all-but-others.yaml"
tap "the manual's examples are good" check_examples
tap_done
