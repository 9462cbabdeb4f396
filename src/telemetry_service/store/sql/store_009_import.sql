-- How far each import has come, by a keyed hash of its source, written in the transaction of what it took. position is where
-- reading goes on, as the source has it; counts is a JSON object of whole numbers. No value of a row is kept here.
-- history_through is the last UTC day (days since 1970) of which the import leaves counts alone, or -1.
CREATE TABLE import (
  source          TEXT PRIMARY KEY,
  position        TEXT NOT NULL,
  finished        INTEGER NOT NULL,
  history_through INTEGER NOT NULL,
  counts          TEXT NOT NULL CHECK (json_valid(counts)),
  changed_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
