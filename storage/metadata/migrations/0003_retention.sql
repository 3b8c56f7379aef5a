-- What retention and the collection of artifacts look up.

ALTER TABLE artifacts ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;  -- committed again

CREATE INDEX runs_by_end ON runs (ended_at, id) WHERE ended_at > 0;
CREATE INDEX runs_by_origin ON runs (json_extract(origin, '$.run')) WHERE origin <> '';
CREATE INDEX model_versions_by_model ON model_versions (json_extract(model, '$.digest'));
CREATE INDEX model_versions_by_report ON model_versions (json_extract(report, '$.digest'))
  WHERE report <> '';

-- Artifacts that definitions name: kept as long as the pipeline is.
CREATE TABLE pipeline_artifacts (
  version INTEGER NOT NULL REFERENCES pipeline_versions (id),
  digest TEXT NOT NULL,
  PRIMARY KEY (version, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX pipeline_artifacts_by_digest ON pipeline_artifacts (digest);

INSERT INTO pipeline_artifacts (version, digest)
WITH RECURSIVE named (id, rest) AS (
  SELECT id, substr(definition, instr(definition, 'artifact:sha256:') + 16)
  FROM pipeline_versions WHERE instr(definition, 'artifact:sha256:') > 0
  UNION ALL
  SELECT id, substr(rest, instr(rest, 'artifact:sha256:') + 16)
  FROM named WHERE instr(rest, 'artifact:sha256:') > 0)
SELECT DISTINCT id, substr(rest, 1, 64) FROM named;
