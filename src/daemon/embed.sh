#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
#   embed.sh TABLE DIRECTORY FILE...
#
# Print C that holds the files in a table of assets.h.
set -eu
table=$1
dir=$2
shift 2
echo '/* Made by src/daemon/embed.sh. */'
echo '#include "daemon/assets.h"'
for file; do
	printf '\nstatic const unsigned char asset_%s[] = {\n' "$(echo "$file" | tr '.-' '__')"
	od -A n -v -t x1 "$dir/$file" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1, /g'
	echo '};'
done
printf '\nconst struct asset %s[] = {\n' "$table"
for file; do
	name=asset_$(echo "$file" | tr '.-' '__')
	printf '\t{ "%s", %s, sizeof(%s) },\n' "$file" "$name" "$name"
done
printf '};\nconst size_t %s_n = sizeof(%s) / sizeof(%s[0]);\n' "$table" "$table" "$table"
