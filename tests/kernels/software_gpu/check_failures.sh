#!/bin/bash
# A training whose GPU fails: check_failures.sh XRTRAIN FOLDER. Wherever it fails, the program ends with status 1 and one
# error, leaves no file half-written, and what it wrote is what an undisturbed training writes; --resume, or the same
# command where there is nothing to resume, then ends in the same bytes.
set -uo pipefail
xrtrain=$1
work=$2
rm -rf "$work"
mkdir -p "$work"
export XRTRAIN_CACHE=$work/cache
wrong=0

complain() {
  echo "WRONG: $failure: $1"
  wrong=1
}

train() {
  "$xrtrain" train --device cuda --data "$work/phantom" --out "$@" --model report_cnn --image-size 8 \
    --epochs 2 --batch-size 8 --quiet 2>"$work/errors"
}

# compare RUN: every checkpoint that is there.
compare() {
  local checkpoint
  for checkpoint in "$1"/checkpoints/*.safetensors; do
    [[ ! -e $checkpoint ]] || cmp "$checkpoint" "$work/undisturbed/checkpoints/${checkpoint##*/}" ||
      complain "${checkpoint##*/} differs from that of an undisturbed training"
  done
}

# check FAILURE WORDS: a training with that failure reports the words.
check() {
  failure=$1
  local run=$work/run left
  rm -rf "$run"
  XR_GPU_FAIL=$failure train "$run"
  local status=$?
  [[ $status == 1 ]] || complain "exit status $status instead of 1"
  [[ $(grep -c '^xrtrain: error: ' "$work/errors") == 1 ]] || complain "no error, or several: $(<"$work/errors")"
  grep -q "^xrtrain: error: .*$2" "$work/errors" || complain "not reported as '$2': $(<"$work/errors")"
  left=$(find "$run" -name '*.tmp*' 2>/dev/null)
  [[ -z $left ]] || complain "left behind: $left"
  compare "$run"
  if compgen -G "$run/checkpoints/*.safetensors" >/dev/null; then
    train "$run" --resume || complain "--resume failed: $(<"$work/errors")"
  else
    train "$run" --force || complain "the training after it failed: $(<"$work/errors")"
  fi
  [[ -e $run/checkpoints/01.safetensors ]] || complain "no last checkpoint after --resume"
  compare "$run"
  echo "checked $failure"
}

"$xrtrain" synth --out "$work/phantom" --size 64 --train-covid 8 --train-normal 8 --test-covid 4 --test-normal 4 \
  --quiet || exit 1
failure=none
train "$work/undisturbed" || { cat "$work/errors"; exit 1; }
for number in 1 6; do check allocation:$number 'out of memory on cuda:0'; done
check pinned:1 cudaErrorMemoryAllocation
for number in 1 20; do check launch:$number 'a launch of .* failed: cudaErrorLaunchOutOfResources'; done
for number in 1 60; do check fault:$number 'a fault (injected)'; done
for number in 1 10; do check copy:$number 'an uncorrectable memory error'; done
for number in 10 150; do check device:$number 'the device has disappeared'; done
exit $wrong
