//! Who has which addresses of a subnet.

use std::net::IpAddr;

use adit_model::{Gateway, Port, Subnet, SubnetId};

use super::find;
use crate::error::Error;
use crate::gateway::private_addresses;
use crate::{Caller, Control};

/// Who has an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holder {
    /// A port: a machine's or a router's.
    Port(Box<Port>),
    /// A gateway, for its member of this number: active first.
    Member(Box<Gateway>, u8),
}

/// A subnet's addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetAddresses {
    /// As the store has it.
    pub subnet: Subnet,
    /// Those that somebody has, lowest first.
    pub held: Vec<(IpAddr, Holder)>,
}

impl Control {
    /// The addresses of one of the project's subnets that somebody has.
    ///
    /// # Errors
    /// It is not there.
    pub async fn subnet_addresses(
        &self,
        caller: &Caller,
        id: SubnetId,
    ) -> Result<SubnetAddresses, Error> {
        let mut tx = self.read().await?;
        let subnet = find(&mut *tx, caller, id).await?;
        let mut held = Vec::new();
        for port in tx.ports_of_subnet(id).await? {
            let own = port.fixed_ips.iter().filter(|ip| ip.subnet == id);
            let own: Vec<_> = own.map(|ip| ip.address).collect();
            let holder = |address| (address, Holder::Port(Box::new(port.clone())));
            held.extend(own.into_iter().map(holder));
        }
        let gateways = tx.gateways_of_subnet(id).await?;
        let of_gateway = self.0.config.limits.addresses_of_gateway;
        for gateway in &gateways {
            let siblings = tx.gateways_of_router(gateway.router).await?;
            let addresses = private_addresses(gateway, &subnet, &siblings, of_gateway);
            for (number, address) in (0_u8..).zip(addresses) {
                held.push((address, Holder::Member(Box::new(gateway.clone()), number)));
            }
        }
        held.sort_by_key(|(address, _)| *address);
        Ok(SubnetAddresses { subnet, held })
    }
}
