//! The addresses that a port gets for what is wished.

use std::net::IpAddr;

use adit_model::port::FixedIp;
use adit_model::{Network, PortId, Subnet, SubnetId};
use adit_store::Transaction;

use crate::error::{Error, Rule};
use crate::{Control, address};

/// An address that is wished for: of this subnet, this one, or any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WishedIp {
    /// The subnet; the one that has the address if none is named.
    pub subnet: Option<SubnetId>,
    /// The address; a free one if none is named.
    pub address: Option<IpAddr>,
}

impl Control {
    /// The addresses of the port `own` for what is wished.
    pub(super) async fn addresses(
        &self,
        tx: &mut dyn Transaction,
        network: &Network,
        own: PortId,
        wished: Option<Vec<WishedIp>>,
    ) -> Result<Vec<FixedIp>, Error> {
        let subnets = tx.subnets_of_network(network.id).await?;
        let wished = wished.unwrap_or_else(|| one_of_each_family(&subnets));
        // Those that are wished for by name first, so that no other wish is given one of them.
        let (mut chosen, mut given) = (Vec::new(), Vec::new());
        for wish in wished {
            let subnet = choose(&subnets, wish)?;
            chosen.push((subnet, wish.address));
            let Some(address) = wish.address else {
                continue;
            };
            check_free(tx, subnet, own, address).await?;
            let subnet = subnet.id;
            let ip = FixedIp { subnet, address };
            if given.contains(&ip) {
                let message = format!("the address {address} is wished for twice");
                return Err(Error::invalid("fixed_ips", Rule::Repeated, message));
            }
            given.push(ip);
        }
        let mut fixed_ips = Vec::new();
        for (subnet, address) in chosen {
            let address = match address {
                Some(address) => address,
                None => self.free_address(tx, subnet, own, &given).await?,
            };
            let subnet = subnet.id;
            let ip = FixedIp { subnet, address };
            given.push(ip);
            fixed_ips.push(ip);
        }
        Ok(fixed_ips)
    }

    /// A free address; one that the port has already stays its own.
    async fn free_address(
        &self,
        tx: &mut dyn Transaction,
        subnet: &Subnet,
        own: PortId,
        given: &[FixedIp],
    ) -> Result<IpAddr, Error> {
        if let Some(port) = tx.any_port(own).await? {
            let mut mine = port.fixed_ips.iter();
            let kept = mine.find(|ip| ip.subnet == subnet.id && !given.contains(ip));
            if let Some(kept) = kept {
                return Ok(kept.address);
            }
        }
        let limits = &self.0.config.limits;
        address::free(tx, subnet, limits.addresses_of_gateway, given).await
    }
}

fn one_of_each_family(subnets: &[Subnet]) -> Vec<WishedIp> {
    let mut wished: Vec<(bool, WishedIp)> = Vec::new();
    for subnet in subnets {
        let is_ipv4 = subnet.cidr.is_ipv4();
        if !wished.iter().any(|(known, _)| *known == is_ipv4) {
            let wish = WishedIp {
                subnet: Some(subnet.id),
                address: None,
            };
            wished.push((is_ipv4, wish));
        }
    }
    wished.into_iter().map(|(_, wish)| wish).collect()
}

/// The subnet of a wish.
fn choose(subnets: &[Subnet], wish: WishedIp) -> Result<&Subnet, Error> {
    let fits = |subnet: &&Subnet| {
        wish.subnet.is_none_or(|id| id == subnet.id)
            && wish
                .address
                .is_none_or(|address| subnet.cidr.contains(address))
    };
    subnets.iter().find(fits).ok_or_else(|| {
        let message = match (wish.address, wish.subnet) {
            (Some(address), _) => format!("the address {address} is not one of that subnet"),
            (None, Some(subnet)) => format!("the subnet {subnet} is not on this network"),
            (None, None) => "the network has no subnet".to_owned(),
        };
        Error::invalid("fixed_ips", Rule::AddressOutside, message)
    })
}

async fn check_free(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    own: PortId,
    address: IpAddr,
) -> Result<(), Error> {
    let ports = tx.ports_of_subnet(subnet.id).await?;
    let others = ports.iter().filter(|port| port.id != own);
    let mut taken = others.flat_map(|port| &port.fixed_ips);
    if taken.any(|ip| ip.address == address) {
        let message = format!("the address {address} is taken in the subnet {}", subnet.id);
        return Err(Error::conflict(Rule::AddressTaken, message));
    }
    let outer = [subnet.cidr.first(), subnet.cidr.last()];
    let small = subnet.cidr.address_count() <= 2;
    if subnet.cidr.is_ipv4() && !small && outer.contains(&address) {
        let message = format!("the address {address} is that of the network or the broadcast one");
        return Err(Error::invalid("fixed_ips", Rule::AddressOutside, message));
    }
    Ok(())
}
