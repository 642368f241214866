-- Which host a router is on, and a gateway with it. There was one host until now.
ALTER TABLE routers ADD COLUMN host TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE gateways ADD COLUMN host TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
