-- Times are microseconds since the epoch, UTC; 0 means "not yet". States are the numbers of
-- storage/model/states.h. JSON is canonical.

CREATE TABLE server (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  incarnation TEXT NOT NULL,           -- drawn when the database was made or restored
  created_at INTEGER NOT NULL,
  probed_at INTEGER NOT NULL DEFAULT 0 -- written to see whether the disk takes it
) STRICT;

CREATE TABLE pipelines (
  name TEXT PRIMARY KEY,
  latest_version INTEGER NOT NULL,
  deleted_at INTEGER NOT NULL DEFAULT 0,
  deleted_by TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE pipeline_versions (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL REFERENCES pipelines (name),
  version INTEGER NOT NULL,
  digest TEXT NOT NULL,                -- SHA-256 of definition
  definition TEXT NOT NULL,
  source TEXT NOT NULL,
  description TEXT NOT NULL,
  step_count INTEGER NOT NULL,
  principal TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (name, version)
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of creation; never given twice
  run_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  pipeline_version INTEGER NOT NULL,
  pipeline_version_id INTEGER NOT NULL REFERENCES pipeline_versions (id),
  state INTEGER NOT NULL,
  message TEXT NOT NULL DEFAULT '',
  parameters TEXT NOT NULL,
  tags TEXT NOT NULL,
  principal TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 1,
  max_parallel_steps INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL,
  waiting INTEGER NOT NULL DEFAULT 0,
  active INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  cancelled_by TEXT NOT NULL DEFAULT '',
  cancel_comment TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_by_time ON runs (created_at, id);

CREATE TABLE run_tags (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  PRIMARY KEY (key, value, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tags_by_run ON run_tags (run);

CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request TEXT NOT NULL,               -- SHA-256 of what was asked
  run_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (created_at);

CREATE TABLE steps (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  depends_on TEXT NOT NULL,            -- JSON list of idx
  state INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '',
  cause INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  branch TEXT NOT NULL DEFAULT '',
  model_version TEXT NOT NULL DEFAULT '',
  failures INTEGER NOT NULL DEFAULT 0,
  infra_failures INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER NOT NULL DEFAULT 0,
  ready_at INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0,
  result TEXT NOT NULL DEFAULT '',     -- JSON: outputs, metrics, report
  PRIMARY KEY (run, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  number INTEGER NOT NULL,
  token TEXT NOT NULL,
  state INTEGER NOT NULL,
  worker TEXT NOT NULL,
  cause INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  leased_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0,
  exit_code INTEGER NOT NULL DEFAULT 0,
  peak_memory INTEGER NOT NULL DEFAULT 0,
  cpu_micros INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, idx, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
  worker_id TEXT PRIMARY KEY,
  boot_id TEXT NOT NULL,
  info TEXT NOT NULL,                  -- JSON
  opened_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  tree INTEGER NOT NULL,
  size INTEGER NOT NULL,
  file_count INTEGER NOT NULL,
  principal TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  run_id TEXT NOT NULL DEFAULT '',
  step TEXT NOT NULL DEFAULT '',
  output TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX artifacts_by_type ON artifacts (type, id);

-- What a run reads or made: collection keeps these.
CREATE TABLE run_artifacts (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  PRIMARY KEY (run, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_artifacts_by_digest ON run_artifacts (digest);

-- What somebody is about to use. holder is an attempt's token or a principal.
CREATE TABLE holds (
  holder TEXT NOT NULL,
  digest TEXT NOT NULL,
  expires_at INTEGER NOT NULL,         -- 0: ends with the attempt
  PRIMARY KEY (holder, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_digest ON holds (digest);
CREATE INDEX holds_by_expiry ON holds (expires_at);

CREATE TABLE model_groups (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  latest_version INTEGER NOT NULL DEFAULT 0,
  principal TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE model_versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_group TEXT NOT NULL REFERENCES model_groups (name),
  version INTEGER NOT NULL,
  status INTEGER NOT NULL,
  model TEXT NOT NULL,                 -- JSON of an artifact reference
  report TEXT NOT NULL DEFAULT '',     -- the same, or nothing
  metrics TEXT NOT NULL,
  run_id TEXT NOT NULL DEFAULT '',
  step TEXT NOT NULL DEFAULT '',
  pipeline TEXT NOT NULL DEFAULT '',
  pipeline_version INTEGER NOT NULL DEFAULT 0,
  description TEXT NOT NULL DEFAULT '',
  principal TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  decided_by TEXT NOT NULL DEFAULT '',
  decided_at INTEGER NOT NULL DEFAULT 0,
  comment TEXT NOT NULL DEFAULT '',
  UNIQUE (model_group, version)
) STRICT;
-- A register step makes one version, however often it is decided.
CREATE UNIQUE INDEX model_versions_by_step ON model_versions (run_id, step) WHERE run_id <> '';

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  role INTEGER NOT NULL,
  hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the secret
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_by TEXT NOT NULL DEFAULT '',
  revoked_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX live_tokens ON tokens (name) WHERE revoked_at = 0;
