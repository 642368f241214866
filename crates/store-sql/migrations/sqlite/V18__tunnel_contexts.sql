-- Tunnels that are edited first and made later. A context stays when its gateway or its connection goes.
CREATE TABLE tunnel_contexts (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    gateway TEXT NOT NULL,
    staged TEXT NOT NULL,
    psk BLOB NOT NULL,
    running TEXT NOT NULL,
    ends_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX tunnel_contexts_project ON tunnel_contexts (project, created_at, id);
CREATE INDEX tunnel_contexts_project_name ON tunnel_contexts (project, name, id);

-- Numbers of things, for dialects whose ids are integers. None is given twice.
CREATE TABLE numbers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    thing TEXT NOT NULL,
    UNIQUE (project, kind, thing)
) STRICT;
