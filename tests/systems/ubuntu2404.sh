#!/bin/bash
# Builds and tests the project on Ubuntu 24.04, in a folder (folders.sh; 4 GB):
#   tests/systems/ubuntu2404.sh                       ./run demo, then ./run test
#   tests/systems/ubuntu2404.sh COMMAND [ARGUMENT...] another command
# Debian has no keys of Ubuntu's archive: without the package ubuntu-keyring debootstrap warns and takes what the mirror
# has. Not in the folder: CUDA, PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/systems/folders.sh

make_system ubuntu2404 noble ca-certificates,ccache,procps,python3 --components=main,universe
copy_sources ubuntu2404
if (($#)); then
  inside ubuntu2404 "$@"
else
  inside ubuntu2404 ./run demo
  inside ubuntu2404 ./run test
fi
