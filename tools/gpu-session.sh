#!/usr/bin/env bash
# gpu-session.sh build FILE MNIST             on a machine without a GPU: builds program and tests, and packs them
# gpu-session.sh pack FILE MNIST              packs what is built into an archive with all that the session needs
# gpu-session.sh run OUT [SECTION ...]        in its folder, on a machine with a GPU: all that only a GPU can show
#
# So, here, within half an hour on two cores; MNIST has the IDX files:
#     tools/gpu-session.sh build target/session.tar.xz MNIST
# and there, with OUT for results:
#     mkdir -p session && tar xJf target/session.tar.xz -C session && bash session/gpu-session.sh run "$OUT"
#
# The archive is smaller than 64 MiB, the results are two small files: session.log, to which every line goes at once, and
# summary.log, which says how each section ended. What is wanted first comes first, a section ends at its limit of time, and none
# begins that would not end within BUDGET seconds (470); `run OUT SECTION ...` makes up for those. A part that fails or hangs keeps
# no other from running. Nothing is fetched; PyTorch and JAX are compared with where python3 has them.
# DEVICE=cpu tries the script on a machine without a GPU.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Sections in their order, and the seconds after which each is ended. Those joined by + run side by side: they time nothing.
order="card:40 kernels+commands+networks+precision:120 small:60 whole:60 images:60 peers:240 sweep:60 sanitizer:60 profile:90"

# tests_of_networks BUILT FILE: copies the tests of networks; several crates have tests of this name.
tests_of_networks() {
  local found
  found=$(grep -l a_gpu_has "$1"/deps/networks-* 2> /dev/null) || { echo "$1: no tests of networks with the feature cuda" >&2; return 1; }
  cp "$(ls -t $found | head -1)" "$2"
}

# Builds for one generation of GPUs, 9.0 if COLLADO_CUDA_ONLY says nothing else, with the feature cuda and once more with cudnn.
build() {
  local root=$here/.. target feature how
  target=$(cd "$root" && pwd)/target
  cd "$root"
  cargo fetch --locked
  eval "$(bash tools/cuda-toolkit.sh "$target/cuda-toolkit")"
  export CARGO_PROFILE_RELEASE_STRIP=true COLLADO_CUDA_ONLY=${COLLADO_CUDA_ONLY:-90a}
  for feature in cuda cudnn; do
    how=(--locked --release --workspace --features "collado-cli/$feature" --target-dir "$target/$feature")
    cargo build "${how[@]}" --bin collado
    cargo test "${how[@]}" --test kernels --test networks --no-run
  done
  cd - > /dev/null
  pack "$@"
}

# The program with the features cuda and cudnn, if both are built: see docs/gpu.md.
pack() {
  local file=$1 mnist=$2 root=$here/.. built=${BUILT:-$here/../target/cuda/release} dir tests
  local cudnn=${BUILT_CUDNN:-$root/target/cudnn/release}
  dir=$(mktemp -d); trap "rm -rf '$dir'" EXIT
  mkdir -p "$dir/mnist" "$dir/benches" "$dir/crates/data/assets"
  cp "$built/collado" "$dir/collado"
  cp "$(ls -t "$built"/deps/kernels-* | grep -v '\.d$' | head -1)" "$dir/kernels"
  tests_of_networks "$built" "$dir/networks"
  [ ! -e "$cudnn/collado" ] || { cp "$cudnn/collado" "$dir/collado-cudnn"; tests_of_networks "$cudnn" "$dir/networks-cudnn"; }
  strip "$dir"/{collado,kernels,networks}* || true
  cp "$mnist"/t*-ubyte* "$dir/mnist/"
  cp "$here/run-on-gpu.sh" "$here/gpu-session.sh" "$dir/"
  cp "$root"/benches/{against_peers,gpu_peers}.py "$dir/benches/"
  cp "$root/crates/data/assets/digits.csv.gz" "$dir/crates/data/assets/"
  mkdir -p "$(dirname "$file")"
  tar cJf "$file" -C "$dir" .
  ls -l "$dir"
  echo "$file: $(($(stat -c %s "$file") / 1024)) KiB; at most 65536 can be carried"
}

# The program, with the libraries of CUDA found. (In the foreground: in the group of its section, which ends as a whole.)
collado() { timeout --foreground -k 2 "${LIMIT:-60}" sh "$DIR/run-on-gpu.sh" "$DIR/${PROGRAM:-collado}" "$@"; }

