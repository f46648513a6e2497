#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
#   embed.sh DIRECTORY FILE...
#
# Print C that holds the files, for page_assets.h.
set -eu
dir=$1
shift
echo '/* Made by src/daemon/page/embed.sh. */'
echo '#include "daemon/page_assets.h"'
for file; do
	printf '\nstatic const unsigned char asset_%s[] = {\n' "$(echo "$file" | tr '.-' '__')"
	od -A n -v -t x1 "$dir/$file" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1, /g'
	echo '};'
done
printf '\nconst struct page_asset page_assets[] = {\n'
for file; do
	name=asset_$(echo "$file" | tr '.-' '__')
	printf '\t{ "%s", %s, sizeof(%s) },\n' "$file" "$name" "$name"
done
printf '};\nconst size_t page_assets_n = sizeof(page_assets) / sizeof(page_assets[0]);\n'
