-- What lists of runs look up.

CREATE INDEX runs_by_pipeline_and_state ON runs (pipeline, state, id);
-- With all that is counted of a group.
DROP INDEX runs_by_group;
CREATE INDEX runs_by_group ON runs (run_group, id, state, group_limit) WHERE run_group <> '';
