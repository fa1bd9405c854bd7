#!/bin/bash
# Installs the packages on systems where nothing else is, and trains there:
#   tests/systems/packages.sh [BUILD]     BUILD (build): a whole build on Debian 12
# The .deb files on Debian 12: program, then the library with the project of tests/package/consumer. The archive on Debian
# 11 (glibc 2.31), 12 and 13, on Ubuntu 22.04 and 24.04, and in a folder with busybox alone: the checkpoints are the same
# bytes on all of them. In folders: see folders.sh (2 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/systems/folders.sh
build=$(realpath "${1:-build}")
made=$folders/packages

rm -rf "$made"
mkdir -p "$made"
cpack --config "$build/CPackConfig.cmake" -B "$made"
rm -rf "$made/_CPack_Packages"
archive=$(basename "$made"/xrtrain-*.tar.gz .tar.gz)

# What is tried: a training, its evaluation, a prediction and the server, from the folder in which everything is written.
cat >"$made/try.sh" <<'SCRIPT'
set -e
xrtrain=$1
$xrtrain --version
rm -rf phantom run
$xrtrain synth --out phantom --size 64 --train-covid 12 --train-normal 12 --test-covid 6 --test-normal 6 --quiet
$xrtrain train --data phantom --out run --image-size 32 --epochs 2 --threads 2 --quiet
$xrtrain predict run phantom/test | tail -n 2
$xrtrain serve run --port 0 >served &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  [ -s served ] || sleep 1
done
kill $!
grep 'at http://127.0.0.1:[1-9]' served
wait $! || [ $? -gt 128 ]
SCRIPT

# scratch NAME [FROM]: an empty system for one try, a copy of one that was made.
scratch() {
  rm -rf "${folders:?}/$1"
  if (($# > 1)); then
    cp -a --reflink=auto "$folders/$2" "$folders/$1"
  fi
  mkdir -p "$folders/$1/root/xrtrain"
  cp "$made/try.sh" "$folders/$1/root/xrtrain"
}

fail() {
  echo "$*"
  exit 1
}
by_apt() {
  inside deb apt-get -y --no-install-recommends "$@" >"$made/apt.log" 2>&1 || fail "$(tail -n 20 "$made/apt.log")"
}

make_system empty12 bookworm ca-certificates
scratch deb empty12
for package in xrtrain libxrtrain-dev; do cp "$made"/${package}_*.deb "$folders/deb/root/xrtrain/$package.deb"; done
cp -r tests/package/consumer "$folders/deb/root/xrtrain"
echo "== xrtrain_*.deb on Debian 12"
by_apt update
by_apt install ./xrtrain.deb
inside deb sh try.sh xrtrain
echo "== libxrtrain-dev_*.deb on Debian 12"
by_apt install ./libxrtrain-dev.deb g++ cmake ninja-build
inside deb env -u CMAKE_CXX_COMPILER_LAUNCHER sh -c \
  'cmake -G Ninja -S consumer -B built && cmake --build built && built/consumer'
by_apt remove xrtrain
[[ ! -e $folders/deb/usr/bin/xrtrain && ! -e $folders/deb/usr/share/doc/xrtrain ]] || fail "removed, yet there"
rm -rf "$folders/deb"

# archive_on NAME
archive_on() {
  tar --extract --file "$made"/xrtrain-*.tar.gz --directory "$folders/$1/root/xrtrain"
  inside "$1" sh try.sh "/root/xrtrain/$archive/bin/xrtrain"
  sha256sum <"$folders/$1/root/xrtrain/run/checkpoints/01.safetensors" >>"$made/checkpoints"
  rm -rf "${folders:?}/$1"
}

for system in 'empty11 bullseye' 'empty12 bookworm' 'empty13 trixie' 'empty2204 jammy' 'empty2404 noble'; do
  read -r name suite <<<"$system"
  make_system "$name" "$suite" ca-certificates
  scratch archive "$name"
  echo "== archive on $suite: $(inside archive ldd --version | sed -n 1p)"
  archive_on archive
done

echo "== archive with busybox alone"
tool busybox busybox-static
scratch archive
mkdir -p "$folders"/archive/{bin,usr/bin,tmp}
cp "$(command -v busybox)" "$folders/archive/bin"
for name in sh readlink tail rm env sleep grep; do ln -s busybox "$folders/archive/bin/$name"; done
ln -s ../../bin/busybox "$folders/archive/usr/bin/env"
archive_on archive

[[ $(sort -u "$made/checkpoints" | wc -l) == 1 ]] || fail "the checkpoints differ: $(cat "$made/checkpoints")"
echo "The packages work; the checkpoints of the archive are the same bytes on all systems."
