//! Networks: broadcast domains.

use adit_model::{Cidr, Name, Network, NetworkId, Revision, SubnetId};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun, Rule};
use crate::resource::Resource;
use crate::{Caller, Control};

/// What a network is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNetwork {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// Whether it is carried.
    pub admin_state_up: bool,
    /// Whether it leads outside. For administrators.
    pub external: bool,
    /// Whether every project may use it. For administrators.
    pub shared: bool,
    /// The most octets of an IP packet on it.
    pub mtu: u32,
    /// Whether its ports are filtered unless they say otherwise.
    pub port_security: bool,
}

/// What to change of a network; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewNetwork")]
pub struct NetworkChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub external: Option<bool>,
    pub shared: Option<bool>,
    pub mtu: Option<u32>,
    pub port_security: Option<bool>,
}

/// A network and its subnets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkView {
    /// As the store has it.
    pub network: Network,
    /// The subnets on it, as far as the caller may see them.
    pub subnets: Vec<SubnetId>,
}

/// The least MTU: IPv4's.
const LEAST_MTU: u32 = 68;

/// The greatest MTU that a bridge takes.
const GREATEST_MTU: u32 = 9000;

/// The least MTU of a network with an IPv6 subnet (RFC 8200 section 5).
const LEAST_MTU_V6: u32 = 1280;

impl Control {
    /// Makes a network.
    ///
    /// # Errors
    /// The quota is used up, or the caller may not make one of that kind.
    pub async fn create_network(
        &self,
        caller: &Caller,
        new: NewNetwork,
    ) -> Result<NetworkView, Error> {
        let mut tx = self.change(caller).await?;
        if new.external || new.shared {
            caller.must_be_admin()?;
        }
        check_mtu(new.mtu)?;
        if new.external {
            return Err(self.only_way_outside());
        }
        self.check_quota(&mut *tx, caller.project, Resource::Network)
            .await?;
        let now = self.now();
        let network = Network {
            id: NetworkId::random(),
            project: caller.project,
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            external: new.external,
            shared: new.shared,
            mtu: new.mtu,
            port_security: new.port_security,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&network).await?;
        tx.commit().await?;
        let subnets = Vec::new();
        Ok(NetworkView { network, subnets })
    }

