-- Issues that were opened on GitHub from here: the fingerprint of what they are about, the app, and where they are. created_at is in
-- microseconds since 1970.
CREATE TABLE issue (
  fingerprint TEXT NOT NULL,
  app         TEXT NOT NULL,
  repository  TEXT NOT NULL,
  number      INTEGER NOT NULL,
  url         TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (repository, number)
) STRICT;
CREATE INDEX issue_app ON issue (app);
