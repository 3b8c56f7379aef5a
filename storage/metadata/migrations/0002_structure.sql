-- Maps, pipelines that call pipelines, what names meant when a run started; results that are used
-- again, and runs that go on from others.

ALTER TABLE runs ADD COLUMN pins TEXT NOT NULL DEFAULT '{}';          -- JSON
ALTER TABLE runs ADD COLUMN cancel_now INTEGER NOT NULL DEFAULT 0;    -- onExit steps, too
ALTER TABLE steps ADD COLUMN parent INTEGER NOT NULL DEFAULT -1;      -- idx of the map or pipeline
ALTER TABLE steps ADD COLUMN item INTEGER NOT NULL DEFAULT -1;        -- of the map
ALTER TABLE steps ADD COLUMN expansion TEXT NOT NULL DEFAULT '';      -- JSON; map, pipeline
ALTER TABLE runs ADD COLUMN origin TEXT NOT NULL DEFAULT '';           -- JSON: the run it goes on from
ALTER TABLE runs ADD COLUMN no_cache TEXT NOT NULL DEFAULT '';         -- JSON: true, or step names
ALTER TABLE steps ADD COLUMN cache TEXT NOT NULL DEFAULT '';           -- JSON: key, parts, hit or miss

-- The newest result for each key.
CREATE TABLE step_cache (
  key TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  step TEXT NOT NULL,                  -- as the definition names it
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (key, pipeline)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_cache_by_step ON step_cache (pipeline, step, created_at);
CREATE INDEX step_cache_by_run ON step_cache (run);