    /// The networks that are asked for, as far as the caller may see them: the project's, those
    /// that are shared, and those that lead outside.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_networks(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<NetworkView>, Error> {
        let mut tx = self.read().await?;
        let query = caller.within_or_public(query);
        let mut views = Vec::new();
        for row in tx.page_networks(query).await? {
            views.push(view(&mut *tx, caller, row).await?);
        }
        Ok(views)
    }

    /// One network.
    ///
    /// # Errors
    /// It is not there.
    pub async fn network(&self, caller: &Caller, id: NetworkId) -> Result<NetworkView, Error> {
        let mut tx = self.read().await?;
        let row = visible(&mut *tx, caller, id).await?;
        view(&mut *tx, caller, row).await
    }

    /// Changes a network.
    ///
    /// # Errors
    /// It is not there, the caller may not make it such, or others are on it as it is.
    pub async fn update_network(
        &self,
        caller: &Caller,
        id: NetworkId,
        change: NetworkChange,
    ) -> Result<NetworkView, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        let before = row.clone();
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        row.external = change.external.unwrap_or(row.external);
        row.shared = change.shared.unwrap_or(row.shared);
        row.mtu = change.mtu.unwrap_or(row.mtu);
        row.port_security = change.port_security.unwrap_or(row.port_security);
        check_mtu(row.mtu)?;
        if (before.external, before.shared) != (row.external, row.shared) {
            caller.must_be_admin()?;
        }
        if self.0.is_external(id) {
            check_configured([
                ("external", before.external != row.external),
                ("shared", before.shared != row.shared),
                (
                    "admin_state_up",
                    before.admin_state_up != row.admin_state_up,
                ),
                ("mtu", before.mtu != row.mtu),
                ("port_security", before.port_security != row.port_security),
            ])?;
        } else if row.external && !before.external {
            return Err(self.only_way_outside());
        }
        if before.mtu != row.mtu {
            for subnet in tx.subnets_of_network(id).await? {
                check_mtu_for(&row, subnet.cidr)?;
            }
        }
        if before.shared && !row.shared {
            let ports = tx.ports_of_network(id).await?;
            let foreign = ports.iter().filter(|port| port.project != row.project);
            if foreign.count() > 0 {
                let message = "ports of other projects are on the network";
                return Err(Error::conflict(Rule::InUse(Noun::Network), message));
            }
        }
        if before.external && !row.external {
            not_outside(&mut *tx, id).await?;
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        let view = view(&mut *tx, caller, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a network with its subnets.
    ///
    /// # Errors
    /// It is not there, or something is on it.
    pub async fn delete_network(
        &self,
        caller: &Caller,
        id: NetworkId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let ports = tx.ports_of_network(id).await?;
        Error::used(
            Noun::Network,
            Noun::Port,
            ports.iter().map(|row| row.id.uuid()),
        )?;
        not_outside(&mut *tx, id).await?;
        if self.0.is_external(id) {
            let message = "it is the network that this host's external addresses are of";
            return Err(Error::conflict(Rule::InUse(Noun::Network), message));
        }
        for subnet in tx.subnets_of_network(id).await? {
            crate::subnet::check_unused(&mut *tx, &subnet).await?;
            tx.delete(&subnet).await?;
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Why no other network leads outside.
    fn only_way_outside(&self) -> Error {
        let known = match self.external_network() {
            Ok(id) => format!(", the network {id}"),
            Err(_) => String::new(),
        };
        let message = format!(
            "one network leads outside{known}: it comes with the host's configuration, and no \
             other can be made such a one"
        );
        Error::invalid("external", Rule::Reference, message)
    }
}

/// Refuses to change what the host's configuration says of what leads outside, and what has no meaning
/// there: it is no network of this host's. Each field comes with whether it would be another.
pub(crate) fn check_configured(
    fields: impl IntoIterator<Item = (&'static str, bool)>,
) -> Result<(), Error> {
    let changed = fields.into_iter().find(|(_, changed)| *changed);
    let Some((field, _)) = changed else {
        return Ok(());
    };
    let message = "it comes with the host's configuration: of what leads outside only name and \
                   description can be changed";
    Err(Error::invalid(field, Rule::Reference, message))
}

/// Refuses a block that packets of the network's size are too small for.
pub(crate) fn check_mtu_for(network: &Network, cidr: Cidr) -> Result<(), Error> {
    if cidr.is_ipv4() || network.mtu >= LEAST_MTU_V6 {
        return Ok(());
    }
    let message = format!(
        "the MTU {} of the network {} is not enough for the IPv6 subnet {cidr}, which needs \
         {LEAST_MTU_V6}",
        network.mtu, network.id
    );
    Err(Error::conflict(Rule::Mtu, message))
}

fn check_mtu(mtu: u32) -> Result<(), Error> {
    if (LEAST_MTU..=GREATEST_MTU).contains(&mtu) {
        return Ok(());
    }
    let message = format!("an MTU is {LEAST_MTU} to {GREATEST_MTU}");
    Err(Error::invalid("mtu", Rule::Reference, message))
}

/// Refuses when routers or floating IPs have addresses of the network.
async fn not_outside(tx: &mut dyn Transaction, id: NetworkId) -> Result<(), Error> {
    let routers = tx.routers_of_external_network(id).await?;
    Error::used(
        Noun::Network,
        Noun::Router,
        routers.iter().map(|row| row.id.uuid()),
    )?;
    let floating = tx.floating_ips_of_network(id).await?;
    Error::used(
        Noun::Network,
        Noun::FloatingIp,
        floating.iter().map(|row| row.id.uuid()),
    )
}

async fn view(
    tx: &mut dyn Transaction,
    caller: &Caller,
    network: Network,
) -> Result<NetworkView, Error> {
    let mut subnets = tx.subnets_of_network(network.id).await?;
    if !network.shared && !network.external {
        subnets.retain(|row| caller.scope().is_none_or(|own| own == row.project));
    }
    Ok(NetworkView {
        subnets: subnets.into_iter().map(|row| row.id).collect(),
        network,
    })
}

/// A network that the caller may change.
pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: NetworkId,
) -> Result<Network, Error> {
    let row = tx.network(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Network))
}

/// A network that the caller may see.
pub(crate) async fn visible(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: NetworkId,
) -> Result<Network, Error> {
    let row = tx.any_network(id).await?;
    let own = |row: &Network| caller.scope().is_none_or(|own| own == row.project);
    let row = row.filter(|row| own(row) || row.external || row.shared);
    row.ok_or(Error::NotFound(Noun::Network))
}
