-- Audits of the record: what became of each claim (findings is JSON). Its evidence holds counts and names of columns, never a value.
CREATE TABLE audit (
  number     INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL,
  findings   TEXT NOT NULL CHECK (json_valid(findings))
) STRICT;
