-- The k that everything public is in steps of; NULL until it is first decided.
CREATE TABLE published_step (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  k   INTEGER
) STRICT;
INSERT INTO published_step VALUES (1, NULL);

-- After a change of k: told is how many of n were public once, and step by how many the next release has to exceed them at
-- least, which is the largest k since the cell last grew. 0 where there is nothing to heed.
ALTER TABLE public_remainder ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE public_remainder ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