# since START: seconds since this time.
since() { echo "$(date +%s.%N) $1" | awk '{ print $1 - $2 }'; }

# on COMMAND...: runs a command on the GPU and says how long it took, and its last words if it failed.
on() {
  local start status
  start=$(date +%s.%N)
  collado "$@" --device "$DEVICE" > "$WORK/out" 2> "$WORK/err"
  status=$?
  printf '%8.2f s  exit %d  %s\n' "$(since $start)" "$status" "$*"
  [ "$status" = 0 ] || tail -2 "$WORK/err"
  return "$status"
}

# value PATH < JSON: one value of an object.
value() { python3 -c 'import json,sys,functools
x = json.load(sys.stdin)
print(functools.reduce(lambda x, k: x[int(k)] if isinstance(x, list) else x[k], sys.argv[1].split("."), x))' "$1"; }

# same WHAT TOLERANCE X Y: says two numbers of the two devices, and fails where they differ by more, relatively.
same() {
  python3 - "$@" <<'P'
import sys
what, tolerance, x, y = sys.argv[1], *map(float, sys.argv[2:])
gap = abs(x - y) / max(abs(y), 1e-300)
print(f"           {what}: {x:.9g} here, {y:.9g} on the cpu" + ("" if gap <= tolerance else f": APART by {gap:.1e} of {tolerance:.0e}"))
sys.exit(not gap <= tolerance)
P
}

# Two trained networks on digits, $WORK/a.safetensors and b: on the CPU, so that they are there whatever the GPU does.
two_networks() {
  local seed
  for seed in 1 2; do
    [ -e "$WORK/$seed" ] || collado train --data digits --arch relu:64-32-10 --seed $seed --epochs 20 --out "$WORK/$seed" --quiet || return 1
  done
  cp "$WORK"/1/seed-*.safetensors "$WORK/a.safetensors"
  cp "$WORK"/2/seed-*.safetensors "$WORK/b.safetensors"
}

card() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || [ "$DEVICE" = cpu ]
  python3 -c 'import importlib.metadata as m; print({d.name: d.version for d in m.distributions() if d.name in ("torch", "jax", "nvidia-cudnn-cu13")})'
  two_networks
  # The first start loads kernels, or compiles PTX; the second shows what that takes.
  on eval "$WORK/a.safetensors" --data digits
  on eval "$WORK/a.safetensors" --data digits
  LIMIT=60 collado eval "$WORK/a.safetensors" --data digits | tail -1
}

# The tests of the kernels; equality of bits on repetition first. Then every operation of networks.
kernels() {
  local failed=0
  PROGRAM=kernels LIMIT=60 collado --test-threads 1 repetition || failed=1
  PROGRAM=kernels LIMIT=110 collado --test-threads 1 --skip repetition --skip races || failed=1
  local tests
  for tests in networks networks-cudnn; do
    [ ! -e "$DIR/$tests" ] || PROGRAM=$tests LIMIT=60 collado --test-threads 1 --nocapture gpu || failed=1
  done
  return $failed
}

# Steps of small networks.
small() {
  local stack steps out failed=0
  for stack in 1 32 132 512; do
    steps=$((stack > 100 ? 3072 : 12288)); [ "$DEVICE" = cuda ] || steps=8
    out=$(collado time train --arch relu:64-64-64-10 --data digits --batch 64 --stack $stack --steps $steps --device "$DEVICE" 2>&1) || failed=1
    echo "$stack networks: $(tr -s ' \n' ' ' <<< "$out")"
  done
  return $failed
}

