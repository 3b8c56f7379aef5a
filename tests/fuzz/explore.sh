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
before=$(find "$kept" -type f | wc -l)
# Of what was found only small inputs are worth keeping for ever.
small="$(mktemp -d)"
trap 'rm -rf "$small"' EXIT
find "$found" -type f -size -2k -exec cp -t "$small" {} +
"$fuzzer" -merge=1 "$kept" "$small" &>>"$log"
grep -E 'stat::number_of_executed_units' "$log" | tail -1 | sed "s/^/fuzz: $2: /" >&2
echo "fuzz: $2: $(($(find "$kept" -type f | wc -l) - before)) inputs were added to $kept" >&2
