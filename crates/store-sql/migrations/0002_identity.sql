-- Users log in by passwords and have roles in any number of projects; programs have credentials of
-- their own. password and secret are PHC strings. tokens_from: tokens made before are void.

ALTER TABLE projects ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;

-- SQLite can't make a column nullable: users and what refers to them are made anew.
ALTER TABLE api_keys RENAME TO first_api_keys;
ALTER TABLE users RENAME TO first_users;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    email TEXT,
    enabled INTEGER NOT NULL,
    default_project TEXT REFERENCES projects (id) ON DELETE SET NULL,
    password TEXT,
    tokens_from INTEGER NOT NULL
) STRICT;
CREATE INDEX users_default_project ON users (default_project);

CREATE TABLE role_assignments (
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user, project, role)
) STRICT;
CREATE INDEX role_assignments_project ON role_assignments (project);

CREATE TABLE api_keys (
    hash BLOB PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_user ON api_keys (user);

CREATE TABLE application_credentials (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    secret TEXT NOT NULL,
    unrestricted INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (user, name)
) STRICT;
CREATE INDEX application_credentials_project ON application_credentials (project);

CREATE TABLE revoked_tokens (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

INSERT INTO users (id, name, description, enabled, default_project, tokens_from)
SELECT id, name, '', 1, project, 0 FROM first_users;

INSERT INTO role_assignments (user, project, role)
SELECT id, project, role FROM first_users;

INSERT INTO api_keys (hash, user, created_at)
SELECT hash, user, created_at FROM first_api_keys;

DROP TABLE first_api_keys;
DROP TABLE first_users;
