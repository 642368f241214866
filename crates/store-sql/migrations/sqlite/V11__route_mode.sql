-- A gateway in route mode has another address, and its connections two tunnels and no blocks of their own.
ALTER TABLE gateways ADD COLUMN second_v4 TEXT;
CREATE UNIQUE INDEX gateways_second_v4 ON gateways (second_v4);
ALTER TABLE connections ADD COLUMN by_routes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN distribute_traffic INTEGER NOT NULL DEFAULT 0;

CREATE TABLE routes (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    router TEXT NOT NULL REFERENCES routers (id),
    name TEXT NOT NULL,
    destination TEXT NOT NULL,
    connection TEXT NOT NULL REFERENCES connections (id),
    zone TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    UNIQUE (router, destination)
) STRICT;
CREATE INDEX routes_project ON routes (project, created_at, id);
CREATE INDEX routes_project_name ON routes (project, name, id);
CREATE INDEX routes_connection ON routes (connection);
