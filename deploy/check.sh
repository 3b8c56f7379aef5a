#!/usr/bin/env bash
# Builds everything from nothing and runs every test: what has to be green before a change is kept.
# About 25 minutes on two cores the first time; a later run builds and tests again only what it must.
#
#   deploy/check.sh                 the build and every test
#   deploy/check.sh --full          the same, then every stage below
#   deploy/check.sh --full STAGE    that stage alone
#
# Stages, each at most an hour:
#   clang    a build with clang, thread-safety analysis and warnings as errors
#   tidy     clang-tidy's allow-list (.clang-tidy) over every source file
#   asan     every test with AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan     every test that does not link gRPC, with ThreadSanitizer
#   faults   every hit of every fault point (the normal run takes a sample)
#   sim      20,000 simulated clusters (the normal run has 300), and 72 hours of one
#   fuzz     each target of tests/fuzz under libFuzzer, with sanitizers, for PENSTOCK_FUZZ_MINUTES (2);
#            inputs that reach new code are added to tests/fuzz/corpus
#
# The last thing that it prints is the summary of ctest; its exit status is that of the first thing
# that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stages=(clang tidy asan tsan faults sim fuzz)
cores="$(nproc)"

say() { echo "check: $*" >&2; }
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; }

build() { # build PRESET [TARGET...]
  local preset="$1"
  shift
  local folder="build/$preset"
  [[ $preset = release ]] && folder=build
  cmake --preset "$preset"
  cmake --build "$folder" -j "$cores" ${1:+--target "$@"}
}

# run_tests FOLDER [CTEST-ARGUMENT...]: two at a time, since most start daemons of their own.
run_tests() {
  local folder="$1"
  shift
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel 2 "$@"
}

normal() {
  build release
  run_tests build
}

stage_clang() {
  build clang
}

# Needs the headers that a build generates, hence the build (a moment after the clang stage).
stage_tidy() {
  build clang
  run-clang-tidy -p build/clang -j "$cores" -quiet \
    "^$PWD/(base|storage|steps|server|worker|client|examples|tests)/"
}

stage_asan() {
  build asan
  ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1" \
    UBSAN_OPTIONS="print_stacktrace=1" \
    LSAN_OPTIONS="suppressions=$PWD/deploy/sanitizers/lsan.supp:print_suppressions=0" \
    run_tests build/asan --label-exclude bench
}

# ThreadSanitizer sees only what is compiled with it: with Debian's gRPC in the process it reports
# what is not so and misses what is. So it runs the tests whose link line has no gRPC.
stage_tsan() {
  cmake --preset tsan
  local targets tests
  mapfile -t targets < <(python3 deploy/sanitizers/tests_without.py build/tsan grpc)
  ((${#targets[@]})) || { say "no test is free of gRPC: nothing for tsan to run"; return 1; }
  cmake --build build/tsan -j "$cores" --target "${targets[@]}"
  tests="$(IFS='|'; echo "${targets[*]}")"
  # OpenMP and OpenBLAS with one thread each: their uninstrumented threads hide from the analysis.
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    TSAN_OPTIONS="suppressions=$PWD/deploy/sanitizers/tsan.supp:second_deadlock_stack=1" \
    run_tests build/tsan --tests-regex "^($tests)\$"
}

stage_faults() {
  build release
  PENSTOCK_FAULTS=all run_tests build --label-regex '^fault$'
}

stage_sim() {
  build release penstock-sim
  build/tests/penstock-sim --seeds 1-20000 --jobs "$cores" --coverage --min-events 2000
  build/tests/penstock-sim --soak 72 --seed 1
}

# One target a core at a time. A find stops its target, is named, and fails the stage at the end.
stage_fuzz() {
  build fuzz penstock-fuzzer
  local fuzzer="$PWD/build/fuzz/bin/penstock-fuzzer" targets
  mapfile -t targets < <("$fuzzer" 2>&1 | sed -n 's/.*there are: *//p' | tr ' ' '\n')
  ((${#targets[@]})) || { say "the fuzzer names no target"; return 1; }
  mkdir -p build/fuzz/finds
  printf '%s\n' "${targets[@]}" | xargs -P "$cores" -I{} tests/fuzz/explore.sh "$fuzzer" {} ||
    { say "the finds are in build/fuzz/finds; tests/fuzz/README.md says how to go on"; return 1; }
}

full=false
only=""
while (($#)); do
  case "$1" in
    --full)
      full=true
      if [[ ${2:-} && ${2:-} != -* ]]; then
        only="$2"
        shift
      fi
      ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown argument '$1' (try --help)"; exit 2 ;;
  esac
  shift
done
if [[ $only && " ${stages[*]} " != *" $only "* ]]; then
  say "no stage '$only'; the stages are: ${stages[*]}"
  exit 2
fi

if ! $full; then
  deploy/install-deps.sh
  normal
  exit
fi

deploy/install-deps.sh --full
if [[ $only ]]; then
  "stage_$only"
  exit
fi
for stage in "${stages[@]}"; do
  say "stage $stage"
  "stage_$stage"
done
say "every stage passed; the normal run"
normal
