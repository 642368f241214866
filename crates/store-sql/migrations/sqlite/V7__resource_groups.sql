-- Which group of its project's things a thing is in; NULL is the project's default one.
ALTER TABLE routers ADD COLUMN resource_group TEXT;
ALTER TABLE subnets ADD COLUMN resource_group TEXT;
ALTER TABLE ports ADD COLUMN resource_group TEXT;
ALTER TABLE floating_ips ADD COLUMN resource_group TEXT;
ALTER TABLE security_groups ADD COLUMN resource_group TEXT;
ALTER TABLE gateways ADD COLUMN resource_group TEXT;
ALTER TABLE ike_policies ADD COLUMN resource_group TEXT;
ALTER TABLE ipsec_policies ADD COLUMN resource_group TEXT;
