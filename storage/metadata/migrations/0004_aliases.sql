-- Names that stand for one version of a model group until they are moved to another.

CREATE TABLE model_aliases (
  model_group TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  principal TEXT NOT NULL,             -- who moved it there
  moved_at INTEGER NOT NULL,
  run_id TEXT NOT NULL DEFAULT '',     -- whose promote step did
  step TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (model_group, alias),
  FOREIGN KEY (model_group, version) REFERENCES model_versions (model_group, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_aliases_by_version ON model_aliases (model_group, version);
