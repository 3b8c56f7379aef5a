-- Maps, pipelines that call pipelines, and what names meant when a run started.

ALTER TABLE runs ADD COLUMN pins TEXT NOT NULL DEFAULT '{}';          -- JSON
ALTER TABLE runs ADD COLUMN cancel_now INTEGER NOT NULL DEFAULT 0;    -- onExit steps, too
ALTER TABLE steps ADD COLUMN parent INTEGER NOT NULL DEFAULT -1;      -- idx of the map or pipeline
ALTER TABLE steps ADD COLUMN item INTEGER NOT NULL DEFAULT -1;        -- of the map
ALTER TABLE steps ADD COLUMN expansion TEXT NOT NULL DEFAULT '';      -- JSON; map, pipeline
