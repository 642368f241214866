//! The network that leads outside, with a subnet for each block of external addresses.

use std::net::IpAddr;

use adit_model::{Name, Network, NetworkId, ProjectId, Revision, Subnet, SubnetId};
use adit_store::Transaction;

use crate::change::Change;
use crate::config::ExternalPool;
use crate::control::ExternalSubnets;
use crate::error::{Error, Noun, Rule};
use crate::{Control, external_address};

/// The name of the network that leads outside, as a fresh store has it.
pub const EXTERNAL: &str = "ext-net";

/// The name of its subnet of IPv6 addresses.
const EXTERNAL_V6: &str = "ext-net-v6";

impl Control {
    /// The subnets of a network that external addresses are of.
    #[must_use]
    pub fn external_subnets(&self, network: NetworkId) -> Option<ExternalSubnets> {
        self.0.external_subnets(network)
    }

    /// The subnets that external addresses are of, which everybody may name.
    pub(crate) fn outside_subnets(&self) -> Vec<SubnetId> {
        let known = self.0.external.get();
        let subnets = known.map(|(_, subnets)| (subnets.v4, subnets.v6));
        subnets.map_or_else(Vec::new, |(v4, v6)| [v4].into_iter().chain(v6).collect())
    }

    /// The network that external addresses are of.
    ///
    /// # Errors
    /// It is not known yet.
    pub fn external_network(&self) -> Result<NetworkId, Error> {
        let known = self.0.external.get().map(|(network, _)| *network);
        let message = "there is no network that leads outside";
        known.ok_or_else(|| Error::conflict(Rule::NoExternalAddress, message))
    }

    /// Makes sure of the network that external addresses are of, with one subnet for each
    /// configured block.
    pub(crate) async fn ensure_external_network(
        &self,
        tx: &mut Change,
        owner: ProjectId,
    ) -> Result<(), Error> {
        self.check_external_v6(&mut **tx).await?;
        let (network, v4) = match self.known_external(&mut **tx).await? {
            Some(known) => known,
            None => self.make_external(tx, owner).await?,
        };
        let v6 = match &self.0.config.external_v6 {
            None => None,
            Some(pool) => {
                let subnets = tx.subnets_of_network(network.id).await?;
                let known = subnets.iter().find(|subnet| subnet.cidr == pool.cidr);
                Some(match known {
                    Some(known) => known.id,
                    None => self.add_external_subnet(tx, &network, pool).await?,
                })
            }
        };
        let subnets = ExternalSubnets { v4, v6 };
        let _ = self.0.external.set((network.id, subnets));
        Ok(())
    }

    /// Refuses to go on without the block that IPv6 addresses were given of: nobody would answer
    /// at them, and what has one keeps it for as long as it is there.
    async fn check_external_v6(&self, tx: &mut dyn Transaction) -> Result<(), Error> {
        let pool = self.0.config.external_v6.as_ref();
        let lost = |address: &IpAddr| {
            address.is_ipv6() && !pool.is_some_and(|pool| pool.cidr.contains(*address))
        };
        let routers = tx.all_routers().await?;
        let routers = routers.iter().filter_map(|row| {
            let mut addresses = row.external.iter().flat_map(|one| one.addresses.all());
            Some((Noun::Router, row.id.uuid(), addresses.find(lost)?))
        });
        let gateways = tx.all_gateways().await?;
        let gateways = gateways.iter().filter_map(|row| {
            let address = row.addresses.all().find(lost)?;
            Some((Noun::Gateway, row.id.uuid(), address))
        });
        let mut users = gateways.chain(routers);
        let Some((noun, id, address)) = users.next() else {
            return Ok(());
        };
        let others = match users.count() {
            0 => String::new(),
            count => format!(" (and {count} more have such addresses)"),
        };
        let message = format!(
            "the {noun} {id} has the external address {address}{others}, which is not of \
             network.external_cidr_v6: set that to what it was, and delete what has such \
             addresses before changing it"
        );
        Err(Error::conflict(Rule::InUse(Noun::Subnet), message))
    }

    async fn known_external(
        &self,
        tx: &mut dyn Transaction,
    ) -> Result<Option<(Network, SubnetId)>, Error> {
        let pool = &self.0.config.external;
        let networks = tx.all_networks().await?;
        for network in networks.into_iter().filter(|network| network.external) {
            let subnets = tx.subnets_of_network(network.id).await?;
            if let Some(subnet) = subnets.iter().find(|subnet| subnet.cidr == pool.cidr) {
                return Ok(Some((network, subnet.id)));
            }
        }
        Ok(None)
    }

    async fn make_external(
        &self,
        tx: &mut Change,
        owner: ProjectId,
    ) -> Result<(Network, SubnetId), Error> {
        let now = self.now();
        let network = Network {
            id: NetworkId::random(),
            project: owner,
            name: Name::parse(EXTERNAL).map_err(|error| Error::Internal(error.into()))?,
            description: "leads outside".to_owned(),
            admin_state_up: true,
            external: true,
            shared: false,
            mtu: Network::MTU,
            port_security: false,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&network).await?;
        let pool = &self.0.config.external;
        let subnet = self.add_external_subnet(tx, &network, pool).await?;
        Ok((network, subnet))
    }

    async fn add_external_subnet(
        &self,
        tx: &mut Change,
        network: &Network,
        pool: &ExternalPool,
    ) -> Result<SubnetId, Error> {
        let now = self.now();
        let name = if pool.cidr.is_ipv4() {
            EXTERNAL
        } else {
            EXTERNAL_V6
        };
        let subnet = Subnet {
            id: SubnetId::random(),
            project: network.project,
            resource_group: None,
            network: network.id,
            name: Name::parse(name).map_err(|error| Error::Internal(error.into()))?,
            description: String::new(),
            cidr: pool.cidr,
            gateway: pool.reserved.first().copied(),
            pools: external_address::ranges(pool),
            enable_dhcp: false,
            dns_nameservers: Vec::new(),
            host_routes: Vec::new(),
            ipv6_address_mode: None,
            ipv6_ra_mode: None,
            network_acl: None,
            public_gateway: None,
            zone: String::new(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&subnet).await?;
        Ok(subnet.id)
    }
}
