#!/bin/sh
# check_checkpoint.sh WRITER CHECKER CHANNELS PADDING CLASSES: our checkpoint in PyTorch. Exit status 77: no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder" "$3" "$4" "$5"
status=0
"${XR_PYTHON:-python3}" "$2" "$folder/checkpoint.safetensors" "$folder/input.safetensors" \
  "$folder/logits.safetensors" || status=$?
exit "$status"