# Whole commands: the pair of ten hidden layers on MNIST, which shall take two seconds beside the start, and the level set of 32
# minima of digits.
whole() {
  local failed=0 epochs=10 start; [ "$DEVICE" = cuda ] || epochs=1
  on train --data "mnist:$DIR/mnist" --arch relu:784-128-128-128-128-128-128-128-128-128-128-10 --init he --lr 0.02 --seeds 0..2 --epochs $epochs --batch 128 --out "$WORK/pair" --quiet || failed=1
  two_networks && on eval "$WORK/a.safetensors" --data digits || failed=1
  start=$(date +%s.%N); collado eval "$WORK/a.safetensors" --data digits --device "$DEVICE" --quiet > /dev/null || failed=1
  start=$(since $start)
  on connect --a "$WORK/pair/seed-0.safetensors" --b "$WORK/pair/seed-1.safetensors" --data "mnist:$DIR/mnist" \
    --certify never --out "$WORK/deep" --quiet || failed=1
  python3 - "$WORK/deep/summary.json" "$start" "$DEVICE" <<'P' || failed=1
import json, sys
s, start = json.load(open(sys.argv[1])), float(sys.argv[2])
print(f"           all {s['seconds']:.2f} s, of it {start:.2f} s of start; curve {s['fit_seconds']:.2f} s, profile {s['profile_seconds']:.2f} s,",
      "above the ends", s["barrier"]["above_ends"], s["method"], [(a["method"], round(a["seconds"], 3)) for a in s["attempts"]])
if sys.argv[3] == "cuda":
    for wrong, why in [("bezier" not in s["method"], "the pair needed no curve"), (s["seconds"] - start > 2, "it took more than 2 s beside the start")]:
        if wrong: sys.exit(why)
P
  on train --data digits --arch relu:64-32-10 --seeds 0..32 --epochs 20 --out "$WORK/m32" --quiet || failed=1
  on levelset "$WORK/m32" --data digits --method bezier --out "$WORK/levels" --quiet || failed=1
  return $failed
}

# Tasks of a sweep are processes that share the card.
sweep() {
  local jobs start out failed=0
  printf '[train]\narch = "relu:64-{w}-10"\nseeds = "0..4"\nepochs = 20\ndevice = "%s"\n[grid]\nw = [8, 12, 16, 24, 32, 40, 48, 64]\n' \
    "$DEVICE" > "$WORK/s.toml"
  for jobs in 8 4 2 1; do
    collado sweep plan "$WORK/s.toml" --out "$WORK/s$jobs" --no-estimate --quiet || return 1
    start=$(date +%s.%N)
    out=$(collado sweep run "$WORK/s$jobs" --jobs $jobs 2>&1) || failed=1
    echo "--jobs $jobs: $(tail -1 <<< "$out"), $(since $start) s in all"
  done
  return $failed
}

# Networks for images: twenty steps from the same start on both devices, and the risk of the same network by each rule of statistics.
networks() {
  local arch data="mnist:$DIR/mnist" rule device risk failed=0
  for arch in resnet8:width=0.5 lenet; do
    for device in there cpu; do
      DEVICE=${device/there/$DEVICE} on train --data "$data" --arch "$arch" --max-steps 20 --batch 64 --lr 0.01 \
        --out "$WORK/$arch-$device" --quiet || failed=1
    done
    same "risk after 20 steps" 1e-3 $(for device in there cpu; do value runs.0.risk < "$WORK/$arch-$device/summary.json"; done) || failed=1
    for rule in population interpolate; do
      on eval "$WORK/$arch-cpu"/seed-0.safetensors --data "$data" --bn $rule --json || failed=1
      risk=$(value checkpoints.0.risk < "$WORK/out")
      same "risk by $rule" 1e-4 "$risk" \
        "$(collado eval "$WORK/$arch-cpu"/seed-0.safetensors --data "$data" --bn $rule --json | value checkpoints.0.risk)" || failed=1
      [[ $arch != lenet ]] || break
    done
  done
  return $failed
}

# A step of ResNet-20 beside PyTorch's, with our own convolutions and with cuDNN's.
images() {
  local program failed=0
  for program in collado collado-cudnn; do
    [ -e "$DIR/$program" ] || continue
    echo "$program:"
    if [ "$DEVICE" = cuda ]; then table $program --only resnet20 --rounds 3 || failed=1
    else PROGRAM=$program on time train --arch resnet8 --images 3x32x32 --batch 8 --examples 16 --steps 1 || failed=1; fi
  done
  return $failed
}

# table PROGRAM ARGS...: rows of docs/gpu.md.
table() {
  printf '#!/bin/sh\nexec sh "%s/run-on-gpu.sh" "%s/%s" "$@"\n' "$DIR" "$DIR" "$1" > "$WORK/$1-on-gpu"; chmod +x "$WORK/$1-on-gpu"
  (cd "$DIR" && LD_LIBRARY_PATH= python3 benches/against_peers.py --mnist mnist --device "$DEVICE" --binary "$WORK/$1-on-gpu" "${@:2}")
}

