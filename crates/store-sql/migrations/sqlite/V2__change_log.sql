-- What happened to rows, never what is in them. The last entry is never deleted, so that no revision is
-- given twice. No other index: each would be one more page to write with every change.
CREATE TABLE change_log (
    revision INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    project TEXT,
    actor TEXT NOT NULL,
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL
) STRICT;
