#!/bin/bash
# The steps of gpu_check.sh, which sets the variables: gpu_check_steps.sh NAME runs one.
set -uo pipefail
# A step that is cut off says what there is: its programs end, no further ones start.
cut_off=''
trap 'cut_off=yes' TERM

# Filters of Catch2, each for a process of its own: these run side by side. Between names in quotes, ~ is "but not".
if [[ -n $REHEARSE ]]; then
  ENGINE_FILTER='*optimizer*'
  GRADIENT_SHARDS=('gradcheck max_pool2d' 'gradcheck softmax*') TEST_SHARDS=('relu*,fill' 'softmax forward*')
  SANITIZED=(augment elements) SELECTED=(augment elements)
else
  ENGINE_FILTER='*'
  GRADIENT_SHARDS=('gradcheck xray_resnet*' 'gradcheck report_cnn*' '~"gradcheck xray*"~"gradcheck report*"')
  TEST_SHARDS=('conv2d*' 'matmul*,linear*' '~"conv2d*"~"matmul*"~"linear*"')
  SANITIZED=(conv_forward conv_backward conv_few conv_implicit conv_3x3 conv_rest matmul linear norm norm_backward
    norm_relu rows pools reorder augment activations elements reductions)
  SELECTED=(conv_small conv_few conv_3x3 products_small norm_small rows_small reorder_small augment)
fi
# What the sanitizers look at: all tests of kernels of our own (tests/apps/xrbench/scripts.py sees to it), but not those
# of the harness and of memory, which ask for what they report.
declare -A SANITIZER_FILTERS=(
  [conv_forward]='conv2d forward*,conv2d partial*' [conv_backward]='conv2d backward*'
  [conv_few]='conv2d direct*,conv2d depthwise*,conv2d kernels for*' [conv_implicit]='conv2d implicit*' [conv_3x3]='conv2d 3x3*'
  [conv_rest]='conv2d rounds*,conv2d of*,conv2d kernels keep*,conv2d filter*'
  [matmul]='matmul with*,matmul kernels*' [linear]='linear forward*,linear kernels*'
  [norm]='batch_norm2d forward*,batch_norm2d refuses*,batch_norm2d stat*'
  [norm_backward]='batch_norm2d backward*,batch_norm2d gradients*'
  [norm_relu]='batch_norm2d_relu*' [rows]='softmax*,log_softmax*,cross_entropy*,binary_cross_entropy*'
  [pools]='max_pool2d*,avg_pool2d*,global_avg_pool2d*' [reorder]='reorder*,copy_channels*' [augment]='augment*'
  [activations]='relu*,leaky_relu*,dropout*' [elements]='cast*,fill,scale,add *,multiply *,adam*,sgd*'
  [reductions]='sum_to_shape,broadcast_to'
  # One small test of each family that uses shared memory, for the slow tools.
  [conv_small]='conv2d rounds*,conv2d implicit matrix products towards*'
  [products_small]='matmul with*,linear forward*'
  [norm_small]='batch_norm2d forward in training,batch_norm2d stat*,batch_norm2d_relu with pooling in training'
  [rows_small]='softmax forward*,cross_entropy forward*,sum_to_shape,global_avg_pool2d*'
  [reorder_small]='reorder between*')
[[ -z $REHEARSE ]] || SANITIZER_FILTERS[elements]='fill,scale'

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
  "$PYTHON" --version
  compute-sanitizer --version || echo "no compute-sanitizer"
  "$PYTHON" -c 'import torch; print("PyTorch", torch.__version__, "cuDNN", torch.backends.cudnn.version())' ||
    echo "no PyTorch in $PYTHON"
  echo "cuDNN and cuBLAS of Python: ${XR_CUDNN_PATH:-none}"
}

