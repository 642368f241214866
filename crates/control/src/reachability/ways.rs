//! Where a router leads: to its subnets, by its neighbours, into tunnels, or outside; of several ways the one of the most
//! specific block, as the kernel has it.

use std::net::IpAddr;

use adit_model::connection::Ends;
use adit_model::network_acl::Flow;
use adit_model::observed::TunnelState;
use adit_model::subnet::StaticRoute;
use adit_model::translation::{End, at_same_place};
use adit_model::{Cidr, Connection, Gateway, Noun, PortId, Router, RouterId, Subnet};

use super::packet::Packet;
use super::steps::Verdict;
use super::walk::Walk;
use crate::error::Error;
use crate::on_router;

/// Where a router leads.
enum Way {
    Subnet(Box<Subnet>),
    Neighbour(StaticRoute),
    Tunnel(Box<(Gateway, Connection)>),
    Outside,
}

fn narrowest<'a>(blocks: impl IntoIterator<Item = &'a Cidr>, to: IpAddr) -> Option<u8> {
    let blocks = blocks.into_iter().filter(|block| block.contains(to));
    blocks.map(|block| block.prefix_len()).max()
}

/// What an address is at the other end of a connection; nothing, where that is another one's name.
fn there_name(row: &Connection, end: End, address: IpAddr) -> Option<IpAddr> {
    let of_end = || row.translations.iter().filter(|one| one.end == end);
    match of_end().find(|one| one.here().contains(address)) {
        Some(one) => at_same_place(address, one.here(), one.there()),
        None if of_end().any(|one| one.there().contains(address)) => None,
        None => Some(address),
    }
}

