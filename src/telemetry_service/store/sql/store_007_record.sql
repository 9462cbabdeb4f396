-- The record of processing, each time that it changed: what changed, in words (a JSON list of texts), the whole text, and what it
-- was made from. All of it is text of the program and of its operator, never of a client.
CREATE TABLE record_revision (
  number      INTEGER PRIMARY KEY,
  recorded_at INTEGER NOT NULL,
  version     TEXT NOT NULL,
  changes     TEXT NOT NULL CHECK (json_valid(changes)),
  in_force    TEXT NOT NULL CHECK (json_valid(in_force)),
  text        TEXT NOT NULL
) STRICT;
