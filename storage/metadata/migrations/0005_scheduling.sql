-- Queues and priorities of runs; what operators say of workers.

ALTER TABLE runs ADD COLUMN queue TEXT NOT NULL DEFAULT 'default';
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN orders TEXT NOT NULL DEFAULT '';        -- JSON: cordoned, drained
