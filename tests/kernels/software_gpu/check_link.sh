#!/bin/bash
# A function of the CUDA runtime that the software GPU does not know does not link, and the linker names it.
#   check_link.sh COMPILER INCLUDES FOLDER LIBRARY...      INCLUDES: of CUDA, with ";" between
set -uo pipefail
compiler=$1
includes=()
IFS=';' read -ra folders <<<"$2"
for folder in "${folders[@]}"; do includes+=(-isystem "$folder"); done
folder=$3
shift 3
mkdir -p "$folder"

# link CALL: of a program that makes it.
link() {
  printf '#include <cuda_runtime_api.h>\nint main() { return %s; }\n' "$1" >"$folder/program.cpp"
  "$compiler" -std=c++20 "${includes[@]}" "$folder/program.cpp" -o "$folder/program" "${libraries[@]}" -pthread \
    >"$folder/errors" 2>&1
}
libraries=("$@")

link 'static_cast<int>(cudaDeviceSynchronize())' || { cat "$folder/errors"; exit 1; }
"$folder/program" || { echo "WRONG: a known function does not work"; exit 1; }
if link 'static_cast<int>(cudaDeviceReset())'; then
  echo "WRONG: a function that is not known links"
  exit 1
fi
grep -q 'undefined reference to .cudaDeviceReset' "$folder/errors" || { cat "$folder/errors"; exit 1; }
