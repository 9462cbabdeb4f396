-- When a token ends and when it was last used, by UTC day (days since 1970): the day and nothing else is kept of its use.
-- expires_day is the first day on which it is not valid any more, or NULL for never.
ALTER TABLE token ADD COLUMN expires_day INTEGER;
ALTER TABLE token ADD COLUMN revoked_day INTEGER;
ALTER TABLE token ADD COLUMN last_used_day INTEGER;
