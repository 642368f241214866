-- Times are nanoseconds since 1970 UTC. Ids are UUIDs in text. Lists and policies are JSON.

CREATE TABLE key_checks (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    envelope BLOB NOT NULL
) STRICT;

-- Who may do what. password and secret are PHC strings. tokens_from: tokens made before are void.

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL
) STRICT;

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

CREATE TABLE quotas (
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    resource TEXT NOT NULL,
    most INTEGER NOT NULL,
    PRIMARY KEY (project, resource)
) STRICT;

-- What projects have. Each table has the columns id, project, created_at and revision.

CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up INTEGER NOT NULL,
    external INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    mtu INTEGER NOT NULL,
    port_security INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX networks_project ON networks (project, created_at, id);
CREATE INDEX networks_project_name ON networks (project, name, id);

CREATE TABLE subnets (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    network TEXT NOT NULL REFERENCES networks (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    cidr TEXT NOT NULL,
    gateway TEXT,
    pools TEXT NOT NULL,
    enable_dhcp INTEGER NOT NULL,
    dns_nameservers TEXT NOT NULL,
    host_routes TEXT NOT NULL,
    ipv6_address_mode TEXT,
    ipv6_ra_mode TEXT,
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX subnets_project ON subnets (project, created_at, id);
CREATE INDEX subnets_project_name ON subnets (project, name, id);
CREATE INDEX subnets_network ON subnets (network);

CREATE TABLE routers (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up INTEGER NOT NULL,
    external_network TEXT REFERENCES networks (id),
    external_v4 TEXT UNIQUE,
    external_v6 TEXT UNIQUE,
    enable_snat INTEGER NOT NULL,
    routes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX routers_project ON routers (project, created_at, id);
CREATE INDEX routers_project_name ON routers (project, name, id);
CREATE INDEX routers_external_network ON routers (external_network);

CREATE TABLE security_groups (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX security_groups_project ON security_groups (project, created_at, id);
CREATE INDEX security_groups_project_name ON security_groups (project, name, id);

CREATE TABLE security_group_rules (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    security_group TEXT NOT NULL REFERENCES security_groups (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    direction TEXT NOT NULL,
    family TEXT NOT NULL,
    protocol TEXT,
    port_min INTEGER,
    port_max INTEGER,
    remote_block TEXT,
    remote_group TEXT REFERENCES security_groups (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX security_group_rules_project ON security_group_rules (project, created_at, id);
CREATE INDEX security_group_rules_security_group ON security_group_rules (security_group);
CREATE INDEX security_group_rules_remote_group ON security_group_rules (remote_group);

CREATE TABLE ports (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    network TEXT NOT NULL REFERENCES networks (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up INTEGER NOT NULL,
    mac TEXT NOT NULL,
    fixed_ips TEXT NOT NULL,
    router TEXT REFERENCES routers (id),
    device_owner TEXT NOT NULL,
    device_id TEXT NOT NULL,
    port_security INTEGER NOT NULL,
    security_groups TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    UNIQUE (network, mac)
) STRICT;
CREATE INDEX ports_project ON ports (project, created_at, id);
CREATE INDEX ports_project_name ON ports (project, name, id);
CREATE INDEX ports_router ON ports (router);

-- The lists of ports and endpoint groups again, one entry a row, to be found by.
CREATE TABLE fixed_ips (
    port TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE,
    subnet TEXT NOT NULL REFERENCES subnets (id),
    address TEXT NOT NULL,
    PRIMARY KEY (subnet, address)
) STRICT;
CREATE INDEX fixed_ips_port ON fixed_ips (port);

CREATE TABLE port_security_groups (
    port TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE,
    security_group TEXT NOT NULL REFERENCES security_groups (id),
    PRIMARY KEY (security_group, port)
) STRICT;
CREATE INDEX port_security_groups_port ON port_security_groups (port);

CREATE TABLE floating_ips (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    description TEXT NOT NULL,
    network TEXT NOT NULL REFERENCES networks (id),
    address TEXT NOT NULL UNIQUE,
    port TEXT REFERENCES ports (id),
    fixed_ip TEXT,
    router TEXT REFERENCES routers (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX floating_ips_project ON floating_ips (project, created_at, id);
CREATE INDEX floating_ips_network ON floating_ips (network);
CREATE INDEX floating_ips_port ON floating_ips (port);
CREATE INDEX floating_ips_router ON floating_ips (router);

CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    router TEXT NOT NULL REFERENCES routers (id),
    subnet TEXT REFERENCES subnets (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up INTEGER NOT NULL,
    public_v4 TEXT NOT NULL UNIQUE,
    public_v6 TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX gateways_project ON gateways (project, created_at, id);
CREATE INDEX gateways_project_name ON gateways (project, name, id);
CREATE INDEX gateways_router ON gateways (router);
CREATE INDEX gateways_subnet ON gateways (subnet);

CREATE TABLE endpoint_groups (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    kind TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX endpoint_groups_project ON endpoint_groups (project, created_at, id);
CREATE INDEX endpoint_groups_project_name ON endpoint_groups (project, name, id);

CREATE TABLE endpoints (
    endpoint_group TEXT NOT NULL REFERENCES endpoint_groups (id) ON DELETE CASCADE,
    endpoint TEXT NOT NULL,
    PRIMARY KEY (endpoint, endpoint_group)
) STRICT;
CREATE INDEX endpoints_endpoint_group ON endpoints (endpoint_group);

CREATE TABLE ike_policies (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX ike_policies_project ON ike_policies (project, created_at, id);
CREATE INDEX ike_policies_project_name ON ike_policies (project, name, id);

CREATE TABLE ipsec_policies (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX ipsec_policies_project ON ipsec_policies (project, created_at, id);
CREATE INDEX ipsec_policies_project_name ON ipsec_policies (project, name, id);

-- psk is an envelope sealed under the key file, bound to the connection's id.
CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    gateway TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    peer_address TEXT NOT NULL,
    peer_host TEXT,
    peer_id TEXT,
    local_id TEXT,
    psk BLOB NOT NULL,
    local_cidrs TEXT NOT NULL,
    peer_cidrs TEXT NOT NULL,
    local_group TEXT REFERENCES endpoint_groups (id),
    peer_group TEXT REFERENCES endpoint_groups (id),
    mtu INTEGER NOT NULL,
    initiator TEXT NOT NULL,
    dead_peer_detection TEXT NOT NULL,
    ike_policy TEXT REFERENCES ike_policies (id),
    ipsec_policy TEXT REFERENCES ipsec_policies (id),
    admin_state_up INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_project ON connections (project, created_at, id);
CREATE INDEX connections_project_name ON connections (project, name, id);
CREATE INDEX connections_gateway ON connections (gateway, created_at, id);
CREATE INDEX connections_ike_policy ON connections (ike_policy);
CREATE INDEX connections_ipsec_policy ON connections (ipsec_policy);
CREATE INDEX connections_local_group ON connections (local_group);
CREATE INDEX connections_peer_group ON connections (peer_group);
CREATE INDEX connections_peer_host ON connections (peer_host) WHERE peer_host IS NOT NULL;
