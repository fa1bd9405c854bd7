#!/bin/bash
# Compiles the project for 64-bit ARM with Debian 12's cross-compiler, and runs what it made on an emulated processor:
#   tests/systems/arm64.sh                        the libraries, a program on them, tests of kernels and engine, xrtrain
#   tests/systems/arm64.sh COMMAND [ARGUMENT...]  another command, in the sources, after the build is configured
# In a folder (folders.sh; 2 GB). Not there: GDCM, ONNX, MPI, CUDA. The code is compiled with little optimization: it is
# to be right here, not quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/systems/folders.sh

libraries='libfmt-dev libdnnl-dev libstb-dev libjpeg62-turbo-dev libtiff-dev libwebp-dev libgif-dev libopenjp2-7-dev
  libcharls-dev zlib1g-dev catch2'
any='libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libhnswlib-dev' # headers: of every architecture or of none

make_system arm64 bookworm ca-certificates
if [[ ! -e $folders/arm64/.packages ]]; then
  inside arm64 dpkg --add-architecture arm64
  # shellcheck disable=SC2046,SC2086 # one word per package
  if ! { inside arm64 apt-get update && inside arm64 apt-get install -y --no-install-recommends \
    ccache cmake ninja-build procps g++-aarch64-linux-gnu qemu-user-static $any \
    $(printf '%s:arm64 ' $libraries); } >"$folders/arm64.log" 2>&1; then
    tail -n 20 "$folders/arm64.log"
    skip "apt cannot install the cross-compiler and ARM's libraries"
  fi
  touch "$folders/arm64/.packages"
fi
copy_sources arm64

inside arm64 cmake -G Ninja -B build-arm64 -D CMAKE_TOOLCHAIN_FILE=tests/systems/arm64.cmake \
  -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' -D CMAKE_UNITY_BUILD=ON -D XR_SIMT=OFF \
  >"$folders/arm64.log" 2>&1 || {
  tail -n 20 "$folders/arm64.log"
  exit 1
}
if (($#)); then
  inside arm64 "$@"
  exit
fi
# build TARGET...
build() { inside arm64 cmake --build build-arm64 --parallel "$(nproc)" --target "$@"; }

echo "== the libraries, and a program that trains a network with them"
build xr_kernels xr_engine xr_model xr_data
# shellcheck disable=SC2016 # the inner shell expands it
inside arm64 sh -c '
  set -e
  cmake --install build-arm64 --component development --prefix "$PWD/build-arm64/prefix" >/dev/null
  cmake -G Ninja -S tests/package/consumer -B build-arm64/consumer \
    -D CMAKE_TOOLCHAIN_FILE="$PWD/tests/systems/arm64.cmake" -D CMAKE_PREFIX_PATH="$PWD/build-arm64/prefix" >/dev/null
  cmake --build build-arm64/consumer
  qemu-aarch64-static build-arm64/consumer/consumer
  export DNNL_VERBOSE=1
  qemu-aarch64-static build-arm64/consumer/consumer | grep -m 1 cpu,isa
  qemu-aarch64-static build-arm64/consumer/consumer | grep -m 1 exec,cpu,convolution'

echo "== tests, and the program"
build test_kernels test_engine xrtrain
# A share of the cases: an emulated processor takes long.
inside arm64 env XR_TEST_SHARE=0/8 ctest --test-dir build-arm64 --output-on-failure --no-tests=error \
  --parallel "$(nproc)" --tests-regex '^(kernels|engine): '
inside arm64 sh -c '
  set -e
  xrtrain() { qemu-aarch64-static build-arm64/bin/xrtrain "$@"; }
  export OMP_WAIT_POLICY=passive # else it would start itself once more, without the emulator
  rm -rf build-arm64/run build-arm64/phantom
  xrtrain --version
  xrtrain synth --out build-arm64/phantom --size 64 --train-covid 8 --train-normal 8 --test-covid 4 --test-normal 4
  xrtrain train --data build-arm64/phantom --out build-arm64/run --image-size 32 --epochs 1 --threads 1'
