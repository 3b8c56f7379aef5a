#!/usr/bin/env bash
# Runs one target under libFuzzer for PENSTOCK_FUZZ_MINUTES (2), from the corpus and what earlier runs
# found, and adds to tests/fuzz/corpus what reaches code that nothing there reaches. deploy/check.sh
# --full fuzz calls it for each target.
#
#   tests/fuzz/explore.sh FUZZER TARGET
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fuzzer="$1"
export PENSTOCK_FUZZ_TARGET="$2"
kept="tests/fuzz/corpus/$2"
found="build/fuzz/corpus/$2"
log="build/fuzz/$2.log"
mkdir -p "$found" build/fuzz/finds
export ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1:handle_abort=1"
export UBSAN_OPTIONS="print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$PWD/deploy/sanitizers/lsan.supp:print_suppressions=0"

# An input that takes a minute counts as a hang, one that takes 3 GiB as a leak.
if ! "$fuzzer" -max_total_time=$((${PENSTOCK_FUZZ_MINUTES:-2} * 60)) -timeout=60 -rss_limit_mb=3072 \
  -max_len=16384 -print_final_stats=1 -artifact_prefix="build/fuzz/finds/$2-" \
  "$found" "$kept" &>"$log"; then
  tail -60 "$log" >&2
  echo "fuzz: $2: see $log" >&2
  exit 1
fi
# Of what was found only small inputs are worth keeping for ever, and only those that reach four
# branches or more which nothing smaller reaches: with those of one branch the corpus grows by
# hundreds of files a run, and without counters "often" is no place of its own.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/small"
find "$found" -type f -size -2k -exec cp -t "$work/small" {} +
cp -r "$kept" "$work/merged"
"$fuzzer" -merge=1 -use_counters=0 -merge_control_file="$work/control" "$work/merged" \
  "$work/small" &>>"$log"
# The control file: how many inputs, how many of them were there before, their paths, and for each
# a line "COV number branch...", of branches that are new.
mapfile -t worth < <(awk 'NR == 1 { all = $1 } NR == 2 { kept = $1 }
  NR > 2 && NR <= all + 2 { path[NR - 3] = $0 }
  $1 == "COV" && $2 >= kept && NF - 2 >= 4 { print path[$2] }' "$work/control")
((${#worth[@]} == 0)) || cp -t "$kept" "${worth[@]}"
grep -aE 'stat::number_of_executed_units' "$log" | tail -1 | sed "s/^/fuzz: $2: /" >&2
echo "fuzz: $2: ${#worth[@]} inputs were added to $kept" >&2
