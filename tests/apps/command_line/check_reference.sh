#!/bin/bash
# check_reference.sh XRTRAIN: bash completes a command, an option and a value; zsh and man accept theirs, where they are.
set -euo pipefail
xrtrain=$1

# completions WORD...: what bash offers for the last word.
completions() {
  COMP_WORDS=(xrtrain "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _xrtrain
  echo "${COMPREPLY[*]}"
}

expect() {
  [[ $1 == "$2" ]] || {
    echo "expected '$2', got '$1'"
    exit 1
  }
}

# shellcheck source=/dev/null
source <("$xrtrain" --print-reference bash)
expect "$(completions tra)" train
expect "$(completions train --batch)" --batch-size
expect "$(completions train --no-cache)" "--no-cache --no-cache-features"
expect "$(completions train --optimizer adam)" "adam adamw"
expect "$(completions find-lr --epochs)" ""

if command -v zsh >/dev/null; then "$xrtrain" --print-reference zsh | zsh -n; fi
man=$("$xrtrain" --print-reference man)
[[ $man == ".TH XRTRAIN 1"* && $man == *$'\n.SS train\n'* && $man == *'\-\-[no\-]cache'* ]]
if command -v groff >/dev/null; then
  warnings=$(groff -man -Tascii -ww <<<"$man" 2>&1 >/dev/null)
  expect "$warnings" ""
fi
echo "checked the man page and the completion"
