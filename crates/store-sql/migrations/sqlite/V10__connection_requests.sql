-- What people at other ends asked for, and what became of it. A request stays when its connection goes.
CREATE TABLE connection_requests (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    peer_address TEXT NOT NULL,
    peer_cidrs TEXT NOT NULL,
    local_cidrs TEXT NOT NULL,
    test_addresses TEXT NOT NULL,
    recipient TEXT NOT NULL,
    connection TEXT NOT NULL,
    made_gateway TEXT,
    steps TEXT NOT NULL,
    secret TEXT NOT NULL,
    report TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX connection_requests_project ON connection_requests (project, created_at, id);
CREATE INDEX connection_requests_project_name ON connection_requests (project, name, id);
