-- What is to be told to people, and how far each message has come on each channel. Instants in microseconds since 1970 UTC.
-- Nothing here holds more than may be published, nor an address or secret of a channel.

-- One thing to tell. key says what it is about, so that it is noted once; message is the one it went into.
CREATE TABLE notice (
  id       INTEGER PRIMARY KEY,
  key      TEXT NOT NULL UNIQUE,
  title    TEXT NOT NULL,
  lines    TEXT NOT NULL CHECK (json_valid(lines)),
  path     TEXT NOT NULL,
  noted_at INTEGER NOT NULL,
  message  INTEGER
) STRICT;
CREATE INDEX notice_waiting ON notice (id) WHERE message IS NULL;

-- key is its identity for the other side (Message-ID). Its texts go when no channel waits for them any more.
CREATE TABLE message (
  id          INTEGER PRIMARY KEY,
  key         TEXT NOT NULL UNIQUE,
  kind        TEXT NOT NULL CHECK (kind IN ('alert', 'report', 'test', 'comment')),
  subject     TEXT NOT NULL,
  text        TEXT,
  html        TEXT,
  recorded_at INTEGER NOT NULL
) STRICT;

-- claimed: a process works on it, and nothing has left yet. sent: it is on its way, and no answer is known. unclear: how often
-- that was all that could be known. problem is in words of ours.
CREATE TABLE delivery (
  id         INTEGER PRIMARY KEY,
  message    INTEGER NOT NULL,
  channel    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('recorded', 'claimed', 'sent', 'confirmed', 'given_up')),
  attempts   INTEGER NOT NULL DEFAULT 0,
  unclear    INTEGER NOT NULL DEFAULT 0,
  next_at    INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  problem    TEXT,
  UNIQUE (message, channel)
) STRICT;
CREATE INDEX delivery_open ON delivery (next_at) WHERE state IN ('recorded', 'claimed', 'sent');
