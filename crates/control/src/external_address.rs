//! Which external address a router, a gateway or a floating IP gets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_model::gateway::GatewayMode;
use adit_model::subnet::AddressRange;
use adit_model::{OuterAddresses, ProjectId};
use adit_store::Transaction;

use crate::Control;
use crate::address::{after, before, count, each};
use crate::config::ExternalPool;
use crate::error::{Error, Rule};

/// External addresses that are not free.
pub(crate) struct UsedAddresses {
    addresses: HashSet<IpAddr>,
    /// How many IPv4 addresses each project has.
    projects: HashMap<ProjectId, usize>,
    /// Who wants one.
    asks: ProjectId,
}

impl UsedAddresses {
    /// Who asks gets this one.
    fn take(&mut self, address: Ipv4Addr) {
        self.addresses.insert(address.into());
        *self.projects.entry(self.asks).or_default() += 1;
    }
}

impl Control {
    /// The external addresses that somebody has, or that a gateway is just giving back, before a
    /// project gets one.
    pub(crate) async fn taken_outside(
        &self,
        tx: &mut dyn Transaction,
        asks: ProjectId,
    ) -> Result<UsedAddresses, Error> {
        let mut taken = UsedAddresses {
            addresses: self.0.view.held_addresses(),
            projects: HashMap::new(),
            asks,
        };
        for (project, address) in tx.addresses_outside().await? {
            taken.addresses.insert(address);
            *taken.projects.entry(project).or_default() += usize::from(address.is_ipv4());
        }
        Ok(taken)
    }

    /// Free external addresses: what a gateway gets. In route mode that is two of IPv4; otherwise one, and one of
    /// IPv6 where there are any, unless its router was asked for without.
    pub(crate) async fn free_outer(
        &self,
        tx: &mut dyn Transaction,
        asks: ProjectId,
        mode: GatewayMode,
        with_v6: bool,
    ) -> Result<OuterAddresses, Error> {
        let mut taken = self.taken_outside(tx, asks).await?;
        let v4 = self.free_v4(&taken, None)?;
        if mode == GatewayMode::Route {
            taken.take(v4);
            let second = Some(self.free_v4(&taken, None)?);
            return Ok(OuterAddresses {
                second,
                ..v4.into()
            });
        }
        Ok(OuterAddresses {
            v6: match with_v6 {
                true => self.free_v6(&taken, None)?,
                false => None,
            },
            ..v4.into()
        })
    }

    /// Refuses who has some already what is kept for who has none, or few: one project alone can't
    /// take all there is.
    fn check_headroom(&self, taken: &UsedAddresses) -> Result<(), Error> {
        let limits = &self.0.config.limits;
        let ranges = ranges(&self.0.config.external);
        let all: u64 = ranges.iter().map(count).sum();
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        let kept = all / 100 * limits.headroom_percent + all % 100 * limits.headroom_percent / 100;
        let in_ranges = |address: &&IpAddr| ranges.iter().any(|range| range.contains(**address));
        let left = all.saturating_sub(taken.addresses.iter().filter(in_ranges).count());
        let own = taken.projects.get(&taken.asks).copied().unwrap_or(0);
        if left > kept || own < limits.headroom_of_project {
            return Ok(());
        }
        let few = limits.headroom_of_project;
        let message = format!(
            "no public address is left for this project: the last {kept} are for projects that have fewer than {few}, and it has {own}"
        );
        Err(Error::conflict(Rule::NoExternalAddress, message))
    }

    /// The first external IPv4 address that is free, or the one that is wanted.
    pub(crate) fn free_v4(
        &self,
        taken: &UsedAddresses,
        wanted: Option<IpAddr>,
    ) -> Result<Ipv4Addr, Error> {
        self.check_headroom(taken)?;
        match free_of(&self.0.config.external, taken, wanted)? {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => Err(none_left()),
        }
    }

    /// The same of the external IPv6 block, where there is one.
    pub(crate) fn free_v6(
        &self,
        taken: &UsedAddresses,
        wanted: Option<IpAddr>,
    ) -> Result<Option<Ipv6Addr>, Error> {
        let Some(pool) = &self.0.config.external_v6 else {
            return wanted.map_or(Ok(None), |wanted| Err(not_given(wanted)));
        };
        match free_of(pool, taken, wanted)? {
            IpAddr::V6(address) => Ok(Some(address)),
            IpAddr::V4(_) => Err(none_left()),
        }
    }
}

fn free_of(
    pool: &ExternalPool,
    taken: &UsedAddresses,
    wanted: Option<IpAddr>,
) -> Result<IpAddr, Error> {
    let ranges = ranges(pool);
    if let Some(wanted) = wanted {
        if !ranges.iter().any(|range| range.contains(wanted)) {
            return Err(not_given(wanted));
        }
        if taken.addresses.contains(&wanted) {
            let message = format!("the address {wanted} is taken");
            return Err(Error::conflict(Rule::AddressTaken, message));
        }
        return Ok(wanted);
    }
    // A block of IPv6 is never walked through: at most as far as there are taken ones.
    let mut addresses = ranges.into_iter().flat_map(each);
    let free = addresses.find(|address| !taken.addresses.contains(address));
    free.ok_or_else(none_left)
}

fn none_left() -> Error {
    Error::conflict(Rule::NoExternalAddress, "no public address is left")
}

fn not_given(wanted: IpAddr) -> Error {
    let message = format!("{wanted} is no address that the external network gives");
    Error::invalid("address", Rule::AddressOutside, message)
}

/// The external addresses that are given, lowest first: all but the block's first one, an IPv4
/// block's last one, and those that are reserved.
pub(crate) fn ranges(pool: &ExternalPool) -> Vec<AddressRange> {
    let mut withheld: BTreeSet<IpAddr> = pool.reserved.iter().copied().collect();
    withheld.insert(pool.cidr.first());
    if pool.cidr.is_ipv4() {
        withheld.insert(pool.cidr.last());
    }
    withheld.retain(|address| pool.cidr.contains(*address));
    let mut ranges = Vec::new();
    let mut next = Some(pool.cidr.first());
    for address in withheld {
        if let Some(first) = next
            && let Some(last) = before(address)
            && first <= last
        {
            ranges.push(AddressRange { first, last });
        }
        next = after(address);
    }
    if let Some(first) = next
        && first <= pool.cidr.last()
    {
        let last = pool.cidr.last();
        ranges.push(AddressRange { first, last });
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(cidr: &str, reserved: &[&str]) -> Vec<String> {
        let pool = ExternalPool {
            cidr: cidr.parse().unwrap(),
            reserved: reserved.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let ranges = ranges(&pool);
        let text = |range: &AddressRange| format!("{}-{}", range.first, range.last);
        ranges.iter().map(text).collect()
    }

    #[test]
    fn all_but_the_ends_of_a_block_and_what_is_reserved_is_given() {
        let v4 = "192.0.2.0/29";
        assert_eq!(given(v4, &[]), ["192.0.2.1-192.0.2.6"]);
        assert_eq!(given(v4, &["192.0.2.1"]), ["192.0.2.2-192.0.2.6"]);
        assert_eq!(
            given(v4, &["192.0.2.4", "192.0.2.3", "198.51.100.1"]),
            ["192.0.2.1-192.0.2.2", "192.0.2.5-192.0.2.6"]
        );
        assert_eq!(
            given("2001:db8::/64", &["2001:db8::1"]),
            ["2001:db8::2-2001:db8::ffff:ffff:ffff:ffff"]
        );
        let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let end = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126";
        assert_eq!(
            given(end, &[last]),
            ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"]
        );
    }
}
