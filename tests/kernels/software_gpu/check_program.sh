#!/bin/bash
# The program on a software GPU: check_program.sh XRTRAIN FOLDER. It says that its GPUs are simulated wherever it prints a
# time, and a second device gives the same checkpoints as the first.
set -uo pipefail
xrtrain=$1
work=$2
rm -rf "$work"
mkdir -p "$work"
export XRTRAIN_CACHE=$work/cache XR_GPU_DEVICES=2
wrong=0

complain() {
  echo "WRONG: $1"
  wrong=1
}

info=$("$xrtrain" info)
for device in cuda:0 cuda:1; do
  grep -q "^device $device: simulated, times mean nothing: software GPU (.* PTX, no hardware)" <<<"$info" ||
    complain "info does not say that $device is simulated"
done
[[ $(grep -c '^device cuda:' <<<"$info") == 2 ]] || complain "info does not list two GPUs"
grep -q '^--device auto: cpu$' <<<"$info" || complain "--device auto takes a simulated GPU"

"$xrtrain" synth --out "$work/phantom" --size 64 --train-covid 8 --train-normal 8 --test-covid 4 --test-normal 4 \
  --quiet || exit 1
for device in 0 1; do
  "$xrtrain" train --device cuda:$device --data "$work/phantom" --out "$work/$device" --model report_cnn --image-size 8 \
    --epochs 1 --batch-size 8 >"$work/train$device" || complain "the training on cuda:$device failed"
  grep -q "^cuda:$device is simulated, and times mean nothing: software GPU" "$work/train$device" ||
    complain "the training does not say that cuda:$device is simulated"
  "$xrtrain" eval "$work/$device" --device cuda:$device >"$work/eval$device" 2>&1 || complain "eval on cuda:$device failed"
  grep -q "cuda:$device is simulated, and times mean nothing: software GPU" "$work/eval$device" ||
    complain "eval does not say that cuda:$device is simulated"
  grep -q "software GPU (.* PTX, no hardware)" "$work/$device/provenance.json" || complain "provenance.json names no software GPU"
done
cmp "$work/0/checkpoints/00.safetensors" "$work/1/checkpoints/00.safetensors" || complain "the devices give different checkpoints"
exit $wrong
