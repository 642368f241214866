-- By which request something was changed, and from where it came.
ALTER TABLE change_log ADD COLUMN address TEXT;
ALTER TABLE change_log ADD COLUMN request TEXT;
