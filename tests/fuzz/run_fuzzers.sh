#!/bin/sh
# run_fuzzers.sh BUILD_FOLDER SECONDS [NAME | SHARE [BASE]]: runs one fuzzer, or all of them, as many at once as there
# are cores, each on its corpus for that long. An input that crashes one stays in BUILD_FOLDER/fuzz/NAME/; the exit
# status is then not 0. Inputs found earlier in that build folder are kept and tried first.
# SHARE is I/N: every Nth fuzzer, from the Ith on (0: the first), and those of which sources have changed since the commit
# BASE.
set -eu
build=$(cd "$1" && pwd)
seconds=$2
here=$(cd "$(dirname "$0")" && pwd)

# What a fuzzer is about, as patterns of git.
sources_of() {
  case $1 in
    safetensors) echo 'engine/io/safetensors*' tests/fuzz/safetensors.cpp ;;
    weights) echo 'engine/io/pickle*' 'engine/io/pytorch*' 'engine/io/weights*' 'engine/io/zip*' tests/fuzz/weights.cpp ;;
    config) echo 'apps/xrtrain/options/*' tests/fuzz/config.cpp ;;
    npz) echo 'data/archive/*' 'engine/io/zip*' tests/fuzz/npz.cpp ;;
    image) echo data/image/image.cpp 'data/image/levels*' 'data/image/stb*' 'data/image/bmp*' 'data/image/p*' \
      tests/fuzz/image.cpp ;;
    jpeg) echo 'data/image/jpeg.*' 'data/image/jpeg_markers*' 'data/image/ijg*' ;;
    jpeg-2000) echo 'data/image/jpeg2000*' ;;
    jpeg-ls) echo 'data/image/jpeg_ls*' ;;
    *) echo "data/image/$1*" ;;
  esac
}

if [ $# -lt 3 ] || [ "${3#*/}" != "$3" ]; then
  share=${3:-0/1} base=${4:-} number=0 chosen=
  # Of the images each format by itself, so that every decoder has its time.
  for name in safetensors weights config npz image jpeg gif webp tiff jpeg-2000 jpeg-ls dicom; do
    # shellcheck disable=SC2046 # one word per pattern
    if [ $((number % ${share#*/})) -eq "${share%/*}" ] ||
      { [ -n "$base" ] && ! (set -f && cd "$here/../.." && git diff --quiet "$base" HEAD -- $(sources_of "$name")); }; then
      chosen="$chosen $name"
    fi
    number=$((number + 1))
  done
  # shellcheck disable=SC2086 # one word per name
  printf '%s\n' $chosen | xargs -P "$(nproc)" -n 1 "$here/run_fuzzers.sh" "$build" "$seconds"
  echo "checked for $seconds s each:$chosen"
  exit
fi

name=$3
program=$name
case $name in
  safetensors | weights | config | npz | image) ;;
  *)
    program=image
    export XR_FUZZ_FORMAT="$name"
    ;;
esac
folder=$build/fuzz/$name
mkdir -p "$folder/found"
cd "$folder"
if "$build/bin/fuzz_$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=16384 \
  -dict="$here/$program.dict" -print_final_stats=1 found "$here/corpus/$name" >log 2>&1; then
  echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' log) inputs"
else
  echo "$name failed; $folder/log ends:"
  tail -n 40 log
  exit 1
fi
