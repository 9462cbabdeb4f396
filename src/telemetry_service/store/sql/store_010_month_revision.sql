-- How often the counts of a month were changed, so that a reader may keep sums of months that are over. Month 0 stands for
-- changes of all months at once.
CREATE TABLE month_revision (
  month INTEGER PRIMARY KEY, n INTEGER NOT NULL
) STRICT;
