#!/bin/bash
# Writes counters.md: what the kernels of a training step of both networks execute and move, on the software GPU.
#   counters.sh BUILD      BUILD: of the preset software-gpu
set -euo pipefail

build=$(cd "${1:?usage: counters.sh BUILD}" && pwd)
cd "$(dirname "$0")/../.."
page=docs/benchmarks/counters.md
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

{
  cat docs/benchmarks/counters.md.in
  for model in report_cnn xray_resnet; do
    for precision in fp32 tf32 bf16; do
      "$build/bin/xrbench" step --device cuda --counters --model $model --precision $precision --batch-size 8 \
        --image-size 64 --warm-up 1 --no-cuda-graph --bars apps/xrbench/counters/bars.csv --table "$folder/table.md" \
        >"$folder/log"
      printf '\n## %s, %s\n\n' $model $precision
      tail -n 1 "$folder/log" | sed 's/^ *in all: \(.*\)$/In all \1./'
      echo
      # The kernel with the longest least time first; the case is the network everywhere.
      { head -n 2 "$folder/table.md" && tail -n +3 "$folder/table.md" | sort -t '|' -k 15,15gr; } | cut -d '|' -f 1,3-
    done
  done
} >"$folder/page.md"
mv "$folder/page.md" "$page"
