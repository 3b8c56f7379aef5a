-- Values that steps get and nobody is shown. The key that opens them is in no database.

CREATE TABLE secrets (
  name TEXT PRIMARY KEY NOT NULL,
  version INTEGER NOT NULL,            -- raised by each change of the value; never given twice
  sealed TEXT NOT NULL,                -- with the id of its key (base/secret_box.h); empty: deleted
  principal TEXT NOT NULL,             -- of the last change
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
