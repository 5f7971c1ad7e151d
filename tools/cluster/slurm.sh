#!/usr/bin/env bash
# Tries `collado sweep submit --slurm` for real: sets up Slurm with one node on the loopback interface, runs a sweep as job arrays,
# kills one element of an array, submits again, and compares the tables with those of a local run to the last bit.
#
#   apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
#   tools/cluster/slurm.sh [FOLDER]
#
# It takes root, as slurmd does, touches nothing outside of the folder (default: target/slurm), and ends its daemons.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
collado=$(realpath "${COLLADO:-target/release/collado}")
mkdir -p "${1:-target/slurm}"
place=$(realpath "${1:-target/slurm}")
plan=${PLAN:-examples/sweeps/digits-quick.toml}
chunk=${CHUNK:-8}
cpus=$(nproc)

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || { echo "error: $program is missing; see the head of this script" >&2; exit 1; }
done

daemons=()
end() {
  scancel --user "$(id -un)" 2>/dev/null || true
  for id in "${daemons[@]}"; do kill "$id" 2>/dev/null || true; done
  for id in "${daemons[@]}"; do wait "$id" 2>/dev/null || true; done
}
trap end EXIT

rm -rf "$place"/{munge,state,spool,local,slurm}
mkdir -p "$place"/{munge,state,spool}
chmod 700 "$place/munge"
head -c 128 /dev/urandom >"$place/munge/key"
chmod 400 "$place/munge/key"
cat >"$place/slurm.conf" <<EOF
ClusterName=collado
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$place/munge/socket
CryptoType=crypto/munge
CommunicationParameters=NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=5
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$place/slurm.conf

munged --foreground --force --key-file="$place/munge/key" --socket="$place/munge/socket" --pid-file="$place/munge/pid" \
  --log-file="$place/munge/log" --seed-file="$place/munge/seed" 2>"$place/munge/errors" &
daemons+=($!)
for _ in $(seq 50); do [ -S "$place/munge/socket" ] && break; sleep 0.1; done
slurmctld -D >/dev/null 2>&1 &
daemons+=($!)
slurmd -D >/dev/null 2>&1 &
daemons+=($!)
for _ in $(seq 100); do
  [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && break
  sleep 0.2
done
sinfo --noheader --format='Slurm has one node, %T, with %c CPUs' || { tail -3 "$place"/*.log >&2; exit 1; }

# Waits until no job is left, and says how long it took.
wait_for_jobs() {
  local begin=$SECONDS
  while [ -n "$(squeue --noheader)" ]; do sleep 0.5; done
  say "jobs ended after $((SECONDS - begin)) s"
}

say "local run"
"$collado" sweep plan "$plan" --out "$place/local" --quiet
"$collado" sweep run "$place/local"
"$collado" sweep collect "$place/local" --quiet

say "job arrays of $chunk tasks an element"
"$collado" sweep plan "$plan" --out "$place/slurm" --quiet
"$collado" sweep submit "$place/slurm" --slurm --chunk "$chunk"
# The first element of the last stage that works: one job is killed with all its processes.
job=$(squeue --noheader --format=%F | sort -n | tail -1)
for _ in $(seq 600); do
  element=$(squeue --noheader --states=RUNNING --job="$job" --format=%i | head -1)
  [ -n "$element" ] && break
  sleep 0.1
done
scancel --signal=KILL "$element" && say "killed $element"
wait_for_jobs
"$collado" sweep status "$place/slurm"
left=$("$collado" sweep status "$place/slurm" --json | python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["tasks"] - s["done"])')
[ "$left" -gt 0 ] || { echo "error: nothing was lost by killing $element" >&2; exit 1; }

say "submitted again, for the $left tasks that are left"
"$collado" sweep submit "$place/slurm" --slurm --chunk "$chunk"
wait_for_jobs
"$collado" sweep collect "$place/slurm" --quiet
for name in table.csv table.parquet minima.csv; do
  cmp "$place/local/$name" "$place/slurm/$name"
done
# Times have means too.
cmp <(grep -v seconds "$place/local/means.csv") <(grep -v seconds "$place/slurm/means.csv")
tasks=$(wc -l <"$place/slurm/tasks.jsonl")
say "the tables of $tasks tasks are those of the local run to the last bit"
