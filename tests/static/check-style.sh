#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What of STYLE a tool can check.
. "$top_srcdir/tests/tap.sh"
cd "$top_srcdir" || exit 1

# Print the source files whose names match; other people's code and builds stay out.
sources()
{
	for dir in backstage bench doc etc fuzz scripts src systemd tests; do
		[ -d $dir ] && find $dir -name node_modules -prune -o -name .node -prune -o \
			-type f "$@" -print
	done
}

c_files()
{
	sources -name '*.[ch]'
}

text_files()
{
	sources \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.js' -o -name '*.ts' -o -name '*.mk' \
		-o -name '*.in' -o -name '*.yaml' -o -name '*.conf' -o -name '*.socket' \
		-o -name '*.[0-9]' \) ! -path 'fuzz/corpus/*'
	grep -lsE '^#!/bin/(ba)?sh' scripts/* tests/unit/* .ci/* configure.ac
	ls Makefile.am configure.ac
}

check_format()
{
	c_files | xargs clang-format --dry-run -Werror
}

# The licence stands on the first line, or on the second below "#!".
check_licence()
{
	bad=0
	for file in $(text_files | sort -u); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
			{ echo "$file does not begin with its licence"; bad=1; }
	done
	return $bad
}

check_trailing_space()
{
	! text_files | sort -u | xargs grep -nE '[[:blank:]]+$'
}

check_function_length()
{
	c_files | xargs ctags --fields=+ne --c-kinds=f -f - 2>/dev/null | awk -F'\t' '
		/^!/ { next }
		{
			first = last = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) first = substr($i, 6)
				if ($i ~ /^end:/) last = substr($i, 5)
			}
			if (first && last && last - first + 1 > 60) {
				printf "%s:%d: %s() has %d lines\n", $2, first, $1, last - first + 1
				bad = 1
			}
		}
		END { exit bad }'
}

# A struct that is released on every way out has a value before the first of them: gcc
# hides it by zeroing locals, clang 14 does not.
check_initialised()
{
	sources -name '*.c' | xargs awk '
		FNR == 1 || /^}/ { delete waits; n = 0 }
		/^\tCLEANUP\([a-z_]*\) struct [a-z_]+ [a-z_, ]+;$/ {
			line = $0
			sub(/^\tCLEANUP\([a-z_]*\) struct [a-z_]+ /, "", line)
			gsub(/[;,]/, "", line)
			n += split(line, name, " ")
			for (i in name) waits[name[i]] = FNR
			next
		}
		n > 0 {
			for (v in waits) {
				if ($0 ~ ("&" v "([^a-z_0-9]|$)")) {
					delete waits[v]
				} else if ($0 ~ /(^|[^a-z_])return([^a-z_]|$)/) {
					printf "%s:%d: %s is released before it has a value\n",
						FILENAME, FNR, v
					bad = 1
					delete waits[v]
				}
			}
		}
		END { exit bad }'
}

tap_with clang-format "C files are formatted" check_format
tap_with ctags "no function is over 60 lines" check_function_length
tap "what is released on every way out has a value on each" check_initialised
tap "every source file begins with its licence" check_licence
tap "no line ends in blanks" check_trailing_space
tap_done
