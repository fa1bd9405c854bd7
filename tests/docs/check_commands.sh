#!/bin/bash
# check_commands.sh PAGE SOURCE_FOLDER BUILD_FOLDER WORK_FOLDER: runs every line of the page's ```sh blocks. "build/" means the
# build folder and OUT the work folder, which is emptied first. Lines of "./run" and ".ci/run" are not run here:
# .ci/run must hold the former.
set -uo pipefail
page=$1 source=$2 build=$3 work=$4
rm -rf "$work"
mkdir -p "$work"
cd "$source" || exit 1
count=0 failed=0
while IFS= read -r line; do
  line=${line%%  #*}
  [[ -n $line ]] || continue
  count=$((count + 1))
  if [[ $line == ./run* || $line == *.ci/run ]]; then
    [[ $line == *.ci/run ]] || grep -qF -- "$line" .ci/run || {
      echo "$page: .ci/run does not hold: $line"
      failed=1
    }
    continue
  fi
  command=${line//build\//$build/}
  command=${command//OUT/$work}
  if ! output=$(cd "$source" && bash -c "$command" 2>&1); then
    printf '%s: this command failed: %s\n%s\n' "$page" "$line" "$output"
    failed=1
  fi
done < <(awk '/^```/ { inside = ($0 == "```sh"); next } inside' "$page")
((count > 0)) || {
  echo "$page: no commands found"
  exit 1
}
echo "ran $count commands of $page"
exit $failed
