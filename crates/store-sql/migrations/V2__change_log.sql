-- What happened to rows, never what is in them. Revisions are not given twice, even if all go.
CREATE TABLE change_log (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    project TEXT,
    actor TEXT NOT NULL,
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL
) STRICT;
CREATE INDEX change_log_project ON change_log (project, revision);
