#!/usr/bin/env bash
# gpu-session.sh pack DIR MNIST NETWORKS      on a machine that builds: a folder with all that the session needs
# gpu-session.sh run DIR OUT [SECTION ...]    on a machine with a GPU: all that only a GPU can show, in under ten minutes
#
# MNIST has the IDX files, NETWORKS a trained pair of relu:784-128x10-10 (seed-0.safetensors, seed-1.safetensors).
# Build before, as docs/gpu.md says: the program and the tests of the kernels, with the feature cuda (or cudnn).
# A section writes OUT/SECTION.log; one that fails does not keep the next from running, and named sections run alone, so that
# a session that was cut off goes on. DEVICE=cpu tries the script itself on a machine without a GPU.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(card kernels commands adam sweep peers images)

pack() {
  local dir=$1 mnist=$2 networks=$3 built=${BUILT:-$here/../target/cuda/release} tests
  mkdir -p "$dir/mnist" "$dir/pair" "$dir/benches" "$dir/crates/data/assets"
  tests=$(ls -t "$built"/deps/kernels-* 2>/dev/null | grep -v '\.d$' | head -1) || true
  cp "$built/collado" "$dir/collado"
  [ -z "$tests" ] || cp "$tests" "$dir/kernels"
  strip "$dir/collado" ${tests:+"$dir/kernels"}
  cp "$mnist"/t*-ubyte* "$dir/mnist/"
  cp "$networks"/seed-[01].safetensors "$dir/pair/"
  cp "$here/run-on-gpu.sh" "$here/gpu-session.sh" "$dir/"
  cp "$here"/../benches/{against_peers,gpu_peers}.py "$dir/benches/"
  cp "$here/../crates/data/assets/digits.csv.gz" "$dir/crates/data/assets/"
  du -sh "$dir"
}

# The program, with the libraries of CUDA found.
collado() { sh "$DIR/run-on-gpu.sh" "$DIR/collado" "$@"; }

# on COMMAND...: runs a command on the GPU and says how long it took, and its last words if it failed.
on() {
  local start end status
  start=$(date +%s.%N)
  collado "$@" --device "$DEVICE" > "$WORK/out" 2> "$WORK/err"
  status=$?
  end=$(date +%s.%N)
  printf '%8.2f s  exit %d  %s\n' "$(awk "BEGIN { print $end - $start }")" "$status" "$*"
  [ "$status" = 0 ] || tail -2 "$WORK/err"
  return "$status"
}

# number PATH < JSON: one number of an object.
number() { python3 -c 'import json,sys,functools
x = json.load(sys.stdin)
print(functools.reduce(lambda x, k: x[int(k)] if isinstance(x, list) else x[k], sys.argv[1].split("."), x))' "$1"; }

card() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || [ "$DEVICE" = cpu ]
  # The first start loads kernels, or compiles PTX; the second shows what that takes.
  on eval "$WORK/a.safetensors" --data digits
  on eval "$WORK/a.safetensors" --data digits
  collado eval "$WORK/a.safetensors" --data digits
}

kernels() {
  [ -x "$DIR/kernels" ] || { echo "no tests of kernels were packed"; return 1; }
  # Among them equality of bits on repetition, and blocks of eight warps.
  COLLADO_CUDA_WIDE=1 sh "$DIR/run-on-gpu.sh" "$DIR/kernels" --test-threads 1
}

# Every command once; what both devices compute is compared.
commands() {
  local a=$WORK/a.safetensors b=$WORK/b.safetensors failed=0
  on eval "$a" "$b" --data digits --json || failed=1
  cp "$WORK/out" "$OUT/eval-$DEVICE.json"
  collado eval "$a" "$b" --data digits --json > "$WORK/cpu.json"
  for key in checkpoints.0.risk checkpoints.1.gradient_norm; do
    echo "$key: $(number $key < "$WORK/out") here, $(number $key < "$WORK/cpu.json") on the cpu"
  done
  on train --data digits --arch relu:64-32-10 --seeds 0..8 --epochs 5 --out "$WORK/t" --quiet || failed=1
  on train --data digits --arch tanh:64-16-10 --epochs 5 --finish 1e-4 --out "$WORK/f" --quiet || failed=1
  on train --data digits --arch relu:64-16-10 --epochs 2 --optimizer lbfgs --batch 0 --out "$WORK/l" --quiet || failed=1
  for method in linear repair bezier polychain neb dss; do
    on connect --a "$a" --b "$b" --data digits --method $method --out "$WORK/c-$method" --quiet || failed=1
    python3 - "$WORK/c-$method/summary.json" <<'P'
import json, sys
print("           highest risk above the ends", json.load(open(sys.argv[1]))["barrier"]["above_ends"])
P
  done
  on connect --a "$a" --b "$b" --data digits --align activations --out "$WORK/c-auto" --quiet || failed=1
  on align --a "$a" --b "$b" --data digits --out "$WORK/al" --quiet || failed=1
  on merge "$a" "$b" --data digits --out "$WORK/m.safetensors" --quiet || failed=1
  on landscape line "$a" --data digits --out "$WORK/line" --quiet || failed=1
  on landscape plane "$a" "$b" "$WORK/t/seed-0.safetensors" --data digits --out "$WORK/plane" --quiet || failed=1
  on landscape zoom "$a" --data digits --out "$WORK/zoom" --quiet || failed=1
  on landscape trajectory --arch relu:64-8-10 --data digits --out "$WORK/traj" --quiet || failed=1
  on train --data digits --arch relu:64-32-10 --seeds 0..32 --epochs 20 --out "$WORK/m32" --quiet || failed=1
  on levelset "$WORK/m32" --data digits --method bezier --out "$WORK/levels" --quiet || failed=1
  echo "The pair of ten hidden layers on MNIST, auto; under 2 s were asked for, after start-up:"
  on connect --a "$DIR/pair/seed-0.safetensors" --b "$DIR/pair/seed-1.safetensors" --data "mnist:$DIR/mnist" \
    --certify never --out "$WORK/deep" --quiet
  python3 - "$WORK/deep/summary.json" <<'P' || failed=1
import json, sys
s = json.load(open(sys.argv[1]))
print("           all", s["seconds"], "s, curve", s["fit_seconds"], "s, profile", s["profile_seconds"], "s, above the ends",
      s["barrier"]["above_ends"], s["method"], [(a["method"], a["seconds"]) for a in s["attempts"]])
P
  return $failed
}

