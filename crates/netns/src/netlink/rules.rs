//! Rules: which packets look into which routing table.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use rtnetlink::IpVersion;

use super::{Netlink, Table, failed, settled};
use crate::error::NetworkError;

/// Drops what comes in from outside for somebody else.
const CLOSED: u32 = 100;

/// Leads sockets bound to the external link to the external network.
const BOUND: u32 = 110;

/// Leads packets from a gateway's address to a peer that it speaks to itself into its tunnel.
/// After the rule of bound sockets, which are IKE's, ESP's and AH's own.
const HOSTS: u32 = 115;

/// Leads packets from a gateway's address, and from the router's own IPv6 address, to the external
/// network.
const GATEWAY: u32 = 120;

/// Leads outside what no other table has a route for; after the kernel's own rules.
const WAY_OUT: u32 = 33_000;

/// Where what is sent from a gateway's address looks, in this order.
const OF_GATEWAY: [(u32, Table); 2] = [(HOSTS, Table::Hosts), (GATEWAY, Table::External)];

fn rule(family: AddressFamily, priority: u32, action: RuleAction) -> RuleMessage {
    let mut rule = RuleMessage::default();
    rule.header.family = family;
    rule.header.action = action;
    rule.attributes.push(RuleAttribute::Priority(priority));
    rule
}

fn into_table(family: AddressFamily, priority: u32, table: Table) -> RuleMessage {
    let mut rule = rule(family, priority, RuleAction::ToTable);
    rule.attributes.push(RuleAttribute::Table(table.number()));
    rule
}

fn closed(family: AddressFamily, link: &str) -> RuleMessage {
    let mut rule = rule(family, CLOSED, RuleAction::Blackhole);
    rule.attributes
        .push(RuleAttribute::Iifname(link.to_owned()));
    rule
}

fn of_gateway(address: IpAddr, priority: u32, table: Table) -> RuleMessage {
    let (family, len) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    let mut rule = into_table(family, priority, table);
    rule.header.src_len = len;
    rule.attributes.push(RuleAttribute::Source(address));
    // What this namespace sends itself has this as its input. A machine that pretends to have the
    // gateway's address is forwarded, and gets no way out by it.
    rule.attributes.push(RuleAttribute::Iifname("lo".into()));
    rule
}

fn way_out() -> RuleMessage {
    into_table(AddressFamily::Inet, WAY_OUT, Table::WayOut)
}

fn priority(rule: &RuleMessage) -> Option<u32> {
    rule.attributes
        .iter()
        .find_map(|attribute| match attribute {
            RuleAttribute::Priority(priority) => Some(*priority),
            _ => None,
        })
}

impl Netlink {
    async fn add_rule(&self, rule: RuleMessage) -> Result<(), NetworkError> {
        let doing = format!("adding the rule of priority {:?}", priority(&rule));
        let mut request = self.handle.rule().add();
        *request.message_mut() = rule;
        settled(request.execute().await).map_err(failed(doing))
    }

    async fn remove_rule(&self, rule: RuleMessage) -> Result<(), NetworkError> {
        let doing = format!("removing the rule of priority {:?}", priority(&rule));
        settled(self.handle.rule().del(rule).execute().await).map_err(failed(doing))
    }

    async fn rules(&self, wanted: u32) -> Result<Vec<RuleMessage>, NetworkError> {
        let _alone = self.listing.lock().await;
        let mut found = Vec::new();
        for version in [IpVersion::V4, IpVersion::V6] {
            let answer = self.handle.rule().get(version).execute();
            let rules: Vec<RuleMessage> = answer
                .try_collect()
                .await
                .map_err(failed("listing rules"))?;
            found.extend(rules.into_iter().filter(|r| priority(r) == Some(wanted)));
        }
        Ok(found)
    }

    /// IPv4 packets that come in on `link` for somebody else are dropped.
    pub(crate) async fn close(&self, link: &str) -> Result<(), NetworkError> {
        self.add_rule(closed(AddressFamily::Inet, link)).await
    }

    /// IPv6 packets that come in on `link` for somebody else are dropped.
    pub(crate) async fn close_ipv6(&self, link: &str) -> Result<(), NetworkError> {
        self.add_rule(closed(AddressFamily::Inet6, link)).await
    }

    /// IPv4 packets that come in on `link` for somebody else are routed.
    pub(crate) async fn open(&self, link: &str) -> Result<(), NetworkError> {
        self.remove_rule(closed(AddressFamily::Inet, link)).await
    }

    /// Sockets bound to `link` look into the external table.
    pub(crate) async fn external_table_for_link(&self, link: &str) -> Result<(), NetworkError> {
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut rule = into_table(family, BOUND, Table::External);
            rule.attributes
                .push(RuleAttribute::Oifname(link.to_owned()));
            self.add_rule(rule).await?;
        }
        Ok(())
    }

    /// What this namespace itself sends from a gateway's address, or from the router's own IPv6
    /// address, looks into the external table.
    pub(crate) async fn add_gateway_rule(&self, address: IpAddr) -> Result<(), NetworkError> {
        for (priority, table) in OF_GATEWAY {
            self.add_rule(of_gateway(address, priority, table)).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove_gateway_rule(&self, address: IpAddr) -> Result<(), NetworkError> {
        for (priority, table) in OF_GATEWAY {
            self.remove_rule(of_gateway(address, priority, table))
                .await?;
        }
        Ok(())
    }

    /// Removes the rules of all gateways, and the router's own.
    pub(crate) async fn remove_gateway_rules(&self) -> Result<(), NetworkError> {
        for (priority, _) in OF_GATEWAY {
            for rule in self.rules(priority).await? {
                self.remove_rule(rule).await?;
            }
        }
        Ok(())
    }

    /// Whether IPv4 without another route goes outside.
    pub(crate) async fn has_way_out(&self) -> Result<bool, NetworkError> {
        Ok(!self.rules(WAY_OUT).await?.is_empty())
    }

    /// IPv4 for which no other table has a route goes outside.
    pub(crate) async fn add_way_out(&self) -> Result<(), NetworkError> {
        self.add_rule(way_out()).await
    }

    pub(crate) async fn remove_way_out(&self) -> Result<(), NetworkError> {
        self.remove_rule(way_out()).await
    }
}
