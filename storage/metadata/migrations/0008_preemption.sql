-- Steps that gave way to others of a higher priority, and what they go on from.

ALTER TABLE steps ADD COLUMN preemptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN checkpoint TEXT NOT NULL DEFAULT '';      -- JSON of an artifact reference
CREATE INDEX steps_by_checkpoint ON steps (json_extract(checkpoint, '$.digest'))
  WHERE checkpoint <> '';
