-- Public keys of users for SSH; kind is JSON.
CREATE TABLE ssh_keys (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    resource_group TEXT,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    bits INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX ssh_keys_project ON ssh_keys (project, created_at, id);
CREATE INDEX ssh_keys_project_name ON ssh_keys (project, name, id);
