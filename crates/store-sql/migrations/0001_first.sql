-- Times are nanoseconds since 1970 UTC. Ids are UUIDs in text. Lists and policies are JSON.
-- psk is an envelope sealed under the key file, bound to the connection's id.

CREATE TABLE key_checks (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    envelope BLOB NOT NULL
) STRICT;

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL REFERENCES projects (id),
    role TEXT NOT NULL
) STRICT;

CREATE TABLE api_keys (
    hash BLOB PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE routers (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX routers_project ON routers (project);

CREATE TABLE subnets (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    router TEXT NOT NULL REFERENCES routers (id),
    name TEXT NOT NULL,
    cidr TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX subnets_project ON subnets (project);
CREATE INDEX subnets_router ON subnets (router);

CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    subnet TEXT NOT NULL REFERENCES subnets (id),
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX instances_project ON instances (project);
CREATE INDEX instances_subnet ON instances (subnet);

CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    router TEXT NOT NULL REFERENCES routers (id),
    subnet TEXT NOT NULL REFERENCES subnets (id),
    name TEXT NOT NULL,
    public_address TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX gateways_project ON gateways (project);
CREATE INDEX gateways_router ON gateways (router);
CREATE INDEX gateways_subnet ON gateways (subnet);

CREATE TABLE ike_policies (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX ike_policies_project ON ike_policies (project);

CREATE TABLE ipsec_policies (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX ipsec_policies_project ON ipsec_policies (project);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    gateway TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    peer_address TEXT NOT NULL,
    psk BLOB NOT NULL,
    local_cidrs TEXT NOT NULL,
    peer_cidrs TEXT NOT NULL,
    dead_peer_detection TEXT NOT NULL,
    ike_policy TEXT REFERENCES ike_policies (id),
    ipsec_policy TEXT REFERENCES ipsec_policies (id),
    admin_state_up INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_project ON connections (project);
CREATE INDEX connections_gateway ON connections (gateway);
CREATE INDEX connections_ike_policy ON connections (ike_policy);
CREATE INDEX connections_ipsec_policy ON connections (ipsec_policy);
