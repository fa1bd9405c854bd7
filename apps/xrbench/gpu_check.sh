#!/bin/bash
# Everything that needs a GPU, in one run, what matters most first: builds for it, runs the gradient, kernel, engine,
# data and model tests there, times kernels beside cuDNN and cuBLAS and training steps beside PyTorch, trains on the
# phantom set, and runs compute-sanitizer over the kernels. Needs CUDA (with cuDNN), CMake, ninja and Python with
# PyTorch; no network, no other packages.
#
#   gpu_check.sh --pack FILE                   beforehand, where the project builds: what the build needs besides
#   gpu_check.sh --pack-binaries FILE --build DIR   beforehand: programs and tests built in DIR with XR_CUDA=ON
#   gpu_check.sh RESULTS [OPTIONS]
#     --deps FILE       from --pack (default: .gpu-deps/deps.tar.xz, if it is there)
#     --binaries FILE   from --pack-binaries, or a folder of these: used in place of building
#     --commit ID       of this tree, where it has no .git (default: git's, else that of the packs)
#     --only "A B"      these steps alone, also of those that a run has no time for otherwise; --plan lists all
#     --plan            print the steps with their limits and end
#     --work DIR        for the build and the runs (default: a temporary folder)
#     --build-dir DIR   use this build folder as it is, and do not build
#     --time-limit S    for everything (default 530)
#     --rehearse        every step at small shapes without a GPU, to try the script itself: on the SIMT executor, or
#                       where --build-dir has XR_SOFTWARE_GPU=ON, on the software GPU
#
# RESULTS gets summary.txt, kernels-*.json, after each operation, and results.tar.gz (all logs), after each step.
# A failure does not stop the later steps, but for that of the build. Exit status: 0 all passed, 1 some failed, 2 usage,
# 3 no GPU here.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export ROOT=${here%/apps/xrbench}

# Seconds for steps that run side by side. A stage gets half as much again if the stages before left that ("+": all
# that they left), and never what the stages behind it need: these are sure of theirs. The sum fits --time-limit.
stages=('130 facts build'
  '60 gradients tests cudnn engine compile'
  '30 train'
  '40 kernels-fp32' '30 kernels-tf32' '30 kernels-bf16'
  '50 step-fp32' '50 step-tf32' '50 step-bf16'
  '20+ memcheck'
  '30+ racecheck initcheck')
# With --only: what a run of everything has no time for.
more_stages=('200+ racecheck-all initcheck-all' '300+ shapes')
all_steps=$(printf '%s\n' "${stages[@]}" "${more_stages[@]}" | cut -d ' ' -f 2- | paste -sd ' ')

usage() {
  sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

results='' deps='' binaries='' commit='' only='' work='' rehearse='' build_dir='' pack='' pack_binaries='' plan=''
time_limit=530
while (($#)); do
  case $1 in
    --rehearse) rehearse=yes ;;
    --plan) plan=yes ;;
    --time-limit | --deps | --binaries | --commit | --only | --work | --build-dir | --pack | --pack-binaries | --build)
      (($# > 1)) || usage
      case $1 in
        --deps) deps=$2 ;;
        --binaries) binaries=$2 ;;
        --commit) commit=$2 ;;
        --only) only=$2 ;;
        --work) work=$2 ;;
        --time-limit) time_limit=$2 ;;
        --build-dir | --build) build_dir=$2 ;;
        --pack) pack=$2 ;;
        --pack-binaries) pack_binaries=$2 ;;
      esac
      shift
      ;;
    -*) usage ;;
    *)
      [[ -z $results ]] || usage
      results=$1
      ;;
  esac
  shift
done
[[ -z $pack ]] || exec "$here/gpu_check_pack.sh" deps "$pack"
[[ -z $pack_binaries ]] || exec "$here/gpu_check_pack.sh" binaries "$pack_binaries" "${build_dir:-$ROOT/build}"
if [[ -n $plan ]]; then
  printf '%s\n' "${stages[@]}"
  printf -- '--only %s\n' "${more_stages[@]}"
  exit
fi
[[ -n $results && $time_limit =~ ^[0-9]+$ ]] || usage
for name in $only; do
  [[ " $all_steps " == *" $name "* ]] || { echo "gpu_check.sh: no step $name; there are $all_steps" >&2; exit 2; }
