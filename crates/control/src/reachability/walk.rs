//! The way from one end to the other: from a machine, and to one.

use std::net::IpAddr;

use adit_model::network_acl::Flow;
use adit_model::port::FixedIp;
use adit_model::{FloatingIp, Noun, Port, PortId, Subnet};
use adit_store::{Only, Query, Transaction};
use uuid::Uuid;

use super::End;
use super::packet::Packet;
use super::steps::{Step, Verdict};
use crate::error::{Error, Rule};
use crate::{Caller, Control, port};

/// One who goes the way.
pub(super) struct Walk<'a> {
    pub(super) control: &'a Control,
    pub(super) tx: &'a mut dyn Transaction,
    pub(super) caller: &'a Caller,
    pub(super) packet: Packet,
    pub(super) steps: Vec<Step>,
}

/// The addresses of both ends, which are of one IP version.
pub(super) async fn addresses(
    tx: &mut dyn Transaction,
    caller: &Caller,
    from: End,
    to: End,
) -> Result<(IpAddr, IpAddr), Error> {
    let invalid = |field, message: &str| Error::invalid(field, Rule::Reference, message);
    let mut known = [Vec::new(), Vec::new()];
    for (known, end) in known.iter_mut().zip([from, to]) {
        match end {
            End::Address(address) => known.push(address),
            End::Machine(id) => {
                let row = port::find_machine(tx, caller, id).await?;
                known.extend(row.fixed_ips.iter().map(|ip| ip.address));
            }
        }
    }
    let [from, to] = known;
    if from.is_empty() {
        return Err(invalid("from", "the machine has no address"));
    }
    for one in &from {
        if let Some(other) = to.iter().find(|other| other.is_ipv4() == one.is_ipv4()) {
            return Ok((*one, *other));
        }
    }
    Err(invalid("to", "the two ends have no IP version in common"))
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        control: &'a Control,
        tx: &'a mut dyn Transaction,
        caller: &'a Caller,
        packet: Packet,
    ) -> Self {
        Self {
            control,
            tx,
            caller,
            packet,
            steps: Vec::new(),
        }
    }

    /// Notes a step; answers whether the way goes on.
    pub(super) fn note(
        &mut self,
        verdict: Verdict,
        (noun, id, name): (Noun, Uuid, &str),
        text: String,
    ) -> bool {
        self.steps.push(Step {
            verdict,
            noun,
            id,
            name: name.to_owned(),
            rule: None,
            text,
        });
        verdict != Verdict::Stopped
    }

    /// Goes the way, from and to the machines that were named, if any were.
    pub(super) async fn go(
        &mut self,
        (from, to): (Option<PortId>, Option<PortId>),
    ) -> Result<(), Error> {
        let source = match from {
            Some(id) => Some(port::find_machine(self.tx, self.caller, id).await?),
            None => self.machine_at("from", self.packet.from).await?,
        };
        match source {
            Some(row) => self.walk_from_machine(row, to).await,
            None => self.walk_from_elsewhere(to).await,
        }
    }

    /// The project's machine that has an address.
    async fn machine_at(&mut self, field: &'static str, at: IpAddr) -> Result<Option<Port>, Error> {
        let query = Query {
            only: Some(Only::Machines),
            ..Query::of_project(self.caller.project)
        };
        let mut found = self.tx.page_ports(query).await?;
        found.retain(|row| row.fixed_ips.iter().any(|ip| ip.address == at));
        if found.len() > 1 {
            let message = format!("several machines have the address {at}: name one by its id");
            return Err(Error::invalid(field, Rule::Reference, message));
        }
        Ok(found.pop())
    }

    /// The subnets that a port has addresses of, each with that address.
    async fn subnets_of(&mut self, port: &Port) -> Result<Vec<(FixedIp, Subnet)>, Error> {
        let mut found = Vec::new();
        for ip in &port.fixed_ips {
            let subnet = self.tx.any_subnet(ip.subnet).await?;
            found.extend(subnet.map(|subnet| (*ip, subnet)));
        }
        Ok(found)
    }

    /// Whether a machine is carried at all.
    async fn is_carried(&mut self, row: &Port) -> Result<bool, Error> {
        let it = (Noun::Port, row.id.uuid(), row.name.as_str());
        if !row.admin_state_up {
            let text = format!("the machine {} is not enabled", row.name);
            return Ok(self.note(Verdict::Stopped, it, text));
        }
        let network = self.tx.any_network(row.network).await?;
        if let Some(network) = network.filter(|network| !network.admin_state_up) {
            let it = (Noun::Network, network.id.uuid(), network.name.as_str());
            let text = format!("the network {} is not enabled", network.name);
            return Ok(self.note(Verdict::Stopped, it, text));
        }
        if !self.control.is_machine_made(row) {
            let text = format!("the machine {} is still being made", row.name);
            return Ok(self.note(Verdict::Depends, it, text));
        }
        Ok(true)
    }

    async fn walk_from_machine(&mut self, row: Port, wanted: Option<PortId>) -> Result<(), Error> {
        if !self.is_carried(&row).await? || !self.leaves(&row).await? {
            return Ok(());
        }
        let to = self.packet.to;
        let places = self.subnets_of(&row).await?;
        if let Some((_, subnet)) = places.iter().find(|(_, one)| one.cidr.contains(to)) {
            let it = (Noun::Subnet, subnet.id.uuid(), subnet.name.as_str());
            let text = format!("{to} is on its own subnet {}, {}", subnet.name, subnet.cidr);
            self.note(Verdict::Passes, it, text);
            return self.arrive(&subnet.clone(), wanted).await;
        }
        let routes = places
            .iter()
            .flat_map(|(_, subnet)| subnet.host_routes.iter().map(move |one| (one, subnet)));
        let routes = routes.filter(|(one, _)| one.destination.contains(to));
        let by_route = routes.max_by_key(|(one, _)| one.destination.prefix_len());
        let by_router = || {
            let mut places = places.iter();
            places.find_map(|(_, subnet)| {
                let gateway = subnet.gateway?;
                (gateway.is_ipv4() == to.is_ipv4()).then_some((gateway, subnet))
            })
        };
        let next = by_route.map(|(one, subnet)| (one.nexthop, subnet));
        let Some((hop, subnet)) = next.or_else(by_router) else {
            let text = format!("the machine {} has no router to send it to", row.name);
            let it = (Noun::Port, row.id.uuid(), row.name.as_str());
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        };
        let subnet = subnet.clone();
        let neighbours = self.tx.ports_of_subnet(subnet.id).await?;
        let has = |port: &&Port| port.fixed_ips.iter().any(|ip| ip.address == hop);
        let neighbour = neighbours.iter().find(has);
        match neighbour.map(|port| port.device.router()) {
            Some(Some(router)) => self.through(router, Some(&subnet), wanted).await,
            Some(None) => {
                let it = (Noun::Subnet, subnet.id.uuid(), subnet.name.as_str());
                let text = format!(
                    "it is sent to its neighbour {hop}, and what that does is not known here"
                );
                self.note(Verdict::Depends, it, text);
                Ok(())
            }
            None => {
                let it = (Noun::Subnet, subnet.id.uuid(), subnet.name.as_str());
                let text = format!(
                    "it is sent to {hop}, which nobody on the subnet {} has: put a router on it",
                    subnet.name
                );
                self.note(Verdict::Stopped, it, text);
                Ok(())
            }
        }
    }

    /// From behind a peer, or from outside.
    async fn walk_from_elsewhere(&mut self, wanted: Option<PortId>) -> Result<(), Error> {
        let Packet { from, to, .. } = self.packet;
        if let Some(floating) = self.floating_ip_at(to).await? {
            return self.by_floating_ip(floating, wanted).await;
        }
        let target = match wanted {
            Some(id) => Some(port::find_machine(self.tx, self.caller, id).await?),
            None => self.machine_at("to", to).await?,
        };
        let Some(target) = target else {
            let message = "neither end is a machine of this project, or a floating IP";
            return Err(Error::invalid("from", Rule::Reference, message));
        };
        let places = self.subnets_of(&target).await?;
        let Some((_, subnet)) = places.into_iter().find(|(ip, _)| ip.address == to) else {
            return Err(Error::NotFound(Noun::Subnet));
        };
        if subnet.cidr.contains(from) {
            let text = format!(
                "nobody on the subnet {} has the address {from}",
                subnet.name
            );
            let it = (Noun::Subnet, subnet.id.uuid(), subnet.name.as_str());
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        }
        let ports = self.tx.ports_of_subnet(subnet.id).await?;
        for router in ports.iter().filter_map(|port| port.device.router()) {
            let Some((gateway, row)) = self.behind(router, from).await? else {
                continue;
            };
            if self.by_tunnel(&gateway, row, self.packet.answer()).await?
                && self.edge(&subnet, router, Flow::Inbound).await?
            {
                self.arrive(&subnet, wanted).await?;
            }
            return Ok(());
        }
        let it = (Noun::Port, target.id.uuid(), target.name.as_str());
        let text = format!(
            "{from} is neither a machine of this project nor behind a peer of its router: from elsewhere nothing gets to \
             the machine {} but by a floating IP",
            target.name
        );
        self.note(Verdict::Stopped, it, text);
        Ok(())
    }

    async fn floating_ip_at(&mut self, at: IpAddr) -> Result<Option<FloatingIp>, Error> {
        let rows = self.tx.floating_ips(self.caller.project).await?;
        Ok(rows.into_iter().find(|row| row.address == at))
    }

    async fn by_floating_ip(
        &mut self,
        floating: FloatingIp,
        wanted: Option<PortId>,
    ) -> Result<(), Error> {
        let address = floating.address.to_string();
        let it = (Noun::FloatingIp, floating.id.uuid(), address.as_str());
        let Some(of) = floating.association else {
            let text = format!("the floating IP {address} stands for no machine");
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        };
        let text = format!("the floating IP {address} stands for {}", of.fixed_ip);
        self.note(Verdict::Passes, it, text);
        self.packet = self.packet.between(self.packet.from, of.fixed_ip);
        let Some(target) = self.tx.any_port(of.port).await? else {
            return Err(Error::NotFound(Noun::Port));
        };
        let places = self.subnets_of(&target).await?;
        let mut places = places.into_iter();
        let Some((_, subnet)) = places.find(|(ip, _)| ip.address == of.fixed_ip) else {
            return Err(Error::NotFound(Noun::Subnet));
        };
        if self.edge(&subnet, of.router, Flow::Inbound).await? {
            self.arrive(&subnet, wanted).await?;
        }
        Ok(())
    }

    /// At the other end's subnet.
    pub(super) async fn arrive(
        &mut self,
        subnet: &Subnet,
        wanted: Option<PortId>,
    ) -> Result<(), Error> {
        let to = self.packet.to;
        let ports = self.tx.ports_of_subnet(subnet.id).await?;
        let has = |port: &Port| port.fixed_ips.iter().any(|ip| ip.address == to);
        let Some(row) = ports.into_iter().find(has) else {
            let it = (Noun::Subnet, subnet.id.uuid(), subnet.name.as_str());
            let text = format!("nobody on the subnet {} has the address {to}", subnet.name);
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        };
        if let Some(router) = row.device.router() {
            let text = format!("{to} is a router's own address, and answers");
            self.note(Verdict::Passes, (Noun::Router, router.uuid(), ""), text);
            return Ok(());
        }
        let it = (Noun::Port, row.id.uuid(), row.name.as_str());
        if self.caller.scope().is_some_and(|own| own != row.project) {
            let text =
                format!("{to} is another project's, and what that lets in is not known here");
            self.note(Verdict::Depends, (Noun::Port, row.id.uuid(), ""), text);
            return Ok(());
        }
        if wanted.is_some_and(|wanted| wanted != row.id) {
            let text = format!(
                "{to} leads to another machine, {}, that has the same address",
                row.name
            );
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        }
        if !row.device.is_instance() {
            let text = format!(
                "{to} is a port without a machine of this service: who is there is not known"
            );
            self.note(Verdict::Depends, it, text);
            return Ok(());
        }
        if self.is_carried(&row).await? && self.enters(&row).await? {
            let text = format!("the machine {} gets it", row.name);
            self.note(Verdict::Passes, it, text);
        }
        Ok(())
    }
}
