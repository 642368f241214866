-- Floating IPs may have a name and a zone, and routers a way outside that goes with the last of them.
ALTER TABLE floating_ips ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE floating_ips ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE routers ADD COLUMN external_on_demand INTEGER NOT NULL DEFAULT 0;
