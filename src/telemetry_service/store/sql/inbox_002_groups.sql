-- A group of events is one row: a commit inserts once, however many reports wait for it.

-- `last_seq` is the number of the group's last event; those before it follow from `size`. AUTOINCREMENT as before: an emptied table must
-- not start again at 1. `bodies` is the event itself where there is one, else a MessagePack array of them as byte strings.
CREATE TABLE event_group (
  last_seq INTEGER PRIMARY KEY AUTOINCREMENT,
  size     INTEGER NOT NULL,
  bodies   BLOB NOT NULL
) STRICT;
INSERT INTO event_group SELECT seq, 1, body FROM event ORDER BY seq;
DELETE FROM sqlite_sequence WHERE name = 'event_group';
INSERT INTO sqlite_sequence SELECT 'event_group', seq FROM sqlite_sequence WHERE name = 'event';
DROP TABLE event;
