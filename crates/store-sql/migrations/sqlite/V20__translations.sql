-- Blocks that one end of a connection knows by other addresses than the other end does. Those that tunnel contexts had
-- applied are their connections' now, and so are the addresses by which what is behind their peers is found.
ALTER TABLE connections ADD COLUMN translations TEXT NOT NULL DEFAULT '[]';

UPDATE connections SET translations = (
    SELECT json_group_array(json_object(
        'end', 'peer',
        'cidr', json_extract(one.value, '$.customer') || '/32',
        'shown_as', json_extract(one.value, '$.internal') || '/32'
    ))
    FROM tunnel_contexts, json_each(tunnel_contexts.running, '$.translations') AS one
    WHERE json_extract(tunnel_contexts.running, '$.connection') = connections.id
);

INSERT OR IGNORE INTO connection_peer_cidrs (connection, gateway, cidr)
SELECT connections.id, connections.gateway, json_extract(one.value, '$.shown_as')
FROM connections, json_each(connections.translations) AS one;
