#!/bin/bash
# check_packages.sh CPACK BUILD WORK: cpack makes two .deb files and an archive. They hold what they should, licences
# included, and the program of the archive, unpacked elsewhere, trains with none of the system's libraries.
# tests/systems/packages.sh installs them on other systems.
set -euo pipefail
cpack=$1 build=$2 work=$3
for tool in dpkg-deb dpkg-shlibdeps dpkg-query ldd; do
  command -v $tool >/dev/null || {
    echo "skipped: packages need $tool (Debian: dpkg-dev)"
    exit 77
  }
done
fail() {
  echo "$*"
  exit 1
}

rm -rf "$work"
mkdir -p "$work/elsewhere/a folder"
# Compressed lightly: this is about what is in them.
"$cpack" --config "$build/CPackConfig.cmake" -B "$work" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip
cd "$work"

# holds LISTING PATH...: each path is in a listing of a package.
holds() {
  local listing=$1 path
  shift
  for path in "$@"; do
    grep -qE " \./$path( -> .*)?$" "$listing" || fail "$listing: no $path"
  done
}
dpkg-deb --contents xrtrain_*.deb >program.txt
dpkg-deb --contents libxrtrain-dev_*.deb >library.txt
licences=share/doc/xrtrain/licences
holds program.txt usr/bin/xrtrain usr/share/man/man1/xrtrain.1.gz usr/share/bash-completion/completions/xrtrain \
  usr/share/zsh/vendor-completions/_xrtrain usr/share/doc/xrtrain/copyright \
  usr/$licences/{libfmt-dev,libcli11-dev,libtomlplusplus-dev,nlohmann-json3-dev,libstb-dev,libhnswlib-dev}
holds library.txt usr/lib/libxr_{kernels,engine,model,data}.a usr/include/xr/engine/core/tensor.h \
  usr/lib/cmake/xrtrain/xrtrain-config.cmake usr/share/doc/libxrtrain-dev/copyright
! grep -E ' \./usr/(bin|lib/xrtrain)/' library.txt || fail "the library's package holds a program"
! grep -E '\.(a|h)$' program.txt || fail "the program's package holds the library"
[[ $(dpkg-deb --field xrtrain_*.deb Depends) == *libc6*libdnnl* ]] || fail "the program's package names no libraries"
[[ $(dpkg-deb --field libxrtrain-dev_*.deb Depends) == *libfmt-dev*libdnnl-dev* ]] ||
  fail "the library's package names no libraries"

cd "elsewhere/a folder"
tar --extract --file "$work"/xrtrain-*-linux-*.tar.gz
folder=$(echo "$PWD"/xrtrain-*)
[[ $folder == *-linux-* ]] || fail "the archive has no folder of its own: $folder"
for file in "$folder"/lib/xrtrain/*.so*; do
  name=$(basename "$file")
  package=$(sed -n "s/^$name\t//p" "$folder/$licences/README.txt")
  [[ -n $package && -s $folder/$licences/$package ]] || fail "the archive has no licence of $name"
done
[[ -s $folder/share/man/man1/xrtrain.1.gz && -s $folder/share/bash-completion/completions/xrtrain ]] ||
  fail "the archive has no man page or no completion"

# Every library is the archive's own.
loader=("$folder"/lib/xrtrain/ld-linux*)
"${loader[0]}" --library-path "$folder/lib/xrtrain" --list "$folder/lib/xrtrain/xrtrain" >libraries.txt
! grep -vF -e "$folder/lib/xrtrain/" -e linux-vdso libraries.txt || fail "the archive's program loads other libraries"

# By a link, from another folder; cv starts the program as its child, a training starts itself once more.
ln -s "$folder/bin/xrtrain" start
xrtrain() { env -i PATH=/usr/bin:/bin "$PWD/start" "$@"; }
xrtrain --version | grep -q '^xrtrain [0-9]' || fail "the archive's program does not print its version"
xrtrain synth --out phantom --size 64 --train-covid 8 --train-normal 8 --test-covid 4 --test-normal 4 --quiet
xrtrain train --data phantom --out run --image-size 32 --epochs 1 --threads 1 --quiet
[[ -s run/report.html ]] || fail "the archive's program wrote no report"
xrtrain cv --data phantom --out cv --folds 2 --image-size 32 --epochs 1 --threads 1 --quiet
[[ -s cv/cv.html ]] || fail "the archive's program wrote no cross-validation"