# Whether the compiler finds the packages that the build needs, in the pack or on the machine.
find_packages() {
  local header missing=()
  for header in fmt/core.h CLI/CLI.hpp toml++/toml.h nlohmann/json.hpp catch2/catch.hpp stb/stb_image.h dnnl.hpp; do
    "${CXX:-c++}" -x c++ -std=c++20 -fsyntax-only ${DEPS:+-I "$DEPS/include"} -include "$header" /dev/null \
      2>/dev/null || missing+=("$header")
  done
  ((${#missing[@]})) || return 0
  echo "missing here: ${missing[*]}. Where the project builds: gpu_check.sh --pack FILE; here: --deps FILE"
  return 1
}

build() {
  local name header options=() architecture targets includes
  if [[ -n $BINARIES ]]; then
    [[ $(cat "$BINARIES/machine") == "$(uname -m)" ]] || { echo "they are for another processor"; return 1; }
    link_golden_files
    "$BUILD/bin/xrtrain" info && "$BUILD/bin/test_kernels" 'philox*' && commit_of_build
    return
  fi
  [[ -z $BUILD_GIVEN ]] || { "$BUILD/bin/xrtrain" info && commit_of_build; return; }
  find_packages || return
  if [[ -n $DEPS ]]; then
    for name in fmt CLI11 nlohmann_json Catch2; do options+=(-D "${name}_DIR=$DEPS/share/cmake/$name"); done
    options+=(-D "OneDNN_INCLUDE_DIR=$DEPS/include" -D "OneDNN_LIBRARY=$DEPS/lib/libdnnl.so"
      -D "XR_TOMLPLUSPLUS_INCLUDE_DIR=$DEPS/include" -D "XR_STB_INCLUDE_DIR=$DEPS/include"
      -D "XR_JPEG_INCLUDE_DIR=$DEPS/include" -D "XR_JPEG_jpeg=$DEPS/lib/libjpeg.so"
      -D "CMAKE_EXE_LINKER_FLAGS=-Wl,-rpath-link,$DEPS/lib")
  fi
  if [[ -n $REHEARSE ]]; then
    options+=(-D XR_SIMT=ON -D XR_CUDA=OFF)
  else
    architecture=$(cut -d, -f2 <<<"$GPU" | tr -d ' .')
    [[ $architecture != 90 ]] || architecture=90a
    IFS=: read -ra includes <<<"$PYTHON_INCLUDES"
    # In Python's packages each library has a folder of its own.
    for name in CUDNN=cudnn_graph.h CUBLAS=cublas_v2.h; do
      header=$(find "${includes[@]}" -maxdepth 1 -name "${name#*=}" 2>/dev/null | head -n 1)
      [[ -z $header || -e /usr/local/cuda/include/${name#*=} || -e /usr/include/${name#*=} ]] ||
        options+=(-D "XR_${name%=*}_INCLUDE_DIR=${header%/*}")
    done
    options+=(-D XR_CUDA=ON -D "XR_CUDA_ARCHITECTURES=$architecture-real")
  fi
  targets=(xrtrain xrbench test_kernels test_gradcheck test_engine test_data test_model test_bench)
  [[ -n $REHEARSE ]] || targets+=(test_cudnn)
  cmake -S "$ROOT" -B "$BUILD" -G Ninja -D CMAKE_BUILD_TYPE=Release -D XR_WARNINGS_AS_ERRORS=OFF \
    "${options[@]}" | tee "$LOGS/cmake.log" || return
  if [[ -z $REHEARSE ]] && grep '^-- cuDNN: .*left out' "$LOGS/cmake.log"; then
    echo "without cuDNN and cuBLAS there is nothing to compare with: install their headers, or pip's packages of them"
    return 1
  fi
  cmake --build "$BUILD" --parallel "${XR_JOBS:-$(nproc)}" --target "${targets[@]}" && commit_of_build
}

# What the JSON files will say, too.
commit_of_build() {
  local built others=''
  built=$("$BUILD/bin/xrbench" --version) || return
  built=${built##* }
  [[ $XR_COMMIT == "${built%-dirty}"* ]] || others=", this tree is $XR_COMMIT"
  echo "commit $built was built$others"
}

# The tests look for their golden files where the binaries were built.
link_golden_files() {
  local source
  source=$(cat "$BINARIES/source")
  [[ ! -e $source/tests/golden ]] || return 0
  mkdir -p "$source/tests" && ln -s "$ROOT/tests/golden" "$source/tests/golden" &&
    echo "$source/tests/golden now leads to $ROOT/tests/golden"
}

# run_shards PROGRAM FILTER...: the tests of the program, a process for each filter; then how many passed.
run_shards() {
  local program=$1 shard status=0 pids=() log=$LOGS/${STEP_NAME}-$1
  [[ -z $cut_off ]] || return 1
  shift
  for ((shard = 1; shard <= $#; ++shard)); do
    XR_TEST_BACKENDS=$DEVICE OMP_NUM_THREADS=2 "$BUILD/bin/$program" "${!shard}" --durations yes >"$log.$shard" 2>&1 &
    pids+=($!)
  done
  for shard in "${pids[@]}"; do wait "$shard" || status=1; done
  cat "$log".*
  awk -v program="$program" '
    /^No tests ran/ { ++ended }
    /^All tests passed/ { sub(/.* assertions? in /, ""); passed += $1; ++ended }
    /^test cases:/ {
      for (i = 1; i <= NF; ++i) { if ($i == "passed") passed += $(i - 1); if ($i == "failed") failed += $(i - 1) }
      ++ended
    }
    END { printf "%s: %d passed, %d failed", program, passed, failed
          if (ended < ARGC - 1) printf ", %d of %d PROCESSES DIED", ARGC - 1 - ended, ARGC - 1
          print "" }' "$log".*
  rm -f "$log".*
  return $status
}
gradients() { run_shards test_gradcheck "${GRADIENT_SHARDS[@]}"; }
tests() { run_shards test_kernels "${TEST_SHARDS[@]}"; }
# The same through cuDNN and cuBLAS: whether what is asked of these is right.
cudnn() {
  local status=0
  if [[ -n $REHEARSE && $DEVICE == cuda ]]; then
    echo "test_kernels: the software GPU has no cuDNN"
    return
  fi
  export XR_TEST_KERNELS=cudnn
  run_shards test_kernels "${TEST_SHARDS[@]}" || status=1
  run_shards test_gradcheck "${GRADIENT_SHARDS[@]}" || status=1
  run_if_built test_cudnn || status=1
  return $status
}
engine() {
  local status=0 program
  for program in test_engine test_data test_model; do run_shards $program "$ENGINE_FILTER" || status=1; done
  [[ -n $REHEARSE ]] || run_if_built test_bench || status=1
  return $status
}
# Programs that only run where they were built.
run_if_built() {
  if [[ -x $BUILD/bin/$1 ]]; then run_shards "$1" '*'; else echo "$1: not in this build"; fi
}

# sanitize TOOL GROUP...: the groups side by side, each with a log of its own, so that what ended counts.
sanitize() {
  local tool=(compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 30) name=$STEP_NAME group status=0 pids=()
  shift
  if [[ -n $REHEARSE ]]; then
    tool=()
  elif ! command -v compute-sanitizer; then
    echo "there is no compute-sanitizer"
    return 1
  fi
  for group; do
    {
      if XR_TEST_BACKENDS=$DEVICE OMP_NUM_THREADS=1 "${tool[@]}" "$BUILD/bin/test_kernels" \
        "${SANITIZER_FILTERS[$group]}" >"$LOGS/$name-$group.log" 2>&1 &&
        ! grep '^No tests ran' "$LOGS/$name-$group.log"; then
        echo "$group: clean"
      else
        echo "$group: FAILED"
        grep -hE '^=========' "$LOGS/$name-$group.log" | head -n 20
        tail -n 5 "$LOGS/$name-$group.log"
        false
      fi
    } >"$LOGS/$name-$group.result" &
    pids+=($!)
  done
  for group in "${pids[@]}"; do wait "$group" || status=1; done
  for group; do
    # A group that the time limit ended has said nothing.
    [[ -s $LOGS/$name-$group.result ]] || { echo "$group: NOT FINISHED" && status=1; }
    cat "$LOGS/$name-$group.result"
    rm -f "$LOGS/$name-$group.result"
  done
  return $status
}
memcheck() { sanitize memcheck "${SANITIZED[@]}"; }
racecheck() { sanitize racecheck "${SELECTED[@]}"; }
initcheck() { sanitize initcheck "${SELECTED[@]}"; }
racecheck-all() { sanitize racecheck "${SANITIZED[@]}"; }
initcheck-all() { sanitize initcheck "${SANITIZED[@]}"; }

# kernels_in PRECISION FILE OPTION...: the table of xrbench, and what it says in short, also of a run cut off.
kernels_in() {
  local precision=$1 file=$2 status=0
  [[ -z $cut_off ]] || return 1
  shift 2
  # glibc keeps freed memory: fresh pages for each operand would take longer than all else.
  MALLOC_MMAP_THRESHOLD_=17179869184 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=67108864 \
    "$BUILD/bin/xrbench" kernels --precision "$precision" --json "$file" "$@" || status=1
  rm -f "$file.part"
  [[ ! -s $file ]] || "$PYTHON" "$ROOT/apps/xrbench/gpu_check_tables.py" kernels "$file" || status=1
  return $status
}
kernels() {
  local status=0
  if [[ -n $REHEARSE ]]; then
    kernels_in "$1" "$RESULTS/kernels-$1.json" --device "$DEVICE" --batch 1 --check || status=1
    # The clock's path, too: on the CPU.
    [[ $1 != fp32 ]] || kernels_in fp32 "$RESULTS/kernels-cpu.json" --device cpu --batch 1 --size 20 --min-time 0 \
      --max-time 0.01 || status=1
    return $status
  fi
  kernels_in "$1" "$RESULTS/kernels-$1.json" --device cuda --batch 60 --size 224 --min-time 0.05 --max-time 0.1 \
    --time-limit $((STEP_LIMIT - 4))
}
kernels-fp32() { kernels fp32; }
kernels-tf32() { kernels tf32; }
kernels-bf16() { kernels bf16; }

# The other shapes of the report and colour images.
shapes() {
  local precision status=0 shape options=(--device cuda --min-time 0.1 --max-time 0.2) all=(32x224 256x224 16x512)
  [[ -z $REHEARSE ]] || { options=(--device "$DEVICE" --check) && all=(1x20); }
  for precision in tf32 bf16 fp32; do
    kernels_in $precision "$LOGS/colour-$precision.json" "${options[@]}" --batch "${all[0]%x*}" --size "${all[0]#*x}" \
      --channels 3 --operation report_cnn.conv1 || status=1
    for shape in "${all[@]}"; do
      kernels_in $precision "$LOGS/shapes-$precision-$shape.json" "${options[@]}" --batch "${shape%x*}" \
        --size "${shape#*x}" || status=1
    done
  done
  return $status
}

# Compiles PyTorch's steps beforehand, beside the tests, into the caches that compare.sh's programs read.
compile() {
  local precision dropout pids=() pid status=0 modes=compile+cuda_graphs+channels_last+fused_adam+cudnn_benchmark
  local options=(--device cuda --threads 4) precisions=(fp32 tf32 bf16)
  [[ -z $REHEARSE ]] || { options=(--batch-size 2 --image-size 16) precisions=(fp32) modes=eager; }
  for precision in "${precisions[@]}"; do
    (for dropout in 0.25 0; do
      "$PYTHON" "$ROOT/apps/xrbench/peers/pytorch_step.py" "${options[@]}" --precision "$precision" --mode $modes \
        --dropout $dropout --warm-up 0 --steps 1 || exit 1
    done) &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  return $status
}

# step PRECISION: beside PyTorch.
step() {
  local options=(--device cuda --patience $((STEP_LIMIT - 15)) --rounds 8)
  [[ -z $REHEARSE ]] || options=(--device "$DEVICE" --simulated --batch-size 2 --image-size 16 --rounds 1 --block 1
    --warm-up 1 --together --modes eager --cores "$(taskset -pc $$ | sed 's/.*: //; s/-/,/')")
  export XRBENCH=$BUILD/bin/xrbench XR_PYTHON=$PYTHON TMPDIR=$WORK
  exec "$ROOT/apps/xrbench/peers/compare.sh" "${options[@]}" --precision "$1" --keep-going --output "$LOGS/step-$1.md"
}
step-fp32() { step fp32; }
step-tf32() { step tf32; }
step-bf16() { step bf16; }

train() {
  local common=(--data "$WORK/phantom" --epochs 5 --preset report --image-size 128 --quiet --force --workers 4
    --keep 1)
  local counts=() where
  if [[ -n $REHEARSE ]]; then
    common+=(--image-size 16 --epochs 1 --batch-size 4)
    counts=(--size 64 --train-covid 6 --train-normal 6 --test-covid 2 --test-normal 2)
  fi
  export XRTRAIN_CACHE=$WORK/cache
  rm -rf "$WORK/phantom"
  "$BUILD/bin/xrtrain" synth --out "$WORK/phantom" "${counts[@]}" --quiet || return
  for where in "$DEVICE" cpu; do
    time "$BUILD/bin/xrtrain" train "${common[@]}" --device "$where" --out "$WORK/run-$where" || return
    cp "$WORK/run-$where/history.csv" "$LOGS/train-$where.csv" && cat "$LOGS/train-$where.csv"
  done
  "$PYTHON" "$ROOT/apps/xrbench/gpu_check_tables.py" training "$WORK/run-$DEVICE" "$WORK/run-cpu"
}

"$1"
