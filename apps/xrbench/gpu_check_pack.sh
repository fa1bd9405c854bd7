#!/bin/bash
# What gpu_check.sh takes along to a machine that has CUDA but not this project's packages; see there.
#   gpu_check_pack.sh deps FILE          headers and libraries of the packages that the build needs
#   gpu_check_pack.sh binaries FILE DIR  programs and tests that were built in DIR, and the libraries they load
set -euo pipefail

fail() {
  echo "gpu_check.sh: $*" >&2
  exit 1
}

# real_library NAME: the file that the loader takes for it.
real_library() {
  local path
  path=$(ldconfig -p | awk -v name="$1" '$1 == name && /x86-64|AArch64/ { print $NF; exit }')
  [[ -n $path ]] || fail "$1 is not on this machine: install it"
  realpath "$path"
}

# add_library NAME FOLDER: under the name that programs ask for, without debugging symbols.
add_library() {
  cp "$(real_library "$1")" "$2/$1"
  chmod u+w "$2/$1"
  strip --strip-unneeded "$2/$1"
}

# What a program here loads that a plain machine with a C++ compiler lacks.
run_time_libraries() {
  ldd "$1" | awk '$2 == "=>" { print $1 }' | grep -E '^lib(dnnl|fmt|OpenCL|stb|jpeg|tiff|webp[a-z]*|gif|openjp2|charls|gdcm[A-Za-z0-9]*|deflate|jbig|Lerc|LercLib|zstd|lzma|json-c|uuid|expat|crypto|ssl)\.' || true
}

# As commit.cmake names it.
commit() {
  git -C "$(dirname "$0")" --no-optional-locks describe --always --abbrev=12 --dirty '--exclude=*' 2>/dev/null ||
    echo unknown
}

# The archive in FILE (xz: its window sees that all programs hold the same kernels), and its size against the limit.
write_archive() {
  local file=$1 size
  mkdir -p "$(dirname "$file")"
  commit >"$folder/commit"
  uname -m >"$folder/machine"
  tar -C "$folder" -c . | xz --lzma2=preset=6,dict=192MiB,mf=hc4,mode=fast >"$file"
  size=$(stat -c %s "$file")
  echo "$file: $((size / 1000000)) MB"
  ((size < 30000000)) || echo "gpu_check.sh: $file is larger than 30 MB: it may not travel" >&2
}

pack_deps() {
  local file=$1 name path
  mkdir -p "$folder"/{include,lib,share}
  for name in fmt CLI toml++ nlohmann catch2 oneapi; do
    [[ -d /usr/include/$name ]] || fail "/usr/include/$name is missing: ./run build installs the packages"
    cp -rL "/usr/include/$name" "$folder/include/"
  done
  cp -L /usr/include/dnnl*.h* "$folder/include/"
  mkdir "$folder/include/stb"
  cp -L /usr/include/stb/stb_image*.h "$folder/include/stb/"
  cp -L /usr/include/j{peglib,morecfg,error}.h "$(find /usr/include -name jconfig.h -path '*linux-gnu*' | head -n 1)" \
    "$folder/include/"
  cp -L /usr/lib/libCatch2WithMain.a "$folder/lib/"
  for name in $(run_time_libraries "$(real_library libdnnl.so.2)") libdnnl.so.2 libfmt.so.9 libjpeg.so.62; do
    add_library "$name" "$folder/lib"
  done
  ln -s libdnnl.so.2 "$folder/lib/libdnnl.so"
  ln -s libfmt.so.9 "$folder/lib/libfmt.so"
  ln -s libjpeg.so.62 "$folder/lib/libjpeg.so"
  # The packages' own CMake files name Debian's folders; these name the pack's.
  for name in fmt CLI11 nlohmann_json Catch2; do
    path=$folder/share/cmake/$name
    mkdir -p "$path"
    write_config "$name" >"$path/${name}Config.cmake"
    printf 'set(PACKAGE_VERSION %s)\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n' "$(version_of "$name")" \
      >"$path/${name}ConfigVersion.cmake"
  done
  cp /usr/lib/cmake/Catch2/{Catch.cmake,CatchAddTests.cmake,ParseAndAddCatchTests.cmake} "$folder/share/cmake/Catch2/"
  write_archive "$file"
}

version_of() {
  local package
  case $1 in
    fmt) package=libfmt-dev ;;
    CLI11) package=libcli11-dev ;;
    nlohmann_json) package=nlohmann-json3-dev ;;
    Catch2) package=catch2 ;;
  esac
  # shellcheck disable=SC2016 # dpkg-query's own variable
  dpkg-query -W -f '${Version}\n' "$package" | sed 's/^[0-9]*://; s/[^0-9.].*//'
}

# target NAME KIND PROPERTIES: an imported target below the pack's folder.
target() {
  printf 'if(NOT TARGET %s)\n  add_library(%s %s IMPORTED)\n' "$1" "$1" "$2"
  printf '  set_target_properties(%s PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "%s/include" %s)\nendif()\n' \
    "$1" "$root" "$3"
}

# The CMake package NAME.
write_config() {
  # shellcheck disable=SC2016 # CMake's variables
  local root='${CMAKE_CURRENT_LIST_DIR}/../../..'
  case $1 in
    fmt) target fmt::fmt SHARED "IMPORTED_LOCATION \"$root/lib/libfmt.so.9\" INTERFACE_COMPILE_DEFINITIONS FMT_SHARED" ;;
    CLI11) target CLI11::CLI11 INTERFACE '' ;;
    nlohmann_json) target nlohmann_json::nlohmann_json INTERFACE '' ;;
    Catch2)
      target Catch2::Catch2 INTERFACE ''
      target Catch2::Catch2WithMain STATIC "IMPORTED_LOCATION \"$root/lib/libCatch2WithMain.a\""
      # shellcheck disable=SC2016
      echo 'list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")'
      ;;
  esac
}

pack_binaries() {
  local file=$1 build=$2 name library
  mkdir -p "$folder"/{bin,lib}
  for name in xrtrain xrbench test_kernels test_gradcheck test_engine test_data test_model; do
    [[ -x $build/bin/$name ]] || fail "$build/bin/$name is missing: build the target $name"
    cp "$build/bin/$name" "$folder/bin/"
    strip "$folder/bin/$name"
    for library in $(run_time_libraries "$build/bin/$name"); do
      [[ -e $folder/lib/$library ]] || add_library "$library" "$folder/lib"
    done
  done
  # Tests know where they were built; gpu_check.sh puts the golden files there if it may.
  sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt" >"$folder/source"
  write_archive "$file"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case ${1:-} in
  deps) pack_deps "$2" ;;
  binaries) pack_binaries "$2" "$3" ;;
  *) fail "usage: gpu_check_pack.sh deps FILE | binaries FILE DIR" ;;
esac
