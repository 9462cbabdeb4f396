-- What the watch has learnt: of each script (`app type`) and source, and of all together; JSON objects of numbers and causes.
CREATE TABLE watch (
  script TEXT NOT NULL,
  source TEXT NOT NULL,
  state  TEXT NOT NULL CHECK (json_valid(state)),
  PRIMARY KEY (script, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE watch_all (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  state TEXT NOT NULL CHECK (json_valid(state))
) STRICT;
-- The installations of the last days that the watch has taken in: each once.
CREATE TABLE watched (
  id INTEGER PRIMARY KEY
) STRICT;
CREATE TRIGGER watched_deleted AFTER DELETE ON installation BEGIN DELETE FROM watched WHERE id = old.id; END;
