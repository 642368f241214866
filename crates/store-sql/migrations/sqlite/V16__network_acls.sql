-- What may pass the edges of subnets of a router; rules are JSON, in their order.
CREATE TABLE network_acls (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    resource_group TEXT,
    router TEXT NOT NULL REFERENCES routers (id),
    is_default INTEGER NOT NULL,
    name TEXT NOT NULL,
    rules TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX network_acls_project ON network_acls (project, created_at, id);
CREATE INDEX network_acls_project_name ON network_acls (project, name, id);
CREATE INDEX network_acls_router ON network_acls (router);
CREATE UNIQUE INDEX network_acls_default ON network_acls (router) WHERE is_default;
ALTER TABLE subnets ADD COLUMN network_acl TEXT REFERENCES network_acls (id);
CREATE INDEX subnets_network_acl ON subnets (network_acl);
