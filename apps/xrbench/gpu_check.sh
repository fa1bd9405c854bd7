#!/bin/bash
# Everything that needs a GPU, in one run: builds for it, runs the kernel, gradient, engine, data and model tests
# there, compute-sanitizer over the kernel tests, times kernels and training steps beside cuDNN and PyTorch, trains
# on the phantom set. Needs CUDA (with cuDNN), CMake, ninja and Python with PyTorch; no network, no other packages.
#
#   gpu_check.sh --pack FILE                   beforehand, where the project builds: what the build needs besides
#   gpu_check.sh --pack-binaries FILE --build DIR   beforehand: programs and tests built in DIR with XR_CUDA=ON
#   gpu_check.sh RESULTS [OPTIONS]
#     --deps FILE       from --pack (default: .gpu-deps/deps.tar.xz, if it is there)
#     --binaries FILE   from --pack-binaries, or a folder of these: used in place of building
#     --commit ID       of this tree, where it has no .git (default: that of the packs, else git's)
#     --only "A B"      these steps alone; all: facts build tests cudnn engine memcheck racecheck initcheck
#                       kernels step-fp32 step-tf32 step-bf16 train
#     --work DIR        for the build and the runs (default: a temporary folder)
#     --build-dir DIR   use this build folder as it is, and do not build
#     --time-limit S    for everything (default 530); a step for which none is left is not run
#     --rehearse        every step at small shapes on the SIMT executor and the CPU, to try the script itself
#
# RESULTS gets summary.txt, results.tar.gz (all logs) and kernels-*.json. Each step has a time limit, and a failure
# does not stop the later ones. Exit status: 0 all passed, 1 some failed, 2 usage, 3 no GPU here.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export ROOT=${here%/apps/xrbench}
steps=(facts build tests cudnn engine memcheck racecheck initcheck kernels step-fp32 step-tf32 step-bf16 train)

