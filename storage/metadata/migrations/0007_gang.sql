-- Steps on several nodes: an attempt is a row a rank, with where it listens, and what rank 0 left
-- before the others ended.

CREATE TABLE ranked_attempts (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  number INTEGER NOT NULL,
  rank INTEGER NOT NULL DEFAULT 0,
  token TEXT NOT NULL,
  state INTEGER NOT NULL,
  worker TEXT NOT NULL,
  address TEXT NOT NULL DEFAULT '',    -- "host:port"; empty: a step on one node
  cause INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  leased_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0,
  exit_code INTEGER NOT NULL DEFAULT 0,
  peak_memory INTEGER NOT NULL DEFAULT 0,
  cpu_micros INTEGER NOT NULL DEFAULT 0,
  result TEXT NOT NULL DEFAULT '',     -- JSON
  PRIMARY KEY (run, idx, number, rank)
) STRICT, WITHOUT ROWID;

INSERT INTO ranked_attempts (run, idx, number, token, state, worker, cause, message, leased_at,
                             started_at, ended_at, exit_code, peak_memory, cpu_micros)
SELECT run, idx, number, token, state, worker, cause, message, leased_at, started_at, ended_at,
       exit_code, peak_memory, cpu_micros
FROM attempts;

DROP TABLE attempts;
ALTER TABLE ranked_attempts RENAME TO attempts;
