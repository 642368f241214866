//! Addresses of ranges, and which one of its subnet a port gets.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_model::Subnet;
use adit_model::port::FixedIp;
use adit_model::subnet::AddressRange;
use adit_store::Transaction;

use crate::error::{Error, Rule};

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

/// The address before.
pub(crate) fn before(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits().checked_sub(1)?)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits().checked_sub(1)?)),
    })
}

/// The address after.
pub(crate) fn after(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits().checked_add(1)?)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits().checked_add(1)?)),
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
    if available(tx, subnet, of_gateway).await? == 0 {
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

/// How many addresses nobody has.
pub(crate) async fn available(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    of_gateway: u64,
) -> Result<u64, Error> {
    let mut taken = 0_u64;
    for port in tx.ports_of_subnet(subnet.id).await? {
        let mine = port.fixed_ips.iter().filter(|ip| ip.subnet == subnet.id);
        taken += mine.filter(|ip| is_in_pools(subnet, ip.address)).count() as u64;
    }
    if !subnet.zone.is_empty() {
        let gateways = tx.gateways_of_subnet(subnet.id).await?.len() as u64;
        taken = taken.saturating_add(gateways.saturating_mul(of_gateway));
    }
    let pools = subnet.pools.iter().map(count);
    Ok(pools.fold(0, u64::saturating_add).saturating_sub(taken))
}

fn is_in_pools(subnet: &Subnet, address: IpAddr) -> bool {
    subnet.pools.iter().any(|pool| pool.contains(address))
}
