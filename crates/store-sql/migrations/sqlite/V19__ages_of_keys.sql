-- When a connection's pre-shared key was set. Of those that are there nobody wrote it down: it may have been changed since
-- the connection was made.
ALTER TABLE connections ADD COLUMN psk_set_at INTEGER;
