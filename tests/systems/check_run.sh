#!/bin/bash
# check_run.sh RUN WORK: what ./run installs and refuses on other systems. apt, dpkg-query, cmake and the compilers are
# stand-ins; nothing is installed or built.
set -euo pipefail
run=$1 work=$2
command -v dpkg >/dev/null || exit 77 # it compares versions

rm -rf "$work"
mkdir -p "$work/bin" "$work/lists" "$work/tree"
touch "$work/lists/mirror_Packages"
sed "s|/etc/os-release|$work/os-release|; s|/var/lib/apt/lists|$work/lists|" "$run" >"$work/tree/run"
chmod +x "$work/tree/run"

# stand_in NAME < SCRIPT
stand_in() {
  { printf '#!/bin/bash\ncd %q\n' "$work" && cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
stand_in id <<<'echo 0'
stand_in apt-cache <<'END'
[[ $1 != policy ]] || { [[ $2 != catch2 ]] || echo "  Candidate: $(cat candidate)"; exit; }
! grep -qxF -- "${!#}" unknown
END
stand_in apt-get <<'END'
echo "$*" >>apt-get.log
END
stand_in cmake <<'END'
[[ $1 == --version ]] && echo "cmake version $(cat cmake)"
END
stand_in g++ <<<'cat g++'
stand_in g++-12 <<<'echo 12.3.0'
stand_in dpkg-query <<'END'
[[ $* == *Version* ]] || exit 1 # nothing is installed yet
[[ ${!#} != libdnnl-dev ]] || cat libdnnl-dev
END

# on SYSTEM CMAKE GCC ONEDNN [UNKNOWN [CANDIDATE]]: ./run build where apt does not know UNKNOWN and has CANDIDATE of
# Catch2; its output and apt's orders are in `output` and `ordered`.
on() {
  printf '%s\n' "$1" >"$work/os-release"
  printf '%s\n' "$2" >"$work/cmake"
  printf '%s\n' "$3" >"$work/g++"
  printf '%s\n' "$4" >"$work/libdnnl-dev"
  printf '%s\n' "${5-none}" >"$work/unknown"
  printf '%s\n' "${6-2.13.8-1}" >"$work/candidate"
  : >"$work/apt-get.log"
  output=$(env -u CXX PATH="$work/bin:$PATH" "$work/tree/run" build 2>&1) && fail "./run build did not fail"
  ordered=$(cat "$work/apt-get.log")
}
fail() {
  printf '%s\nordered: %s\n%s\n' "$*" "${ordered-}" "${output-}"
  exit 1
}
has() { [[ $1 == *"$2"* ]] || fail "missing: $2"; }
lacks() { [[ $1 != *"$2"* ]] || fail "not expected: $2"; }

on $'ID=debian\nVERSION_ID="13"' 3.31.6 14.2.0 3.7.2+ds-2
has "$ordered " ' libjpeg62-turbo-dev '
has "$ordered " ' libgdcm-dev '
has "$output" 'cmake could not configure'
lacks "$output" 'too old'

on $'ID=ubuntu\nVERSION_ID="24.04"\nID_LIKE=debian' 3.28.3 13.2.0 3.1.1-2 libgdcm-dev
has "$ordered " ' libjpeg-dev '
has "$ordered " ' g++ '
lacks "$ordered" turbo
lacks "$ordered" libgdcm-dev
has "$output" 'no package of: libgdcm-dev'
has "$output" 'cmake could not configure'

# Nothing is installed where it cannot help.
on $'ID=ubuntu\nVERSION_ID="22.04"\nID_LIKE=debian' 3.22.1 11.2.0 2.2.4+ds-2
[[ -z $ordered ]] || fail "packages were ordered"
has "$output" 'cmake 3.22.1 (needed: 3.25)'
has "$output" 'libdnnl-dev 2.2.4+ds-2 (needed: 2.6)'
lacks "$output" 'g++ 11'
lacks "$output" configure

on $'ID=linuxmint\nVERSION_ID="22"\nID_LIKE="ubuntu debian"' 3.28.3 13.2.0 3.1.1-2
has "$ordered " ' libjpeg-dev '

on $'ID=linuxmint\nVERSION_ID="22"\nID_LIKE="ubuntu debian"' 3.28.3 11.4.0 3.1.1-2
has "$output" 'g++ 11.4.0 (needed: 12)'

on $'ID=debian\nVERSION_ID="10"' 3.25.1 12.2.0 2.6.3-1 none 1:1.12.1-1.1
[[ -z $ordered ]] || fail "packages were ordered"
has "$output" 'catch2 1.12.1-1.1 (needed: 2.13)'
