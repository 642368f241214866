-- Whether local_cidrs is the block of the gateway's subnet, and not the connection's own. Only the
-- OpenStack dialect made such, and only it told who the peer is.
ALTER TABLE connections ADD COLUMN local_is_subnet INTEGER NOT NULL DEFAULT 0;
UPDATE connections SET local_is_subnet = 1 WHERE peer_id IS NOT NULL AND local_group IS NULL;

-- The blocks behind peers again, one a row, to be found by.
CREATE TABLE connection_peer_cidrs (
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    gateway TEXT NOT NULL,
    cidr TEXT NOT NULL,
    PRIMARY KEY (gateway, cidr, connection)
) STRICT;
CREATE INDEX connection_peer_cidrs_connection ON connection_peer_cidrs (connection);
INSERT OR IGNORE INTO connection_peer_cidrs (connection, gateway, cidr)
    SELECT connections.id, connections.gateway, block.value
    FROM connections, json_each(connections.peer_cidrs) AS block;