# All other rows, each as soon as it is known; the largest networks come last, should the time not suffice.
peers() {
  if [ "$DEVICE" = cuda ]; then table collado --budget 230
  else table collado --rounds 1 --only "step 64-64-64-10"; fi
}

# Every command once; what both devices compute is compared.
commands() {
  local a=$WORK/a.safetensors b=$WORK/b.safetensors failed=0 key method
  two_networks || return 1
  on eval "$a" "$b" --data digits --json || failed=1
  collado eval "$a" "$b" --data digits --json > "$WORK/cpu.json"
  for key in checkpoints.0.risk checkpoints.1.gradient_norm; do
    same $key 1e-3 "$(value $key < "$WORK/out")" "$(value $key < "$WORK/cpu.json")" || failed=1
  done
  on train --data digits --arch relu:64-32-10 --seeds 0..8 --epochs 5 --out "$WORK/t" --quiet || failed=1
  on train --data digits --arch tanh:64-16-10 --epochs 5 --finish 1e-4 --out "$WORK/f" --quiet || failed=1
  on train --data digits --arch relu:64-16-10 --epochs 2 --optimizer lbfgs --batch 0 --out "$WORK/l" --quiet || failed=1
  for method in linear repair bezier polychain neb dss; do
    on connect --a "$a" --b "$b" --data digits --method $method --out "$WORK/c-$method" --quiet || failed=1
    [ ! -e "$WORK/c-$method/summary.json" ] || echo "           above the ends: $(value barrier.above_ends < "$WORK/c-$method/summary.json")"
  done
  collado connect --a "$a" --b "$b" --data digits --method linear --out "$WORK/c-cpu" --quiet || failed=1
  same "barrier of the line" 1e-4 "$(value barrier.above_ends < "$WORK/c-linear/summary.json")" \
    "$(value barrier.above_ends < "$WORK/c-cpu/summary.json")" || failed=1
  on connect --a "$a" --b "$b" --data digits --align activations --out "$WORK/c-auto" --quiet || failed=1
  on align --a "$a" --b "$b" --data digits --out "$WORK/al" --quiet || failed=1
  on merge "$a" "$b" --data digits --out "$WORK/m.safetensors" --quiet || failed=1
  on landscape line "$a" --data digits --out "$WORK/line" --quiet || failed=1
  on landscape plane "$a" "$b" "$WORK/t/seed-0.safetensors" --data digits --out "$WORK/plane" --quiet || failed=1
  on landscape zoom "$a" --data digits --out "$WORK/zoom" --quiet || failed=1
  on landscape trajectory --arch relu:64-8-10 --data digits --out "$WORK/traj" --quiet || failed=1
  return $failed
}

# An epoch on this device and on the CPU, by SGD and by Adam: f32 and f64 there tell what the type of numbers does.
precision() {
  local rule what how
  for what in "digits relu:64-64-64-10" "digits tanh:64-64-64-10" "mnist:$DIR/mnist relu:784-64-64-10"; do
    for rule in "sgd --lr 0.05" "adam --lr 1e-3"; do
      for how in "$DEVICE tf32x3 f32" "$DEVICE f32 f32" "cpu f32 f32" "cpu f32 f64"; do
        set -- $what $how
        collado train --data "$1" --arch "$2" --optimizer $rule --batch 128 --epochs 1 --seeds 0..4 --out "$WORK/adam" --force \
          --quiet --json --device "$3" --precision "$4" --dtype "$5" > "$WORK/out" 2>&1 || { cat "$WORK/out"; return 1; }
        echo "$rule, $2, $how: risks $(python3 -c 'import json, sys; print(*(r["risk"] for r in json.load(sys.stdin)["runs"]))' < "$WORK/out")"
      done
    done
  done
}

