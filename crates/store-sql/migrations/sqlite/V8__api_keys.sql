-- Keys can be told apart, by an id and a name; until now a user had one.
ALTER TABLE api_keys ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT 'first';
ALTER TABLE api_keys ADD COLUMN description TEXT NOT NULL DEFAULT '';
UPDATE api_keys SET id = lower(
    hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a'
    || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))
);
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);
