-- The inbox: accepted events on their way to the store. Written by one web process alone.

-- AUTOINCREMENT, because an emptied table must not start again at 1: the fold remembers how far it has read.
CREATE TABLE event (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,
  body BLOB NOT NULL
) STRICT;
-- A copy of an older inbox is another inbox: its numbers are given out a second time.
CREATE TABLE generation (
  id TEXT NOT NULL
) STRICT;
INSERT INTO generation (id) VALUES (lower(hex(randomblob(16))));
