# shellcheck shell=bash
# Other systems in folders that debootstrap makes: read by debian13.sh, ubuntu2404.sh, arm64.sh and packages.sh.
# They need root and packages from the network, and exit with 77 where they lack one. The folders are kept for the next
# time, in XR_SYSTEMS_DIR (build-systems). XR_MIRROR names another mirror than debootstrap's own.
folders=$(realpath -m "${XR_SYSTEMS_DIR:-build-systems}")

skip() {
  echo "skipped: $*"
  exit 77
}

[[ $(id -u) == 0 ]] || skip "another system in a folder needs root"
command -v unshare >/dev/null || skip "unshare is missing"

# tool COMMAND PACKAGE: installs it where it is missing.
tool() {
  command -v "$1" >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2" >/dev/null ||
    skip "$1 is missing and apt cannot install it"
}

# make_system NAME SUITE PACKAGES [OPTION...]: $folders/NAME, where it is not there whole: the mark is written last.
make_system() {
  local folder=$folders/$1 suite=$2 packages=$3 script='' mirror=${XR_MIRROR:-} scripts=/usr/share/debootstrap/scripts
  shift 3
  [[ ! -e $folder/.complete ]] || return 0
  tool debootstrap debootstrap
  echo "Making $suite in $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  # A suite that is newer than debootstrap is made as Ubuntu's others are; these come from the mirror of their script.
  [[ -e $scripts/$suite ]] || script=gutsy
  if [[ -z $mirror && $(realpath "$scripts/${script:-$suite}") == */gutsy ]]; then
    mirror=$(sed -n '/^\t  \*)/{n;s/.*default_mirror //p;q}' $scripts/gutsy)
  fi
  debootstrap --variant=minbase ${packages:+"--include=$packages"} "$@" "$suite" "$folder" \
    "$mirror" ${script:+"$script"} >"$folder.log" 2>&1 || {
    tail -n 5 "$folder.log"
    skip "debootstrap cannot make it${mirror:+ from $mirror}: see $folder.log"
  }
  touch "$folder/.complete"
}

# copy_sources NAME: the files that git tracks or would, over those of the last time; what was built there stays, and is
# built again with the help of ccache (the times of files of different working trees say nothing).
copy_sources() {
  local to=$folders/$1/root/xrtrain file
  mkdir -p "$to"
  find "$to" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
  done | tar --create --null --files-from - | tar --extract --touch --directory "$to"
}

# inside NAME COMMAND...: in the folder's own view of processes and mounts, which end with the command.
inside() {
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount --propagation private --pid --fork bash -c '
    set -e
    folder=$1
    shift
    mkdir -p "$folder"/{proc,dev,sys,etc,root/xrtrain}
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount --rbind /sys "$folder/sys"
    touch "$folder/etc/resolv.conf"
    mount --bind /etc/resolv.conf "$folder/etc/resolv.conf"
    exec chroot "$folder" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CCACHE_DIR=/root/ccache \
      DEBIAN_FRONTEND=noninteractive CMAKE_CXX_COMPILER_LAUNCHER=ccache sh -c "cd /root/xrtrain && exec \"\$@\"" sh "$@"
  ' bash "$folders/$1" "${@:2}"
}
