//! The face over a memory store: one program, so that it is linked once.

#![cfg(test)]

mod attributes;
mod bulk;
mod catalogue;
mod catalogue_connections;
mod floating_ips;
mod guards;
mod identity;
mod lists;
mod networks;
mod operations;
mod outside;
mod outside_by_ipv6;
mod ports;
mod privileges;
mod quotas;
mod revisions;
mod robustness;
mod robustness_networks;
mod roles;
mod route_mode;
mod routers;
mod security_groups;
mod statuses;
mod world;
