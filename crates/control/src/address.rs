//! Which address a port gets.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_model::Subnet;
use adit_model::port::FixedIp;
use adit_model::subnet::AddressRange;
use adit_store::Transaction;

use crate::config::ExternalPool;
use crate::error::{Error, Rule};
use crate::{Control, attached_subnet};

/// How many addresses a range has, as far as that can be counted.
pub(crate) fn count(range: &AddressRange) -> u64 {
    let span = match (range.first, range.last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            u128::from(last.to_bits()).checked_sub(first.to_bits().into())
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => last.to_bits().checked_sub(first.to_bits()),
        _ => None,
    };
    let span = span.and_then(|span| span.checked_add(1));
    u64::try_from(span.unwrap_or(0)).unwrap_or(u64::MAX)
}

/// The addresses of a range, lowest first.
pub(crate) fn each(range: AddressRange) -> impl Iterator<Item = IpAddr> {
    (0..count(&range)).filter_map(move |index| {
        Some(match range.first {
            IpAddr::V4(first) => {
                let index = u32::try_from(index).ok()?;
                IpAddr::V4(Ipv4Addr::from_bits(first.to_bits().checked_add(index)?))
            }
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(
                first.to_bits().checked_add(index.into())?,
            )),
        })
    })
}

/// The lowest address of a subnet's pools that no port has, and that is not among `given`.
pub(crate) async fn free(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    of_gateway: u64,
    given: &[FixedIp],
) -> Result<IpAddr, Error> {
    let full = || {
        let message = format!("the subnet {} has no address left", subnet.id);
        Error::conflict(Rule::NoPrivateAddress, message)
    };
    if attached_subnet::available(tx, subnet, of_gateway).await? == 0 {
        return Err(full());
    }
    let mut taken: HashSet<IpAddr> = subnet.gateway.into_iter().collect();
    taken.extend(given.iter().map(|ip| ip.address));
    for port in tx.ports_of_subnet(subnet.id).await? {
        taken.extend(port.fixed_ips.iter().map(|ip| ip.address));
    }
    let mut addresses = subnet.pools.iter().copied().flat_map(each);
    addresses
        .find(|address| !taken.contains(address))
        .ok_or_else(full)
}

impl Control {
    /// The first external address that nobody has, and that no gateway is just giving back; or
    /// the one that is wanted.
    pub(crate) async fn free_external(
        &self,
        tx: &mut dyn Transaction,
        wanted: Option<IpAddr>,
    ) -> Result<IpAddr, Error> {
        let mut taken: HashSet<IpAddr> = self.0.view.held_addresses();
        let gateways = tx.all_gateways().await?;
        taken.extend(gateways.iter().map(|row| row.public_address));
        let routers = tx.all_routers().await?;
        taken.extend(
            routers
                .iter()
                .filter_map(|row| row.external.map(|external| external.address)),
        );
        let floating = tx.all_floating_ips().await?;
        taken.extend(floating.iter().map(|row| row.address));
        let pool = &self.0.config.external;
        if let Some(wanted) = wanted {
            if !usable(pool).any(|address| address == wanted) {
                let message = format!("{wanted} is no address that the external network gives");
                return Err(Error::invalid("address", Rule::AddressOutside, message));
            }
            if taken.contains(&wanted) {
                let message = format!("the address {wanted} is taken");
                return Err(Error::conflict(Rule::AddressTaken, message));
            }
            return Ok(wanted);
        }
        let free = usable(pool).find(|address| !taken.contains(address));
        let message = "no public address is left";
        free.ok_or_else(|| Error::conflict(Rule::NoExternalAddress, message))
    }
}

/// The external addresses that are given, lowest first.
pub(crate) fn usable(pool: &ExternalPool) -> impl Iterator<Item = IpAddr> + '_ {
    let last = pool
        .cidr
        .address_count()
        .saturating_sub(u64::from(pool.cidr.is_ipv4()));
    (1..last)
        .filter_map(|index| pool.cidr.nth(index))
        .filter(|address| !pool.reserved.contains(address))
}
