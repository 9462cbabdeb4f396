-- What a mirror has not got yet: installations that changed, and those that were deleted (without a row in installation).
-- Written only while a mirror is in use, by triggers on installation (store/changes.py): no writer can forget it.
-- is_new is a guess whether the mirror has no record of it yet.
CREATE TABLE change (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  execution  INTEGER NOT NULL UNIQUE,
  is_new     INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

-- What the mirror refuses for good, and why: names of fields and codes, never a value. Instants in seconds since 1970.
CREATE TABLE change_set_aside (
  execution    INTEGER PRIMARY KEY,
  reason       TEXT NOT NULL,
  set_aside_at INTEGER NOT NULL
) STRICT;

-- The mirror in use: where it is, what its columns look like, and how far bringing it up to date has come. target is NULL
-- while there is none. problem is what keeps it from working now, in words of ours.
CREATE TABLE mirror (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  target         TEXT,
  columns        TEXT NOT NULL DEFAULT '',
  reconciled     INTEGER NOT NULL DEFAULT 0,
  seeded_through INTEGER NOT NULL DEFAULT -1,
  written        INTEGER NOT NULL DEFAULT 0,
  deleted        INTEGER NOT NULL DEFAULT 0,
  not_ours       INTEGER NOT NULL DEFAULT 0,
  last_success_at INTEGER,
  problem        TEXT,
  problem_since  INTEGER
) STRICT;
INSERT INTO mirror (one) VALUES (1);
