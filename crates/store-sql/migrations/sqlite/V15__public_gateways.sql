-- Ways outside for subnets of a router, each by the address of a floating IP that is its alone.
CREATE TABLE public_gateways (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    resource_group TEXT,
    router TEXT NOT NULL REFERENCES routers (id),
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    floating_ip TEXT NOT NULL UNIQUE REFERENCES floating_ips (id),
    owns_floating_ip INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX public_gateways_project ON public_gateways (project, created_at, id);
CREATE INDEX public_gateways_project_name ON public_gateways (project, name, id);
CREATE INDEX public_gateways_router ON public_gateways (router);
ALTER TABLE subnets ADD COLUMN public_gateway TEXT REFERENCES public_gateways (id);
CREATE INDEX subnets_public_gateway ON subnets (public_gateway);