done
# The stages of this run.
chosen=()
for stage in "${stages[@]}" "${more_stages[@]}"; do
  names=''
  for name in ${stage#* }; do [[ " $only " != *" $name "* ]] || names+=" $name"; done
  [[ -z $names ]] || chosen+=("${stage%% *}$names")
done
[[ -n $only ]] || chosen=("${stages[@]}")

started=$SECONDS
mkdir -p "$results" || exit 2
results=$(cd "$results" && pwd)
[[ -n $work ]] || { work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; }
mkdir -p "$work"
WORK=$(cd "$work" && pwd)
LOGS=$WORK/logs RESULTS=$results
rm -rf "$LOGS"
mkdir -p "$LOGS"
PYTHON=${XR_PYTHON:-python3}
REHEARSE=$rehearse
export WORK LOGS RESULTS PYTHON REHEARSE
export TORCHINDUCTOR_CACHE_DIR=$WORK/inductor TRITON_CACHE_DIR=$WORK/triton TORCHINDUCTOR_COMPILE_THREADS=4
PATH=$PATH:/usr/local/cuda/bin
export OMP_WAIT_POLICY=passive PYTHONUNBUFFERED=1

# The card that runs the steps; empty without one.
GPU=$(nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
export GPU

# unpack FILE-OR-FOLDER NAME: prints where its contents lie.
unpack() {
  if [[ -d $1 ]]; then
    (cd "$1" && pwd)
  else
    mkdir -p "$WORK/$2" && { tar -C "$WORK/$2" -xJf "$1" 2>/dev/null || "$PYTHON" -m tarfile -e "$1" "$WORK/$2"; } &&
      echo "$WORK/$2"
  fi
}

[[ -n $deps || ! -e $ROOT/.gpu-deps/deps.tar.xz ]] || deps=$ROOT/.gpu-deps/deps.tar.xz
DEPS='' BINARIES='' BUILD=$WORK/build
if [[ -n $binaries ]]; then
  BINARIES=$(unpack "$binaries" binaries) || exit 2
  BUILD=$BINARIES
else
  # Also a build that is there already may load the pack's libraries.
  [[ -z $deps ]] || DEPS=$(unpack "$deps" deps) || exit 2
  [[ -z $build_dir ]] || BUILD=$(cd "$build_dir" && pwd) || exit 2
fi
BUILD_GIVEN=$build_dir
DEVICE=cuda
[[ -z $REHEARSE ]] || grep -qs '^XR_SOFTWARE_GPU:BOOL=ON' "$BUILD/CMakeCache.txt" || DEVICE=simt
export DEVICE
export DEPS BINARIES BUILD BUILD_GIVEN
# As the programs name theirs (commit.cmake), which take it from XR_COMMIT where there is no .git.
[[ -n $commit ]] || commit=$(git -C "$ROOT" --no-optional-locks describe --always --abbrev=12 --dirty '--exclude=*' \
  2>/dev/null || cat "${BINARIES:-$DEPS}/commit" 2>/dev/null)
export XR_COMMIT=${commit:-unknown}

# Libraries of the packs; cuDNN and cuBLAS as Python packages, if the toolkit does not have them.
python_folders() {
  "$PYTHON" -c 'import glob, os, nvidia
for root in nvidia.__path__:
    print("\n".join(glob.glob(os.path.join(root, "*", "'"$1"'"))))' 2>/dev/null | paste -sd :
}
PYTHON_LIBRARIES=$(python_folders lib)
export LD_LIBRARY_PATH=${BINARIES:+$BINARIES/lib:}${DEPS:+$DEPS/lib:}${LD_LIBRARY_PATH:-}
export XR_CUDNN_PATH=${XR_CUDNN_PATH:-$PYTHON_LIBRARIES}
PYTHON_INCLUDES=$(python_folders include)
export PYTHON_INCLUDES

failed=0 skipped=0 no_build=''
declare -A pids begins limits
: >"$results/summary.txt"
say() { printf '%s\n' "$*" | tee -a "$results/summary.txt"; }

# All logs of now, in place at once.
keep_logs() {
  tar -C "$LOGS" -czf "$WORK/results.tar.gz" . && mv "$WORK/results.tar.gz" "$results/results.tar.gz"
}

# The lines of a step's log that say most.
essence() {
  local log=$LOGS/$1.log
  case $1 in
    facts) echo "${GPU:-no GPU}" ;;
    kernels-*) grep '^kernels-' "$log" | cut -d ' ' -f 2- ;;
    shapes) grep -E '^(shapes|colour)-' "$log" ;;
    step-*) grep -E '^(ratio|DIFFERENT|LEFT OUT|CUT OFF|PyTorch|xrbench  |program)' "$log" | sed 's/  */ /g' ;;
    build) grep '^commit ' "$log" ;;
    train) tail -n 1 "$log" | cut -c 1-110 ;;
    *check | *check-all) grep -hE '^[a-z0-9_]+: (clean|FAILED|NOT FINISHED)$' "$log" | paste -sd , | sed 's/,/, /g' ;;
    *) grep -hE '^test_[a-z]+: ' "$log" ;;
  esac
}