usage() {
  sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

results='' deps='' binaries='' commit='' only="${steps[*]}" work='' rehearse='' build_dir='' pack='' pack_binaries=''
time_limit=530
while (($#)); do
  case $1 in
    --rehearse) rehearse=yes ;;
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
[[ -n $results ]] || usage
for name in $only; do
  [[ " ${steps[*]} " == *" $name "* ]] || { echo "gpu_check.sh: no step $name; there are ${steps[*]}" >&2; exit 2; }
done

started=$SECONDS
mkdir -p "$results" || exit 2
results=$(cd "$results" && pwd)
[[ -n $work ]] || { work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; }
mkdir -p "$work"
WORK=$(cd "$work" && pwd)
LOGS=$WORK/logs
rm -rf "$LOGS"
mkdir -p "$LOGS"
PYTHON=${XR_PYTHON:-python3}
REHEARSE=$rehearse
export WORK LOGS PYTHON REHEARSE
PATH=$PATH:/usr/local/cuda/bin
export OMP_WAIT_POLICY=passive PYTHONUNBUFFERED=1

# The card that runs the steps; empty without one.
GPU=$(nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
export GPU
if [[ -n $REHEARSE ]]; then
  DEVICE=simt TEST_FILTER='relu*,softmax forward*,fill' SANITIZER_FILTER='relu forward and backward'
  ENGINE_FILTER='*optimizer*' GRADIENT_FILTER='gradcheck max_pool2d'
else
  DEVICE=cuda TEST_FILTER='*' SANITIZER_FILTER='~augment*' ENGINE_FILTER='*' GRADIENT_FILTER='*'
fi
export DEVICE TEST_FILTER SANITIZER_FILTER ENGINE_FILTER GRADIENT_FILTER

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
elif [[ -n $build_dir ]]; then
  BUILD=$(cd "$build_dir" && pwd) || exit 2
elif [[ -n $deps ]]; then
  DEPS=$(unpack "$deps" deps) || exit 2
fi
BUILD_GIVEN=$build_dir
export DEPS BINARIES BUILD BUILD_GIVEN
[[ -n $commit ]] || commit=$(cat "${BINARIES:-$DEPS}/commit" 2>/dev/null || git -C "$ROOT" rev-parse HEAD 2>/dev/null)
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

facts() {
  echo "commit $XR_COMMIT"
  date -u
  uname -srm
  grep -m 1 'model name' /proc/cpuinfo
  echo "$(nproc) cores"
  grep PRETTY_NAME /etc/os-release
  nvidia-smi || echo "no nvidia-smi"
  nvcc --version || echo "no nvcc"
  g++ --version | head -n 1
  cmake --version | head -n 1
  compute-sanitizer --version || echo "no compute-sanitizer"
  "$PYTHON" -c 'import torch; print("PyTorch", torch.__version__, "cuDNN", torch.backends.cudnn.version())' ||
    echo "no PyTorch in $PYTHON"
  echo "cuDNN and cuBLAS of Python: ${XR_CUDNN_PATH:-none}"
  "$BUILD/bin/xrtrain" info 2>/dev/null || echo "xrtrain is not built yet"
}

build() {
  local name options=() architecture targets includes
  if [[ -n $BINARIES ]]; then
    echo "using the binaries of commit $(cat "$BINARIES/commit")"
    [[ $(cat "$BINARIES/commit") == "$XR_COMMIT" ]] || echo "this tree is commit $XR_COMMIT"
    [[ $(cat "$BINARIES/machine") == "$(uname -m)" ]] || { echo "they are for another processor"; return 1; }
    link_golden_files
    "$BUILD/bin/xrtrain" info && "$BUILD/bin/test_kernels" 'philox*'
    return
  fi
  [[ -z $BUILD_GIVEN ]] || { "$BUILD/bin/xrtrain" info; return; }
  if [[ -n $DEPS ]]; then
    for name in fmt CLI11 nlohmann_json Catch2; do options+=(-D "${name}_DIR=$DEPS/share/cmake/$name"); done
    options+=(-D "OneDNN_INCLUDE_DIR=$DEPS/include" -D "OneDNN_LIBRARY=$DEPS/lib/libdnnl.so"
      -D "XR_TOMLPLUSPLUS_INCLUDE_DIR=$DEPS/include" -D "XR_STB_INCLUDE_DIR=$DEPS/include"
      -D "CMAKE_EXE_LINKER_FLAGS=-Wl,-rpath-link,$DEPS/lib")
  fi
  if [[ -n $REHEARSE ]]; then
    options+=(-D XR_SIMT=ON -D XR_CUDA=OFF)
  else
    architecture=$(cut -d, -f2 <<<"$GPU" | tr -d ' .')
    [[ $architecture != 90 ]] || architecture=90a
    IFS=: read -ra includes <<<"$PYTHON_INCLUDES"
    name=$(find "${includes[@]}" -maxdepth 1 -name cudnn_graph.h 2>/dev/null | head -n 1)
    [[ -z $name || -e /usr/local/cuda/include/cudnn_graph.h || -e /usr/include/cudnn_graph.h ]] ||
      options+=(-D "XR_CUDNN_INCLUDE_DIR=${name%/*}")
    options+=(-D XR_CUDA=ON -D "XR_CUDA_ARCHITECTURES=$architecture-real")
  fi
  targets=(xrtrain xrbench test_kernels test_gradcheck test_engine test_data test_model)
  cmake -S "$ROOT" -B "$BUILD" -G Ninja -D CMAKE_BUILD_TYPE=Release -D XR_WARNINGS_AS_ERRORS=OFF \
    "${options[@]}" &&
    cmake --build "$BUILD" --parallel "${XR_JOBS:-$(nproc)}" --target "${targets[@]}"
}

# The tests look for their golden files where the binaries were built.
link_golden_files() {
  local source
  source=$(cat "$BINARIES/source")
  [[ ! -e $source/tests/golden ]] || return 0
  mkdir -p "$source/tests" && ln -s "$ROOT/tests/golden" "$source/tests/golden" &&
    echo "$source/tests/golden now leads to $ROOT/tests/golden"
}

# run_tests PROGRAM FILTER
run_tests() { XR_TEST_BACKENDS=$DEVICE "$BUILD/bin/$1" "$2" --durations yes; }
tests() {
  local status=0
  run_tests test_kernels "$TEST_FILTER" || status=1
  run_tests test_gradcheck "$GRADIENT_FILTER" || status=1
  return $status
}
# The same kernel tests through cuDNN and cuBLAS: whether what is asked of these is right.
cudnn() { XR_TEST_KERNELS=cudnn run_tests test_kernels "$TEST_FILTER"; }
engine() {
  local status=0 program
  for program in test_engine test_data test_model; do
    "$BUILD/bin/$program" "$ENGINE_FILTER" || status=1
  done
  return $status
}

# sanitize TOOL FILTER
sanitize() {
  local tool=(compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 30)
  [[ -z $REHEARSE ]] || tool=(echo "would run: ${tool[*]}")
  [[ -n $REHEARSE ]] || command -v compute-sanitizer || { echo "there is no compute-sanitizer"; return 1; }
  XR_TEST_BACKENDS=$DEVICE "${tool[@]}" "$BUILD/bin/test_kernels" "$2"
}
memcheck() { sanitize memcheck "$SANITIZER_FILTER"; }
racecheck() { sanitize racecheck "$SANITIZER_FILTER"; }
initcheck() { sanitize initcheck "$SANITIZER_FILTER"; }

kernels() {
  local precision status=0 files=() options=(--device cuda --batch 60 --max-time 0.5)
  [[ -z $REHEARSE ]] || options=(--device simt --batch 1 --check)
  for precision in fp32 tf32 bf16; do
    timeout 40 "$BUILD/bin/xrbench" kernels "${options[@]}" --precision $precision \
      --json "$LOGS/kernels-$precision.json" || status=1
    [[ ! -s $LOGS/kernels-$precision.json ]] || files+=("$LOGS/kernels-$precision.json")
  done
  ((${#files[@]})) || return 1
  "$PYTHON" "$ROOT/apps/xrbench/gpu_check_tables.py" kernels "${files[@]}" || status=1
  return $status
}

# step PRECISION: beside PyTorch.
step() {
  local options=(--device cuda)
  [[ -z $REHEARSE ]] || options=(--device simt --batch-size 2 --image-size 16 --rounds 1 --block 1 --warm-up 1
    --trial 1 --modes eager --cores "$(taskset -pc $$ | sed 's/.*: //; s/-/,/')")
  XRBENCH=$BUILD/bin/xrbench XR_PYTHON=$PYTHON TMPDIR=$WORK "$ROOT/apps/xrbench/peers/compare.sh" \
    "${options[@]}" --precision "$1" --keep-going --output "$LOGS/step-$1.md"
}
step-fp32() { step fp32; }
step-tf32() { step tf32; }
step-bf16() { step bf16; }

train() {
  local common=(--data "$WORK/phantom" --epochs 5 --preset report --image-size 128 --quiet --force --workers 4)
  local counts=() device
  if [[ -n $REHEARSE ]]; then
    common+=(--image-size 16 --epochs 1 --batch-size 4)
    counts=(--size 64 --train-covid 6 --train-normal 6 --test-covid 2 --test-normal 2)
  fi
  export XRTRAIN_CACHE=$WORK/cache
  rm -rf "$WORK/phantom"
  "$BUILD/bin/xrtrain" synth --out "$WORK/phantom" "${counts[@]}" --quiet || return
  for device in "$DEVICE" cpu; do
    time "$BUILD/bin/xrtrain" train "${common[@]}" --device "$device" --out "$WORK/run-$device" || return
  done
  "$PYTHON" "$ROOT/apps/xrbench/gpu_check_tables.py" training "$WORK/run-$DEVICE" "$WORK/run-cpu"
}

export -f facts build link_golden_files run_tests tests cudnn engine sanitize memcheck racecheck initcheck kernels step \
  step-fp32 step-tf32 step-bf16 train

failed=0 skipped=0
: >"$results/summary.txt"
say() { printf '%s\n' "$*" | tee -a "$results/summary.txt"; }

# The line of a step's log that says most.
essence() {
  case $1 in
    facts) echo "${GPU:-no GPU}" ;;
    kernels) grep -E '^kernels-' "$LOGS/$1.log" | paste -sd '|' | sed 's/|/\n                                    /g' ;;
    step-*) grep -E '^(ratio|DIFFERENT|LEFT OUT|PyTorch|xrbench  )' "$LOGS/$1.log" | paste -sd '|' |
      sed 's/  */ /g; s/|/\n                                    /g' ;;
    train) tail -n 1 "$LOGS/$1.log" ;;
    build) tail -n 1 "$LOGS/$1.log" | cut -c 1-80 ;;
    *) grep -hE '^(test cases:|All tests passed|========= (ERROR|RACECHECK) SUMMARY)' "$LOGS/$1.log" | paste -sd ' ' |
      sed 's/=========//g; s/  */ /g' ;;
  esac
}

