-- Reruns with other inputs, runs that belong together, and what attempts ran in.

ALTER TABLE runs ADD COLUMN overrides TEXT NOT NULL DEFAULT '';        -- JSON, by step
ALTER TABLE runs ADD COLUMN run_group TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN group_limit INTEGER NOT NULL DEFAULT 0;    -- that go on at a time; 0: any
CREATE INDEX runs_by_group ON runs (run_group, id) WHERE run_group <> '';

-- Shared by attempts: most have the same. The last run that used one tells when it may go.
CREATE TABLE environments (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  json TEXT NOT NULL,
  last_run INTEGER NOT NULL
) STRICT;
CREATE INDEX environments_by_last_run ON environments (last_run);
ALTER TABLE attempts ADD COLUMN environment INTEGER NOT NULL DEFAULT 0;