# start_step NAME LIMIT: in the background.
start_step() {
  local name=$1 limit=$2
  if [[ -z $GPU && -z $REHEARSE && $name != facts ]]; then
    skipped=$((skipped + 1))
    say "$(printf '%-12s %s' "$name" 'no GPU: skipped')"
    return
  fi
  local why_not=''
  [[ $name == facts || $name == build || (-z $no_build && -x $BUILD/bin/xrtrain) ]] || why_not='there is no build'
  ((limit >= 5)) || why_not='no time left'
  if [[ -n $why_not ]]; then
    failed=$((failed + 1))
    say "$(printf '%-12s NOT RUN: %s' "$name" "$why_not")"
    return
  fi
  begins[$name]=$SECONDS limits[$name]=$limit
  STEP_NAME=$name STEP_LIMIT=$limit timeout -k 5 "$limit" bash "$here/gpu_check_steps.sh" "$name" \
    >"$LOGS/$name.log" 2>&1 </dev/null &
  pids[$name]=$!
}

# finish_step NAME: prints its line of the table.
finish_step() {
  local name=$1 status result
  [[ -n ${pids[$name]:-} ]] || return 0
  wait "${pids[$name]}"
  status=$?
  case $status in
    0) result=ok ;;
    124 | 137) result="over ${limits[$name]} s" ;;
    *) result="FAILED ($status)" ;;
  esac
  ((status == 0)) || failed=$((failed + 1))
  [[ $name != build || $status == 0 ]] || no_build=yes
  say "$(printf '%-12s %-12s %4d s   %s' "$name" "$result" $((SECONDS - begins[$name])) \
    "$(essence "$name" | sed '2,$s/^/                                   /')")"
  if ((status != 0)); then
    say "$({ tail -n +13 <(tac "$LOGS/$name.log") | tac | grep -E 'FAILED|rror:|LEFT OUT' | head -n 8
      tail -n 12 "$LOGS/$name.log"; } | cut -c 1-300 | sed 's/^/    /')"
  fi
  keep_logs
}

# run_stage INDEX: the steps of one of the chosen stages, side by side.
run_stage() {
  local stage=${chosen[$1]} later=0 left=$((started + time_limit - SECONDS)) limit own name
  for name in "${chosen[@]:$1+1}"; do own=${name%% *} later=$((later + ${own%+})); done
  own=${stage%% *}
  limit=$((left - later))
  [[ $own == *+ ]] || ((limit <= own * 3 / 2)) || limit=$((own * 3 / 2))
  ((limit >= ${own%+})) || limit=$((left < ${own%+} ? left : ${own%+}))
  for name in ${stage#* }; do start_step "$name" "$limit"; done
  for name in ${stage#* }; do finish_step "$name"; done
}

say "commit $XR_COMMIT, $(date -u '+%Y-%m-%d %H:%M'), ${GPU:-no GPU}${REHEARSE:+, REHEARSAL on $DEVICE: no figure means anything}"
for stage in "${!chosen[@]}"; do run_stage "$stage"; done
say "$((SECONDS - started)) s; $failed failed, $skipped skipped"
keep_logs
((skipped == 0)) || exit 3
((failed == 0))
