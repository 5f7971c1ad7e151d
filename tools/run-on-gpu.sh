#!/bin/sh
# run-on-gpu.sh BINARY [ARGS...] : find CUDA 13 run-time libraries (toolkit, PyTorch's wheels, driver) and start BINARY.
L=$(python3 - <<'P'
import glob, os, site
dirs = [d for s in site.getsitepackages() for d in glob.glob(s + "/nvidia/*/lib")]
dirs += glob.glob(os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "lib64")) + glob.glob("/usr/local/*/lib64")
print(":".join(dirs))
P
)
export LD_LIBRARY_PATH=$L:${LD_LIBRARY_PATH:-}
# cuBLAS and cuDNN may not round to TF32 on their own: errors of one part in a thousand
export NVIDIA_TF32_OVERRIDE=0
# keep the driver's JIT results between runs (PTX is compiled at first use of each kernel file)
export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-${TMPDIR:-.}/cuda-jit} CUDA_CACHE_MAXSIZE=1073741824
chmod +x "$1" 2>/dev/null
missing=$(LD_TRACE_LOADED_OBJECTS=1 "$1" 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | sort -u | tr '\n' ' ')
if [ -n "$missing" ]; then
  case $missing in *libcuda.so*) hint=' (libcuda.so.1 comes with the driver)' ;; *) hint= ;; esac
  echo "$1: missing libraries: $missing- searched ${L:-no folder} and the system's$hint" >&2
  exit 3
fi
exec "$@"
