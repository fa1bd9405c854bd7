#!/bin/bash
# check_commands.sh PAGE SOURCE_FOLDER BUILD_FOLDER WORK_FOLDER: runs every line of the page's ```sh blocks. "build/" means the
# build folder and OUT the work folder, which is emptied first. Lines that begin with "xrtrain" run in the work folder, where
# xrays/ is a small phantom set, with what else a user may have; "--epochs 20" is made shorter there. Lines of "./run" and
# ".ci/run" are not run here: .ci/run must hold the former.
set -uo pipefail
page=$1 source=$2 build=$3 work=$4
rm -rf "$work"
mkdir -p "$work"
cd "$source" || exit 1
count=0 failed=0

# A server is ended, as by Ctrl-C, once it has printed its address; its port is one that is free.
serve() {
  local command=${1/xrtrain serve/exec xrtrain serve} server i
  [[ $command == *--port* ]] || command+=" --port 0"
  : >"$work/serve.out" # which may still have the line of a server before
  bash -c "$command" >"$work/serve.out" 2>&1 &
  server=$!
  for ((i = 0; i < 600; ++i)); do
    ! grep -q '^Serving ' "$work/serve.out" || break
    sleep 0.1
  done
  cat "$work/serve.out"
  kill -INT $server && wait $server
}

run_command() {
  if [[ $1 == *"; xrtrain serve "* ]]; then serve "$1"; else bash -c "$1"; fi
}

# The images of a user, for the commands of one.
make_images() {
  [[ ! -d $work/xrays ]] || return 0
  "$build/bin/xrtrain" synth --out "$work/xrays" --size 64 --train-covid 4 --train-normal 4 --test-covid 2 \
    --test-normal 2 --quiet && cp "$work/xrays/test/covid/000.png" "$work/image.png" &&
    cp -r "$work/xrays" "$work/other" && cp -r "$work/xrays/test/covid" "$work/images" &&
    (cd "$work/xrays" && echo file,label && find . -name '*.png' | sort | sed -n 's|^\./\(.*/\(.*\)/.*\)|\1,\2|p') >"$work/labels.csv"
}

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
  command=${line//build\//$build/} folder=$source
  command=${command//OUT/$work}
  if [[ $line == xrtrain* ]]; then
    make_images || exit
    [[ $line != *--onnx* ]] || "$build/bin/xrtrain" info | grep -q '^ONNX: written' || continue
    [[ $line != *serve* ]] || ! "$build/bin/xrtrain" info | grep -q '^HTTP: none' || continue
    command="PATH=$build/bin:\$PATH; ${command//--epochs 20/--epochs 6 --image-size 64}" folder=$work
  fi
  if ! output=$(cd "$folder" && run_command "$command" 2>&1); then
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