# What a step of ResNet-20 and one of small networks spend their time on, by NVIDIA's profiler.
profile() {
  local program=collado
  command -v ncu > /dev/null || { echo "there is no ncu"; return 0; }
  [ ! -e "$DIR/collado-cudnn" ] || program=collado-cudnn
  printf '#!/bin/sh\nexec ncu --csv --metrics gpu__time_duration.sum --launch-count 4000 "%s/%s" "$@"\n' "$DIR" $program > "$WORK/launches"
  printf '#!/bin/sh\nexec ncu --set full -k regex:small_ --launch-count 1 "%s/collado" "$@"\n' "$DIR" > "$WORK/stalls"
  for program in launches stalls; do cp "$WORK/$program" "$DIR/$program"; chmod +x "$DIR/$program"; done
  PROGRAM=stalls LIMIT=30 collado time train --arch relu:64-64-64-10 --data digits --batch 64 --stack 132 --steps 64 --device "$DEVICE" \
    > "$OUT/stalls.log" 2>&1
  PROGRAM=launches LIMIT=55 collado time train --arch resnet20 --images 3x32x32 --batch 128 --examples 2048 --steps 1 --device "$DEVICE" \
    > "$WORK/launches.csv" 2> "$WORK/err"
  python3 - "$WORK/launches.csv" <<'P'
import collections, csv, sys
rows = list(csv.reader(line for line in open(sys.argv[1]) if line.startswith('"')))
name, value, unit = (rows[0].index(k) for k in ("Kernel Name", "Metric Value", "Metric Unit"))
times = collections.defaultdict(list)
for row in rows[1:]:
    scale = {"ns": 1e-3, "us": 1, "usecond": 1, "nsecond": 1e-3, "ms": 1e3, "msecond": 1e3}[row[unit]]
    times[row[name].split("(")[0][:90]].append(scale * float(row[value].replace(",", "")))
print(len(rows) - 1, "launches,", round(sum(map(sum, times.values()))), "us")
for kernel, taken in sorted(times.items(), key=lambda item: -sum(item[1]))[:40]:
    print(f"{sum(taken):10.0f} us  {len(taken):5}  {kernel}")
P
}

# What NVIDIA's own tool finds in kernels of small networks; it slows them down a great deal.
sanitizer() {
  command -v compute-sanitizer > /dev/null || { echo "there is no compute-sanitizer"; return 0; }
  printf '#!/bin/sh\nexec compute-sanitizer --tool racecheck --error-exitcode 1 "%s/kernels" "$@"\n' "$DIR" > "$WORK/checked"
  cp "$WORK/checked" "$DIR/checked"
  PROGRAM=checked LIMIT=55 collado --test-threads 1 small_networks | tail -30
}

# ended SECTION SECONDS: the section as a process of its own, so that all of it ends at its limit.
ended() {
  local start=$SECONDS status
  echo "== $1" | tee -a "$OUT/session.log"
  mkdir -p "$WORK/$1"
  WORK=$WORK/$1 timeout -k 5 "$2" bash "$here/gpu-session.sh" section "$1" 2>&1 | sed -u "s/^/$1| /" | tee -a "$OUT/session.log"
  case ${PIPESTATUS[0]} in 0) status=done ;; 124 | 137) status="CUT OFF" ;; *) status=FAILED ;; esac
  echo "$1: $status after $((SECONDS - start)) s" | tee -a "$OUT/summary.log"
}

run() {
  local budget=${BUDGET:-470} group section limit left
  export DIR=$here OUT DEVICE=${DEVICE:-cuda} WORK
  OUT=$(mkdir -p "$1" && cd "$1" && pwd); WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  shift
  chmod +x "$DIR"/{collado,kernels,networks}* 2>/dev/null
  local wanted=" $* "
  for group in $order; do
    limit=${group#*:}
    for section in $(tr + ' ' <<< "${group%:*}"); do
      [[ $wanted = "  " || $wanted = *" $section "* ]] || continue
      left=$((budget - SECONDS))
      if [ $left -lt 15 ]; then echo "$section: not begun" | tee -a "$OUT/summary.log"; continue; fi
      ended "$section" $((limit < left ? limit : left)) &
    done
    wait
  done
  echo "== summary"; cat "$OUT/summary.log"
  ! grep -q 'FAILED\|CUT OFF' "$OUT/summary.log"
}

case ${1:-} in
  build | pack)
    [ $# = 3 ] || { echo "expected gpu-session.sh $1 FILE MNIST" >&2; exit 2; }
    ls "$3"/t*-ubyte* > /dev/null 2>&1 || { echo "$3: expected a folder with the IDX files of MNIST" >&2; exit 2; }
    set -e; "$@" ;;
  run) shift; run "$@" ;;
  section) "$2" ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
