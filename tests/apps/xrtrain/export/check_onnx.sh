#!/bin/sh
# check_onnx.sh PROGRAM CHECKER DATA: what ONNX Runtime makes of exported networks, with the images below DATA/test (or
# $XR_TEST_DATA/test). Exit status 77: no Python, no ONNX Runtime, or a build that writes no ONNX.
set -eu
python=${XR_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: there is no $python"
  exit 77
fi
if ! "$1" info | grep -q '^ONNX: written'; then
  echo "skipped: $("$1" info | grep '^ONNX:')"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
"$python" "$2" "$1" "$folder" "${XR_TEST_DATA:-$3}/test" || status=$?
exit "$status"
