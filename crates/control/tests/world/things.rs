//! What networks and gateways are to be, and the rules of a face that is strict, and of one that is as lax
//! as any may be.

use adit_control::floating_ip::{self, FloatingIpChange, Target, Way};
use adit_control::gateway::{self, NewGateway};
use adit_control::network_acl::{FirstRules, NewNetworkAcl};
use adit_control::port::{self, Knows, NewPort};
use adit_control::public_gateway::{Address, NewPublicGateway};
use adit_control::security_group::{self, NewGroup, NewRule};
use adit_control::subnet::{self, Block, NewSubnet, Pools};
use adit_control::{Allowance, Naming, OnDelete};
use adit_model::gateway::GatewayMode;
use adit_model::port::Device;
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{Router, RouterId, Subnet, SubnetId};

use super::name;

pub(crate) const STRICT_GATEWAYS: gateway::Rules = gateway::Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Cascade,
};

pub(crate) const LAX_GATEWAYS: gateway::Rules = gateway::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) const STRICT_SUBNETS: subnet::Rules = subnet::Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Cascade,
};

pub(crate) const LAX_SUBNETS: subnet::Rules = subnet::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) const STRICT_PORTS: port::Rules = port::Rules {
    knows: Knows::Machines,
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Restrict,
};

pub(crate) const LAX_PORTS: port::Rules = port::Rules {
    knows: Knows::Ports,
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

pub(crate) const LAX_GROUPS: security_group::Rules = security_group::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

pub(crate) const LAX_FLOATING_IPS: floating_ip::Rules = floating_ip::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    way: Way::Given,
};

/// That a floating IP is to stand for something, or for nothing.
pub(crate) fn standing_for(target: Option<Target>) -> FloatingIpChange {
    FloatingIpChange {
        target: Some(target),
        ..FloatingIpChange::default()
    }
}

/// A network ACL of a router that lets nothing through.
pub(crate) fn new_acl(router: RouterId) -> NewNetworkAcl {
    NewNetworkAcl {
        name: name("a"),
        resource_group: None,
        router,
        rules: FirstRules::These(Vec::new()),
    }
}

/// A public gateway for subnets like this one.
pub(crate) fn new_public(router: &Router, subnet: &Subnet) -> NewPublicGateway {
    NewPublicGateway {
        name: name("public"),
        resource_group: None,
        router: router.id,
        zone: subnet.zone.clone(),
        address: Address::New {
            name: name("address"),
            resource_group: None,
        },
    }
}

pub(crate) fn new_group(text: &str) -> NewGroup {
    NewGroup::of_project(name(text), String::new())
}

/// Lets everything in from there.
pub(crate) fn let_in(remote: Remote) -> NewRule {
    NewRule::allowing(Direction::Ingress, Family::V4, remote)
}

pub(crate) fn new_gateway(text: &str, place: gateway::Place) -> NewGateway {
    NewGateway {
        name: name(text),
        resource_group: None,
        description: String::new(),
        place,
        mode: GatewayMode::Policy,
        admin_state_up: true,
    }
}

/// On a router it is in a zone, and its machines get addresses from the fifth on.
pub(crate) fn new_subnet(text: &str, place: subnet::Place, block: Block) -> NewSubnet {
    let (pools, zone) = match place {
        subnet::Place::Network(_) => (Pools::Most, ""),
        subnet::Place::Router(_) => (Pools::Between { first: 4, last: 1 }, "us-south-1"),
    };
    NewSubnet {
        name: name(text),
        resource_group: None,
        description: String::new(),
        place,
        block,
        gateway: None,
        pools,
        enable_dhcp: true,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6_address_mode: None,
        ipv6_ra_mode: None,
        zone: zone.to_owned(),
    }
}

pub(crate) fn new_machine(text: &str, subnet: SubnetId) -> NewPort {
    NewPort {
        name: name(text),
        resource_group: None,
        description: String::new(),
        place: port::Place::Subnet(subnet),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(false),
        security_groups: Some(Vec::new()),
    }
}
