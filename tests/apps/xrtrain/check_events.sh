#!/bin/sh
# check_events.sh XRTRAIN CHECKER: a run's event file in TensorBoard. Exit status 77: no Python or no tensorboard.
set -eu
python=${XR_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: there is no $python"
  exit 77
fi
if ! "$python" -c "import tensorboard" 2>/dev/null; then
  echo "skipped: $python has no tensorboard"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XRTRAIN_CACHE="$folder/cache"
"$1" synth --out "$folder/data" --size 64 --train-covid 6 --train-normal 6 --test-covid 2 --test-normal 2 --quiet
"$1" train --data "$folder/data" --out "$folder/run" --model report_cnn --image-size 16 --batch-size 4 \
  --val-fraction 0.25 --epochs 3 --threads 2 --device cpu --tensorboard --quiet
status=0
"$python" "$2" "$folder/run" || status=$?
exit "$status"
