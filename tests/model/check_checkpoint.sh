#!/bin/sh
# check_checkpoint.sh WRITER CHECKER CHANNELS PADDING CLASSES: our checkpoint in PyTorch. Exit status 77: no Python or no torch.
set -eu
python=${XR_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: there is no $python"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder" "$3" "$4" "$5"
status=0
"$python" "$2" "$folder/checkpoint.safetensors" "$folder/input.safetensors" \
  "$folder/logits.safetensors" || status=$?
exit "$status"
