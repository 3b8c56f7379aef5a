#!/usr/bin/env bash
# Builds Penstock and runs the census example with a real coordinator and a real worker: process,
# train, evaluate, a condition on the AUC, and a model version that awaits approval.
#
#   deploy/quickstart.sh [--data FILE] [--keep]
#
#   --data FILE  a CSV in the layout of UCI's adult.data, in place of generated data
#   --keep       leave the coordinator and the worker running, and say how to stop them
#
# Everything lies under build/quickstart: a second run takes seconds and makes the next version.
# Ends with status 0 only where the model was registered. Leaves nothing running without --keep.
set -euo pipefail
data=""
keep=false

say() { echo "quickstart: $*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; }

while (($#)); do
  case "$1" in
    --data)
      [[ ${2:-} ]] || { say "--data needs a file (try --help)"; exit 2; }
      data="$(realpath -- "$2")"
      shift
      ;;
    --keep) keep=true ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown argument '$1' (try --help)"; exit 2 ;;
  esac
  shift
done
[[ -z $data || -r $data ]] || die "--data $data: no such file, or not readable"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin="$PWD/build/bin"
home="$PWD/build/quickstart"
# As `penstock dev --data-dir` lays it out, so that it can serve the same data later.
server_data="$home/data"
worker_data="$server_data/dev-1"
ready="$server_data/ready.json"
group=census-income
server_pid=""
worker_pid=""

# field FILE KEY: one value of a JSON object's top level.
field() {
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2" \
    2>/dev/null || true
}

# stop PID NAME: asks, waits, and insists after half a minute.
stop() {
  [[ $1 ]] && kill -TERM "$1" 2>/dev/null || return 0
  local deadline=$((SECONDS + 30))
  while kill -0 "$1" 2>/dev/null; do
    if ((SECONDS > deadline)); then
      say "the $2 did not stop when asked; ending it"
      kill -KILL "$1" 2>/dev/null || true
      break
    fi
    sleep 0.05
  done
  wait "$1" 2>/dev/null || true
}

finish() {
  local status=$?
  trap - EXIT INT TERM
  if ((status == 0)) && $keep; then
    say "still running: coordinator (pid $server_pid) at $PENSTOCK_ADDRESS, worker (pid $worker_pid)"
    say "    export PENSTOCK_ADDRESS=$PENSTOCK_ADDRESS"
    say "    kill $worker_pid $server_pid    # stops both"
  else
    stop "$worker_pid" worker
    stop "$server_pid" coordinator
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build() {
  deploy/install-deps.sh
  [[ -f build/build.ninja ]] || cmake --preset release
  cmake --build build -j "$(nproc)" \
    --target penstockd penstock-worker penstock penstock-census-data
}

# Starts a daemon that outlives a Ctrl-C on this script until `finish` stops it in order.
start() { # start LOG PROGRAM ARGUMENT...
  local log="$1"
  shift
  setsid "$@" >"$log" 2>&1 </dev/null &
}

# await READY PID NAME LOG: until the file is this process's (one that was killed leaves its own
# behind): it serves.
await() {
  local deadline=$((SECONDS + 30))
  until [[ -f $1 && $(field "$1" pid) = "$2" ]]; do
    if ! kill -0 "$2" 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 20 "$4" >&2
      die "the $3 did not start; its log is $4"
    fi
    sleep 0.02
  done
}

start_daemons() {
  mkdir -p "$server_data" "$worker_data"
  start "$home/coordinator.log" "$bin/penstockd" --data-dir "$server_data" \
    --grpc-address 127.0.0.1:0 --http-address 127.0.0.1:0
  server_pid=$!
  await "$ready" "$server_pid" coordinator "$home/coordinator.log"
  PENSTOCK_ADDRESS="$(field "$ready" grpc)"
  export PENSTOCK_ADDRESS
  start "$home/worker.log" "$bin/penstock-worker" \
    --coordinator "$PENSTOCK_ADDRESS" --name dev-1 --data-dir "$worker_data"
  worker_pid=$!
  await "$worker_data/ready.json" "$worker_pid" worker "$home/worker.log"
}

# The newest version of the model group that this run registered, as key=value lines.
registered() {
  "$bin/penstock" get models "$group" -o json --limit 50 | python3 -c '
import json, sys
run = sys.argv[1]
versions = [v for v in json.load(sys.stdin).get("versions", []) if v.get("runId") == run]
if not versions:
    sys.exit("quickstart: the run registered no model version")
found = max(versions, key=lambda v: v["version"])
print(found["version"], found["status"], "%.4f" % found["metrics"]["auc"], found["model"]["digest"])
' "$1"
}

build
mkdir -p "$home"
if [[ -z $data ]]; then
  data="$home/census.csv"
  "$bin/penstock-census-data" "$data"
fi
say "data: ${data#"$PWD/"}"
start_daemons

run="$("$bin/penstock" run -f examples/census/pipeline.yaml -p "data=@$data" --follow --wait)" || {
  status=$?
  say "the run did not succeed; logs: $home/coordinator.log and $home/worker.log"
  exit "$status"
}
result="$(registered "$run")"
read -r version status auc digest <<<"$result"
files="$home/models/$group-$version"
rm -rf "$files"
mkdir -p "$home/models"
"$bin/penstock" artifacts get "$digest" -o "$files" >/dev/null
"$bin/penstock" describe model "$group/$version"

cat <<END

Registered: $group version $version, $status, AUC $auc
Its files:  ${files#"$PWD/"}
Next:       build/bin/penstock dev --data-dir build/quickstart/data   # serves it again; then
            build/bin/penstock approve $group/$version
END