impl Walk<'_> {
    /// The connection of a router's gateways behind whose peer an address is: the one of the most specific block, whether
    /// it can carry anything now or not.
    pub(super) async fn behind(
        &mut self,
        router: RouterId,
        address: IpAddr,
    ) -> Result<Option<(Gateway, Connection)>, Error> {
        let mut best = None;
        for gateway in self.tx.gateways_of_router(router).await? {
            for row in self.tx.connections_of_gateway(gateway.id).await? {
                let Some(length) = narrowest(&row.peer_known_here(), address) else {
                    continue;
                };
                if best.as_ref().is_none_or(|(known, _, _)| *known < length) {
                    best = Some((length, gateway.clone(), row));
                }
            }
        }
        Ok(best.map(|(_, gateway, row)| (gateway, row)))
    }

    async fn way(&mut self, router: &Router, to: IpAddr) -> Result<Way, Error> {
        let subnets = on_router::subnets(self.tx, router.id).await?;
        let here = subnets.into_iter().filter(|row| row.cidr.contains(to));
        let here = here.max_by_key(|row| row.cidr.prefix_len());
        let beyond = router.routes.iter().copied();
        let beyond = beyond.filter(|route| route.destination.contains(to));
        let beyond = beyond.max_by_key(|route| route.destination.prefix_len());
        let tunnel = self.behind(router.id, to).await?;
        // Of equal ones the kernel's own come first, and what leads into tunnels last.
        let ways = [
            tunnel.map(|tunnel| {
                let length = narrowest(&tunnel.1.peer_known_here(), to).unwrap_or_default();
                (length, Way::Tunnel(Box::new(tunnel)))
            }),
            beyond.map(|route| (route.destination.prefix_len(), Way::Neighbour(route))),
            here.map(|row| (row.cidr.prefix_len(), Way::Subnet(Box::new(row)))),
        ];
        let ways = ways.into_iter().flatten();
        let best = ways.max_by_key(|(length, _)| *length);
        Ok(best.map_or(Way::Outside, |(_, way)| way))
    }

    /// Through a router, from one of its subnets.
    pub(super) async fn through(
        &mut self,
        id: RouterId,
        from: Option<&Subnet>,
        wanted: Option<PortId>,
    ) -> Result<(), Error> {
        let router = self.tx.any_router(id).await?;
        let router = router.ok_or(Error::NotFound(Noun::Router))?;
        if self.caller.scope().is_some_and(|own| own != router.project) {
            let text = "the router is another project's, and where it leads is not known here";
            let it = (Noun::Router, id.uuid(), "");
            self.note(Verdict::Depends, it, text.to_owned());
            return Ok(());
        }
        let it = (Noun::Router, id.uuid(), router.name.as_str());
        if !router.admin_state_up {
            let text = format!("the router {} is not enabled", router.name);
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        }
        if let Some(subnet) = from
            && !self.edge(subnet, id, Flow::Outbound).await?
        {
            return Ok(());
        }
        let sent = self.packet;
        self.translate(&router).await?;
        match self.way(&router, self.packet.to).await? {
            Way::Subnet(subnet) => {
                let text = format!(
                    "the router {} leads to the subnet {}, {}",
                    router.name, subnet.name, subnet.cidr
                );
                self.note(Verdict::Passes, it, text);
                if self.edge(&subnet, id, Flow::Inbound).await? {
                    self.arrive(&subnet, wanted).await?;
                }
            }
            Way::Neighbour(route) => {
                let text = format!(
                    "the router {} has a route to {} by {}, and what that does is not known here",
                    router.name, route.destination, route.nexthop
                );
                self.note(Verdict::Depends, it, text);
            }
            Way::Tunnel(tunnel) => {
                let (gateway, row) = *tunnel;
                self.by_tunnel(&gateway, row, self.packet).await?;
            }
            Way::Outside => self.outside(&router, from, sent).await?,
        }
        Ok(())
    }

    /// What a router writes in place of the address that something is for: a floating IP's machine.
    async fn translate(&mut self, router: &Router) -> Result<(), Error> {
        let Packet { from, to, .. } = self.packet;
        let external = router.external;
        let floating = match external {
            Some(_) => self.tx.floating_ips_of_router(router.id).await?,
            None => Vec::new(),
        };
        let stands = |at: IpAddr| {
            let mut rows = floating.iter();
            rows.find_map(|row| {
                let of = row.association?;
                (row.address == at).then_some((row, of.fixed_ip))
            })
        };
        if let (Some((row, machine)), Some(external)) = (stands(to), external) {
            let address = row.address.to_string();
            let it = (Noun::FloatingIp, row.id.uuid(), address.as_str());
            // From inside, too, the answer has to come back by the router.
            let mut own = floating.iter().filter_map(|row| {
                let of = row.association?;
                (of.fixed_ip == from).then_some(row.address)
            });
            let source = own.next().unwrap_or(external.addresses.v4.into());
            let text = format!(
                "the floating IP {address} stands for {machine}, which sees it come from {source}"
            );
            self.note(Verdict::Passes, it, text);
            self.packet = self.packet.between(source, machine);
            return Ok(());
        }
        Ok(())
    }

    /// Whether a connection's tunnel carries it; `out` is the packet that goes out by it.
    pub(super) async fn by_tunnel(
        &mut self,
        gateway: &Gateway,
        row: Connection,
        out: Packet,
    ) -> Result<bool, Error> {
        let view = self.control.connection_view(self.tx, gateway, row).await?;
        let row = &view.connection;
        let name = row.name.to_string();
        let it = (Noun::Connection, row.id.uuid(), name.as_str());
        let (mut here, mut there) = (out.from, out.to);
        let by_routes = matches!(row.ends, Ends::Routes { .. });
        if !by_routes && narrowest(row.ends.local(), here).is_none() {
            let text = format!(
                "{there} is behind the peer of the connection {name}, whose blocks here don't have {here}"
            );
            return Ok(self.note(Verdict::Stopped, it, text));
        }
        if !row.translations.is_empty() {
            let (out_of, into) = (
                there_name(row, End::Local, here),
                there_name(row, End::Peer, there),
            );
            let (Some(out_of), Some(into)) = (out_of, into) else {
                let text = format!(
                    "the connection {name} translates addresses, and {here} or {there} stands for another one at its \
                     other end"
                );
                return Ok(self.note(Verdict::Stopped, it, text));
            };
            if (out_of, into) != (here, there) {
                let text = format!(
                    "at the other end of the connection {name}, {here} is known as {out_of}, and {there} as {into}"
                );
                self.note(Verdict::Passes, it, text);
            }
            (here, there) = (out_of, into);
        }
        if view.state != TunnelState::Up {
            let why = view.reasons.first().map_or_else(String::new, |reason| {
                format!(": {}; {}", reason.evidence, reason.next_step)
            });
            let text = format!(
                "{there} is behind the peer of the connection {name}, whose tunnel is not up{why}"
            );
            return Ok(self.note(Verdict::Stopped, it, text));
        }
        let children = view.observed.iter().flat_map(|seen| &seen.children);
        let carried = children.clone().any(|child| {
            narrowest(&child.local_cidrs, here).is_some()
                && narrowest(&child.peer_cidrs, there).is_some()
        });
        if !carried && !by_routes {
            let text = format!(
                "the tunnel of the connection {name} is up, but none of its Child SAs carries {here} === {there}"
            );
            return Ok(self.note(Verdict::Stopped, it, text));
        }
        let text = format!(
            "the tunnel of the connection {name} carries it; what the other end lets through is not known here"
        );
        Ok(self.note(Verdict::Passes, it, text))
    }

    async fn outside(
        &mut self,
        router: &Router,
        from: Option<&Subnet>,
        sent: Packet,
    ) -> Result<(), Error> {
        let Packet {
            from: source, to, ..
        } = sent;
        let it = (Noun::Router, router.id.uuid(), router.name.as_str());
        let Some(external) = router.external else {
            let text = format!(
                "the router {} has no way outside, and {to} is neither on its subnets nor behind a peer of its gateways",
                router.name
            );
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        };
        if !to.is_ipv4() {
            let text = format!(
                "{to} is outside, and IPv6 leaves the router {} by a tunnel or not at all",
                router.name
            );
            self.note(Verdict::Stopped, it, text);
            return Ok(());
        }
        let rest = "what is there is not known here";
        for row in self.tx.floating_ips_of_router(router.id).await? {
            if row.association.is_some_and(|of| of.fixed_ip == source) {
                let address = row.address.to_string();
                let it = (Noun::FloatingIp, row.id.uuid(), address.as_str());
                let text = format!("it goes outside by the floating IP {address}; {rest}");
                self.note(Verdict::Passes, it, text);
                return Ok(());
            }
        }
        let by_public = from.and_then(|subnet| subnet.public_gateway);
        if let Some(id) = by_public {
            let text = format!("it goes outside by its subnet's public gateway; {rest}");
            self.note(Verdict::Passes, (Noun::PublicGateway, id.uuid(), ""), text);
        } else if external.enable_snat {
            let address = external.addresses.v4;
            let text = format!("it goes outside by the router's address {address}; {rest}");
            self.note(Verdict::Passes, it, text);
        } else {
            let text = format!(
                "{source} has no address outside: the router {} translates no sources, and the machine has no floating IP",
                router.name
            );
            self.note(Verdict::Stopped, it, text);
        }
        Ok(())
    }
}
