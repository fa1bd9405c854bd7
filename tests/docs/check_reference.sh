#!/bin/bash
# check_reference.sh XRTRAIN PAGE: the page is what the program prints.
set -uo pipefail
"$1" --print-reference markdown | diff "$2" - && echo "checked $2" && exit
echo "$2 is stale: build/bin/xrtrain --print-reference markdown > docs/commands.md"
exit 1
