#ifndef PENSTOCK_TESTS_FAULT_FAULT_POINTS_H_
#define PENSTOCK_TESTS_FAULT_FAULT_POINTS_H_

// Every fault point of the programs, and where the suite hits it. coverage_test compares this list
// with the sources, so that a new point without a test fails there.

#include <string_view>

namespace penstock {

struct FaultPoint {
  std::string_view name;
  bool can_fail = false;  // PENSTOCK_FAULT_STATUS: enospc and eio as well as crash
  // In the life of a run that touches everything (run_life_test.h).
  bool coordinator = false;
  bool worker = false;
  // Of a worker: steps that start at once fetch the same bytes together, once or several times.
  bool at_once = false;
  // In something that an operator does, or that retention does (operator_test).
  bool operation = false;
  bool migration = false;  // migration_test
};

inline constexpr FaultPoint kFaultPoints[] = {
    // base, storage
    {.name = "file.rename", .can_fail = true, .coordinator = true, .worker = true},
    {.name = "artifact.write",
     .can_fail = true,
     .coordinator = true,
     .worker = true,
     .at_once = true},
    {.name = "artifact.place",
     .can_fail = true,
     .coordinator = true,
     .worker = true,
     .at_once = true},
    {.name = "artifact.renamed", .coordinator = true, .worker = true, .at_once = true},
    {.name = "artifact.set_aside", .operation = true},
    {.name = "journal.append", .can_fail = true, .coordinator = true},
    {.name = "journal.torn", .can_fail = true, .coordinator = true},
    {.name = "journal.sync", .can_fail = true, .coordinator = true},
    {.name = "journal.read", .can_fail = true, .coordinator = true},
    {.name = "journal.remove", .operation = true},
    {.name = "database.write", .can_fail = true, .coordinator = true},
    {.name = "metadata.commit", .can_fail = true, .coordinator = true},
    {.name = "metadata.get_artifact", .can_fail = true, .coordinator = true},
    {.name = "metadata.get_attempt", .can_fail = true, .operation = true},
    {.name = "migrate.backup", .migration = true},
    {.name = "migrate.statement", .can_fail = true, .migration = true},
    {.name = "migrate.applied", .can_fail = true, .migration = true},
    // server
    {.name = "server.before_ready", .coordinator = true},
    {.name = "engine.before_commit", .coordinator = true},
    {.name = "engine.after_commit", .coordinator = true},
    {.name = "engine.answered", .coordinator = true},
    {.name = "backup.database", .operation = true},
    {.name = "backup.artifacts", .operation = true},
    {.name = "backup.before_rename", .operation = true},
    {.name = "backup.set_aside", .operation = true},
    {.name = "restore.database", .operation = true},
    {.name = "restore.artifacts", .operation = true},
    {.name = "restore.journals", .operation = true},
    {.name = "rotate.both_keys", .operation = true},
    {.name = "rotate.resealed", .operation = true},
    // worker
    {.name = "worker.session_open", .worker = true},
    {.name = "worker.before_acknowledge", .worker = true},
    {.name = "worker.lease_received", .worker = true},
    {.name = "worker.fetched", .worker = true},
    {.name = "worker.child_spawned", .worker = true},
    {.name = "worker.child_ended", .worker = true},
    {.name = "worker.log_sent", .worker = true},
    {.name = "worker.before_upload", .worker = true},
    {.name = "worker.after_upload", .worker = true},
    {.name = "worker.before_report", .worker = true},
    {.name = "worker.after_report", .worker = true},
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_FAULT_FAULT_POINTS_H_