# run_step NAME LIMIT: prints its line of the table.
run_step() {
  local name=$1 limit=$2 begin=$SECONDS status result
  [[ " $only " == *" $name "* ]] || return 0
  if [[ -z $GPU && -z $REHEARSE && $name != facts ]]; then
    skipped=$((skipped + 1))
    say "$(printf '%-10s %-16s' "$name" 'no GPU: skipped')"
    return
  fi
  ((limit <= started + time_limit - SECONDS)) || limit=$((started + time_limit - SECONDS))
  if ((limit < 5)); then
    failed=$((failed + 1))
    say "$(printf '%-10s %s' "$name" 'NOT RUN: no time left')"
    return
  fi
  timeout -k 5 "$limit" bash -c "$name" >"$LOGS/$name.log" 2>&1 </dev/null
  status=$?
  case $status in
    0) result=ok ;;
    124 | 137) result="over ${limit} s" ;;
    *) result="FAILED ($status)" ;;
  esac
  ((status == 0)) || failed=$((failed + 1))
  say "$(printf '%-10s %-14s %4d s   %s' "$name" "$result" $((SECONDS - begin)) "$(essence "$name")")"
  ((status == 0)) || tail -n 12 "$LOGS/$name.log" | sed 's/^/    /'
}

say "commit $XR_COMMIT, $(date -u '+%Y-%m-%d %H:%M'), ${GPU:-no GPU}${REHEARSE:+, REHEARSAL: no figure means anything}"
run_step facts 40
run_step build 400
run_step tests 120
run_step cudnn 60
run_step engine 60
run_step memcheck 90
run_step racecheck 90
run_step initcheck 60
run_step kernels 130
run_step step-fp32 110
run_step step-tf32 110
run_step step-bf16 110
run_step train 90
say "$((SECONDS - started)) s; $failed failed, $skipped skipped"

find "$LOGS" -name 'kernels-*.json' -size -16M -exec cp {} "$results/" \;
tar -C "$LOGS" -czf "$results/results.tar.gz" .
((skipped == 0)) || exit 3
((failed == 0))
