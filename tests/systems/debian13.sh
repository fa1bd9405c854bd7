#!/bin/bash
# Builds and tests the project on Debian 13, in a folder that debootstrap makes:
#   tests/systems/debian13.sh                       ./run demo, then ./run test
#   tests/systems/debian13.sh COMMAND [ARGUMENT...] another command, such as ./run test --tests-regex '^kernels:'
# Needs root and Debian's packages from the network; exits with 77 where it lacks one. The folder (4 GB) is kept for the
# next time, with what was built there: XR_SYSTEMS_DIR (build-systems) holds debian13/. XR_MIRROR names another mirror
# than debootstrap's own.
# Not in the folder: CUDA, PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=trixie
folder=$(realpath -m "${XR_SYSTEMS_DIR:-build-systems}")/debian13
mirror=${XR_MIRROR:-}

skip() {
  echo "skipped: $*"
  exit 77
}

# Each part of it whole: the mark is written last.
make_system() {
  [[ ! -e $folder/.complete ]] || return 0
  command -v debootstrap >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap >/dev/null ||
    skip "debootstrap is missing and apt cannot install it"
  echo "Making Debian 13 in $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  # ccache: for the next build. python3, procps: some tests use them.
  debootstrap --variant=minbase --include=ca-certificates,ccache,procps,python3 $suite "$folder" ${mirror:+"$mirror"} \
    >"$folder.log" 2>&1 || {
    tail -n 5 "$folder.log"
    skip "debootstrap cannot make it${mirror:+ from $mirror}: see $folder.log"
  }
  touch "$folder/.complete"
}

# The files that git tracks or would, with their times, over those of the last time; what was built there stays.
copy_sources() {
  mkdir -p "$folder/root/xrtrain"
  find "$folder/root/xrtrain" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
  done | tar --create --null --files-from - | tar --extract --directory "$folder/root/xrtrain"
}

# inside COMMAND...: in the folder's own view of processes and mounts, which end with the command.
inside() {
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount --propagation private --pid --fork bash -c '
    set -e
    folder=$1
    shift
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount --rbind /sys "$folder/sys"
    mount --bind /etc/resolv.conf "$folder/etc/resolv.conf"
    exec chroot "$folder" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CCACHE_DIR=/root/ccache \
      CMAKE_CXX_COMPILER_LAUNCHER=ccache bash -c "cd /root/xrtrain && exec \"\$@\"" bash "$@"
  ' bash "$folder" "$@"
}

[[ $(id -u) == 0 ]] || skip "Debian 13 in a folder needs root"
command -v unshare >/dev/null || skip "unshare is missing"
make_system
copy_sources
if (($#)); then
  inside "$@"
else
  inside ./run demo
  inside ./run test
fi
