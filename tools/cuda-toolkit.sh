#!/usr/bin/env bash
# cuda-toolkit.sh DIR : a GPU-less CUDA 13.0 compile toolkit (nvcc from PyPI + link stubs). Prints env lines to eval.
# Needs: python3 with pip, gcc (6..15), a fetched cargo registry that holds cudarc (run `cargo fetch` first).
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd); home=$dir/nvidia/cu13
if [ ! -e "$dir/.done" ]; then
  python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --upgrade --target "$dir" \
    nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 >&2
  # static CUDA runtime: `-lcudart` finds this linker script, so the binary needs no libcudart.so.13
  echo "INPUT($home/lib/libcudart_static.a -ldl -lrt -lpthread)" > "$home/lib/libcudart.so"
  # link stubs for the libraries that only the GPU machine needs (names taken from cudarc's own bindings)
  src=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-0.19.* | tail -1)/src
  mkdir -p "$home/lib/stubs"; t=$(mktemp -d)
  mk() { grep -rhoE 'pub (unsafe )?fn [A-Za-z0-9_]+' "$src/$1/sys" | awk '{print $NF}' | grep -E "$2" | sort -u |
           sed 's/.*/int &(void){return 100;}/' > "$t/s.c"          # 100 = CUDA_ERROR_NO_DEVICE
         cc -w -shared -fPIC -O1 -fno-builtin -Wl,-soname,"$4" -o "$home/lib/stubs/lib$3.so" "$t/s.c"; }
  mk driver '^cu[A-Z]' cuda libcuda.so.1;        mk nvrtc '^nvrtc' nvrtc libnvrtc.so.13
  mk curand '^curand' curand libcurand.so.10;    mk cublas '^cublas' cublas libcublas.so.13
  mk cublaslt '^cublas' cublasLt libcublasLt.so.13; mk cudnn '^cudnn' cudnn libcudnn.so.9; rm -r "$t"
  # the same stubs under their run-time names, to start a dynamically linked binary with no GPU
  mkdir -p "$home/lib/stubs-run"; for l in "$home"/lib/stubs/lib*.so; do
    ln -sf "$l" "$home/lib/stubs-run/$(readelf -d "$l" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')"; done
  touch "$dir/.done"
fi
echo "export CUDA_HOME=$home CUDARC_CUDA_VERSION=13000 CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90} CUDAFORGE_THREADS=${CUDAFORGE_THREADS:-$(nproc)}"
