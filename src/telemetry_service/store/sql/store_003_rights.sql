-- What jobs did and when, for the audit and for people. counts is a JSON object of whole numbers: never a text of a client.
CREATE TABLE job_run (
  id         INTEGER PRIMARY KEY,
  job        TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL,
  outcome    TEXT NOT NULL CHECK (outcome IN ('done', 'failed')),
  counts     TEXT NOT NULL CHECK (json_valid(counts))
) STRICT;
CREATE INDEX job_run_job ON job_run (job, id);

-- The last UTC day (days since 1970) whose installations retention deletes; -1 for none. Up to and including it nothing is
-- added to the counts any more, and nothing taken off.
CREATE TABLE sealed (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  through_day INTEGER NOT NULL
) STRICT;
INSERT INTO sealed VALUES (1, -1);

-- Ids whose holder had everything erased, as a keyed hash, and the UTC day of that: a late report must not bring them back.
CREATE TABLE erased (
  hash INTEGER PRIMARY KEY, day INTEGER NOT NULL
) STRICT;
