#ifndef PENSTOCK_TESTS_BENCH_HISTORY_H_
#define PENSTOCK_TESTS_BENCH_HISTORY_H_

// A database as a coordinator has it after a year: runs that have ended, with their steps, attempts
// and tags, written through the real store.
//
// Of `runs` runs, 3 to 8 steps each: half belong to the pipeline "p0", a quarter to "p1", and so on
// to "p15"; 20 to "rare". 6 % FAILED, 2 % CANCELLED, the others SUCCEEDED; of "p1" none failed.
// Tags: team=t0 … t9 and env=prod (half), staging or dev; experiment=x<N> on 20 of them. One in a
// hundred belongs to a group of 500. They began at even intervals over the year before now.

#include <cstdint>
#include <filesystem>

#include "base/status.h"

namespace penstock::bench {

inline constexpr int kHistoryRare = 20;

// Makes `folder`/penstock.db. Where there is a whole history of that size already, it stays.
// kFailedPrecondition where the folder holds anything else. Says on stderr how far it is.
Status MakeHistory(const std::filesystem::path& folder, int64_t runs);

}  // namespace penstock::bench

#endif  // PENSTOCK_TESTS_BENCH_HISTORY_H_