# An epoch on this device and on the CPU, by SGD and by Adam: f32 and f64 there tell what the type of numbers does.
adam() {
  for rule in "sgd --lr 0.05" "adam --lr 1e-3"; do
    for what in "digits relu:64-64-64-10" "digits tanh:64-64-64-10" "mnist:$DIR/mnist relu:784-64-64-10"; do
      for how in "$DEVICE tf32x3 f32" "$DEVICE f32 f32" "cpu f32 f32" "cpu f32 f64"; do
        set -- $what $how
        collado train --data "$1" --arch "$2" --optimizer $rule --batch 128 --epochs 1 --seeds 0..4 --out "$WORK/adam" --force \
          --quiet --json --device "$3" --precision "$4" --dtype "$5" > "$WORK/out" 2>&1 || { cat "$WORK/out"; return 1; }
        echo "$rule, $2, $how: risks $(python3 -c 'import json, sys; print(*(r["risk"] for r in json.load(sys.stdin)["runs"]))' < "$WORK/out")"
      done
    done
  done
}

# Tasks of a sweep are processes that share the card.
sweep() {
  printf '[train]\narch = "relu:64-{w}-10"\nseeds = "0..4"\nepochs = 20\ndevice = "%s"\n[grid]\nw = [8, 16, 32, 64]\n' "$DEVICE" > "$WORK/s.toml"
  for jobs in 1 2 4; do
    collado sweep plan "$WORK/s.toml" --out "$WORK/s$jobs" --no-estimate --quiet || return 1
    echo "--jobs $jobs: $(collado sweep run "$WORK/s$jobs" --jobs $jobs 2>&1 | tail -1)"
  done
}

# The table of docs/gpu.md. The largest networks come last, should the time not suffice.
peers() {
  [ "$DEVICE" = cuda ] || { echo "PyTorch and JAX are compared on a GPU only"; return 0; }
  (cd "$DIR" && LD_LIBRARY_PATH= python3 benches/against_peers.py --mnist mnist --device cuda --binary "$DIR/on-gpu" --budget 200)
  echo "With blocks of eight warps:"
  for stack in 132 512; do
    for wide in "" 1; do
      ${wide:+env COLLADO_CUDA_WIDE=1} "$DIR/on-gpu" time train --arch relu:64-64-64-10 --data digits --batch 64 --stack $stack \
        --steps 1536 --device cuda | sed "s/^/$stack networks${wide:+, eight warps}: /"
    done
  done
}

# A step of ResNet-20 beside PyTorch's.
images() {
  [ "$DEVICE" = cuda ] || { on time train --arch resnet8 --images 3x32x32 --batch 32 --examples 64 --steps 2; return; }
  (cd "$DIR" && python3 benches/against_peers.py --mnist mnist --device cuda --binary "$DIR/on-gpu" --only resnet20)
}

case ${1:-} in
  pack) shift; set -e; pack "$@" ;;
  run)
    DIR=$(cd "$2" && pwd); OUT=$(mkdir -p "$3" && cd "$3" && pwd); DEVICE=${DEVICE:-cuda}; WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    shift 3
    printf '#!/bin/sh\nexec sh "%s/run-on-gpu.sh" "%s/collado" "$@"\n' "$DIR" "$DIR" > "$DIR/on-gpu"; chmod +x "$DIR/on-gpu" "$DIR"/{collado,kernels} 2>/dev/null
    for seed in a b; do
      collado train --data digits --arch relu:64-32-10 --seed $([ $seed = a ] && echo 1 || echo 2) --epochs 20 --out "$WORK/$seed" --quiet --device cpu &&
        mv "$WORK/$seed"/seed-*.safetensors "$WORK/$seed.safetensors"
    done
    for section in "${@:-${all[@]}}"; do
      start=$SECONDS
      "$section" > "$OUT/$section.log" 2>&1 && said=done || said=FAILED
      echo "$section: $said after $((SECONDS - start)) s" | tee -a "$OUT/session.log"
    done ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
