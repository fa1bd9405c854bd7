#!/bin/bash
# Reads every source with the compilers that are given (or with every clang that is here): errors and warnings, no code.
#   tests/systems/compilers.sh [COMPILER...]    such as clang++-15 clang++-19 g++-13
# On Debian 12 apt has clang 13 to 16 and 19, on Debian 13 clang 17 to 19. Writes build-systems/<compiler>/. XR_JOBS (all
# cores) is how many sources are read at once, XR_SOURCES a pattern of their names, such as '/(engine|model)/'.
set -euo pipefail
cd "$(dirname "$0")/../.."
folders=$(realpath -m "${XR_SYSTEMS_DIR:-build-systems}")

compilers=("$@")
if (($# == 0)); then
  mapfile -t compilers < <(compgen -c clang++- | grep -E '^clang\+\+-[0-9]+$' | sort -uV)
fi
((${#compilers[@]})) || {
  echo "skipped: no clang++-N here"
  exit 77
}

failed=0
for compiler in "${compilers[@]}"; do
  folder=$folders/$compiler
  mkdir -p "$folder"
  if ! { cmake --preset release -B "$folder" -D CMAKE_CXX_COMPILER="$compiler" -D CMAKE_UNITY_BUILD=ON \
    -D CMAKE_DISABLE_PRECOMPILE_HEADERS=ON -D XR_SIMT=ON -D XR_CUDA=OFF &&
    cmake --build "$folder" --target xr_commit; } >"$folder/configure.log" 2>&1; then
    tail -n 20 "$folder/configure.log"
    exit 1
  fi
  python3 -c '
import concurrent.futures, json, os, re, shlex, subprocess, sys
folder, compiler = sys.argv[1:]
commands = json.load(open(f"{folder}/compile_commands.json"))
pattern = re.compile(os.environ.get("XR_SOURCES", ""))
commands = [entry for entry in commands if pattern.search(entry["file"]) and "/xr_stb.dir/" not in entry["command"]]
def is_right(entry):
    words = shlex.split(entry["command"])
    words = words[:words.index("-o")] + words[words.index("-o") + 2:]
    return subprocess.run(words + ["-fsyntax-only"], cwd=entry["directory"]).returncode == 0
with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("XR_JOBS", os.cpu_count()))) as pool:
    wrong = list(pool.map(is_right, commands)).count(False)
print(f"{compiler}: {len(commands)} sources read, {wrong} with errors or warnings")
sys.exit(wrong > 0)
' "$folder" "$compiler" || failed=1
done
exit $failed
