-- What changed in a script, each change once: opened, and closed when it is over. script is `app type`, cause 16 hexadecimal
-- digits or empty; evidence is a JSON object of numbers and names of versions: never the line of an error. Instants are in
-- microseconds since 1970.
CREATE TABLE alert (
  number    INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  script    TEXT NOT NULL,
  source    TEXT NOT NULL,
  cause     TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  evidence  TEXT NOT NULL CHECK (json_valid(evidence))
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (kind, script, source, cause) WHERE closed_at IS NULL;
