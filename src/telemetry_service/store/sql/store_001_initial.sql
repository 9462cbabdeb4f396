-- The store: installations, counts, published counts. Written by the fold alone, but for access tokens.

-- Every name that is stored, once. first_day is the UTC day (days since 1970) on which it was first seen. A cause of failure
-- is named by its number; its label is the line that was first stored for it.
CREATE TABLE name (
  id        INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  text      TEXT NOT NULL,
  first_day INTEGER NOT NULL,
  label     TEXT,
  UNIQUE (kind, text)
) STRICT;

CREATE TABLE source (
  id   INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 63),
  slug TEXT NOT NULL UNIQUE
) STRICT;
-- The default repositories come first, so that what counts under them stays there whatever KNOWN_REPOS says.
INSERT INTO source (id, slug)
VALUES (0, 'external'), (1, 'community-scripts/ProxmoxVE'), (2, 'community-scripts/ProxmoxVED');

-- One row per execution. id is 64 times the millisecond it began in, plus a number that makes it unique, so that rows lie
-- in the order of time and a day is a range of ids. Texts are ids of name; status is 0 installing, 1 validation,
-- 2 configuring, 3 success, 4 failed, 5 aborted, 6 unknown. joins holds what later events are compared with.
CREATE TABLE installation (
  id               INTEGER PRIMARY KEY,
  execution        INTEGER NOT NULL,
  person           INTEGER NOT NULL,
  random_id        BLOB NOT NULL,
  status           INTEGER NOT NULL,
  released         INTEGER NOT NULL,
  exit_code        INTEGER,
  error            TEXT,
  error_category   INTEGER,
  install_duration INTEGER,
  fingerprint      INTEGER,
  cause            INTEGER,
  type             INTEGER,
  nsapp            INTEGER,
  disk_size        INTEGER,
  core_count       INTEGER,
  ram_size         INTEGER,
  os_type          INTEGER,
  os_version       INTEGER,
  pve_version      INTEGER,
  method           INTEGER,
  gpu_vendor       INTEGER,
  cpu_vendor       INTEGER,
  ct_type          INTEGER,
  gpu_passthrough  INTEGER,
  arch             INTEGER,
  platform         INTEGER,
  repo_source      INTEGER,
  repo_slug        INTEGER,
  cpu_model        INTEGER,
  gpu_model        INTEGER,
  ram_speed        INTEGER,
  joins            BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX installation_execution ON installation (execution);
CREATE INDEX installation_person ON installation (person);
CREATE INDEX installation_nsapp ON installation (nsapp);
-- For the table of installations: each column it is filtered or sorted by. Most exit codes are 0.
CREATE INDEX installation_status ON installation (status);
CREATE INDEX installation_type ON installation (type);
CREATE INDEX installation_os_type ON installation (os_type);
CREATE INDEX installation_method ON installation (method);
CREATE INDEX installation_exit_code ON installation (exit_code) WHERE exit_code <> 0;

-- Installations per UTC day and per month (12 * year + month - 1). subject is 4 * script + facet, where script is the id of
-- a name or 0 for all of them; cell packs value << 14 | dimension << 9 | source << 3 | status.
CREATE TABLE count_day (
  subject INTEGER NOT NULL, day INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (subject, day, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE count_month (
  subject INTEGER NOT NULL, month INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (subject, month, cell)
) STRICT, WITHOUT ROWID;

-- What is not published yet of each cell, and what is.
CREATE TABLE public_remainder (
  subject INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (subject, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE public_count_day (
  subject INTEGER NOT NULL, day INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (subject, day, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE public_count_month (
  subject INTEGER NOT NULL, month INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (subject, month, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE public_gauge (
  name TEXT PRIMARY KEY, n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each inbox has been folded.
CREATE TABLE fold_position (
  generation TEXT PRIMARY KEY, seq INTEGER NOT NULL, folded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  scope      TEXT NOT NULL,
  hash       BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

-- Installations and counts by name, for people with sqlite3 in hand.
CREATE VIEW installation_by_name AS
SELECT i.id / 64 AS started_ms,
       (SELECT text FROM name WHERE id = i.nsapp) AS nsapp,
       (SELECT text FROM name WHERE id = i.type) AS type,
       CASE i.status WHEN 0 THEN 'installing' WHEN 1 THEN 'validation' WHEN 2 THEN 'configuring' WHEN 3 THEN 'success'
                     WHEN 4 THEN 'failed' WHEN 5 THEN 'aborted' ELSE 'unknown' END AS status,
       i.exit_code, i.error,
       (SELECT text FROM name WHERE id = i.error_category) AS error_category, i.install_duration,
       (SELECT text FROM name WHERE id = i.os_type) AS os_type, (SELECT text FROM name WHERE id = i.os_version) AS os_version,
       (SELECT text FROM name WHERE id = i.pve_version) AS pve_version, (SELECT text FROM name WHERE id = i.method) AS method,
       i.disk_size, i.core_count, i.ram_size
FROM installation AS i;
