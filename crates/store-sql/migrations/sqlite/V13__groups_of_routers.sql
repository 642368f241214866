-- A group may be a router's, which has one by itself, as a project has. Rules may have a name.
ALTER TABLE security_groups ADD COLUMN router TEXT REFERENCES routers (id);
ALTER TABLE security_groups ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0;
UPDATE security_groups SET is_default = 1 WHERE name = 'default';
CREATE INDEX security_groups_router ON security_groups (router);
CREATE UNIQUE INDEX security_groups_default ON security_groups (router) WHERE is_default;
ALTER TABLE security_group_rules ADD COLUMN name TEXT NOT NULL DEFAULT '';
