#!/usr/bin/env bash
# check-kernels.sh [GENERATION...]: compiles the kernels with nvcc and fails if one of them spills registers, beyond the bytes that
# are known of small networks (docs/gpu.md). With OUT set, the machine code stays there.
# Needs nvcc, in PATH or through CUDA_HOME; see tools/cuda-toolkit.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../crates/cuda/kernels"
nvcc=${CUDA_HOME:+$CUDA_HOME/bin/}nvcc
log=$(mktemp); trap 'rm -f "$log"' EXIT
for generation in "${@:-90a}"; do
  "$nvcc" -std=c++17 -O3 -w -cubin -gencode "arch=compute_$generation,code=sm_$generation" -Xptxas -v \
    -o "${OUT-/dev/null}${OUT:+/$generation.cubin}" kernels.cu 2> "$log" || { cat "$log"; exit 1; }
  if grep -q 'C7510' "$log"; then grep 'C7510' "$log"; exit 1; fi
  awk -v g="$generation" '
    BEGIN { known["100", "small_relu1_c1"] = known["100", "small_any1_c1"] = 4 }
    /Compiling entry function/ { name = $0; sub(/.*function ./, "", name); sub(/. for.*/, "", name) }
    /bytes spill stores/ { match($0, /[0-9]+ bytes spill stores/); n = substr($0, RSTART) + 0
      count++; if (n) printf "sm_%s: %s spills %d bytes\n", g, name, n; if (n > known[g, name] + 0) bad = 1 }
    END { printf "sm_%s: %d kernels\n", g, count; exit bad || !count }' "$log"
done
