#!/bin/sh
# run_fuzzers.sh BUILD_FOLDER SECONDS [NAME]: runs one fuzzer, or all of them, as many at once as there are cores,
# on its corpus for that long. An input that crashes one stays in BUILD_FOLDER/fuzz/NAME/; the exit status is then
# not 0. Inputs found earlier in that build folder are kept and tried first.
set -eu
build=$(cd "$1" && pwd)
seconds=$2
here=$(cd "$(dirname "$0")" && pwd)

if [ $# -lt 3 ]; then
  # Of the images each format by itself, so that every decoder has its time.
  printf '%s\n' safetensors weights config npz image jpeg gif webp tiff jpeg-2000 jpeg-ls dicom |
    xargs -P "$(nproc)" -n 1 "$here/run_fuzzers.sh" "$build" "$seconds"
  echo "checked all fuzzers for $seconds s each"
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
