//! Connections: the wishes for tunnels. One set of use cases for every face; in what a face's original
//! is different, it says by its [`Rules`].

mod ends;
mod fit;
mod peer;
mod view;

use std::net::IpAddr;

use adit_model::connection::{DeadPeerDetection, DpdAction, Ends, Initiator};
use adit_model::{
    Cidr, Connection, ConnectionId, Gateway, GatewayId, IkePolicyId, IpsecPolicyId, Name, Psk,
    Revision,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming};
use crate::{Caller, Control, gateway};
pub use ends::{EndsChange, GivenEnds};
pub use fit::{DeadPeerRule, Overlaps, Rules};
use fit::{Wish, check_ike_policy, check_ipsec_policy};
pub(crate) use peer::local_address;
use peer::{Peer, look_up_later};
pub use view::ConnectionView;
use view::tell_hopeless_peer;

/// What a connection is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewConnection {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// Its gateway.
    pub gateway: GatewayId,
    /// The other end: an address, or a host's name.
    pub peer_address: String,
    /// Who the other end must say it is; `None` is its address.
    pub peer_id: Option<String>,
    /// Who this end says it is; `None` is the gateway's address.
    pub local_id: Option<String>,
    /// The pre-shared key.
    pub psk: Psk,
    /// What is reachable at both ends.
    pub ends: GivenEnds,
    /// The most octets of an inner packet; 0 leaves it to what the path carries.
    pub mtu: u32,
    /// Who begins.
    pub initiator: Initiator,
    /// How a dead peer is noticed.
    pub dead_peer_detection: DeadPeerDetection,
    /// Phase 1, or `None` to negotiate.
    pub ike_policy: Option<IkePolicyId>,
    /// Phase 2, or `None` to negotiate.
    pub ipsec_policy: Option<IpsecPolicyId>,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: bool,
}

/// What to change of a connection; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewConnection")]
pub struct ConnectionChange {
    pub name: Option<Name>,
    pub description: Option<String>,
    pub peer_address: Option<String>,
    pub peer_id: Option<Option<String>>,
    pub local_id: Option<Option<String>>,
    pub psk: Option<Psk>,
    pub ends: EndsChange,
    pub mtu: Option<u32>,
    pub initiator: Option<Initiator>,
    pub dpd_action: Option<DpdAction>,
    pub dpd_interval_s: Option<u32>,
    pub dpd_timeout_s: Option<u32>,
    pub ike_policy: Option<Option<IkePolicyId>>,
    pub ipsec_policy: Option<Option<IpsecPolicyId>>,
    pub admin_state_up: Option<bool>,
}

/// Which end a block is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This one.
    Local,
    /// The other one.
    Peer,
}

impl Side {
    /// The blocks of this side.
    #[must_use]
    pub fn of(self, connection: &Connection) -> &[Cidr] {
        match self {
            Self::Local => connection.ends.local(),
            Self::Peer => connection.ends.peer(),
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Local => "local_cidrs",
            Self::Peer => "peer_cidrs",
        }
    }

    /// Has the blocks of this side be these.
    fn change_to(self, cidrs: Vec<Cidr>) -> ConnectionChange {
        let mut change = ConnectionChange::default();
        match self {
            Self::Local => change.ends.local_cidrs = Some(cidrs),
            Self::Peer => change.ends.peer_cidrs = Some(cidrs),
        }
        change
    }
}

impl Control {
    /// Makes a connection. Its gateway may still be pending: the tunnel follows.
    ///
    /// # Errors
    /// Something it names is not there, its parts don't fit together, or a quota is used up.
    pub async fn create_connection(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewConnection,
    ) -> Result<ConnectionView, Error> {
        caller.may_write()?;
        // A slow name server must not hold up other writers.
        let peer = self.find_peer(caller.project, new.peer_address).await;
        let _turn = match peer.host() {
            // Others wait for the end of the whole already.
            _ if self.is_together() => None,
            Some(_) => self.0.lookups.turn_to_write(caller.project).await,
            None => None,
        };
        let mut tx = self.change(caller).await?;
        if rules.allowance == Allowance::OfProject {
            self.check_quota(&mut *tx, caller.project, Resource::Connection)
                .await?;
        }
        let row = Connection {
            id: ConnectionId::random(),
            project: caller.project,
            gateway: new.gateway,
            name: new.name,
            description: new.description,
            peer_address: IpAddr::from([0; 4]),
            peer_host: None,
            peer_id: new.peer_id,
            local_id: new.local_id,
            psk: new.psk,
            // Filled in below.
            ends: Ends::Blocks {
                local: Vec::new(),
                peer: Vec::new(),
            },
            mtu: new.mtu,
            initiator: new.initiator,
            dead_peer_detection: new.dead_peer_detection,
            ike_policy: new.ike_policy,
            ipsec_policy: new.ipsec_policy,
            admin_state_up: new.admin_state_up,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        check_ipsec_policy(&mut *tx, caller, &row).await?;
        let gateway = gateway::find(&mut *tx, caller, new.gateway).await?;
        check_ike_policy(&mut *tx, caller, &row).await?;
        if rules.allowance == Allowance::Fixed {
            let siblings = tx.connections_of_gateway(gateway.id).await?;
            let limit = self.0.config.limits.connections;
            Quota::Connections.check(siblings.len(), limit)?;
        }
        check_name(&mut *tx, &row, rules.naming).await?;
        let wish = Wish {
            gateway: &gateway,
            row,
            ends: new.ends,
            peer: Some(&peer),
            before: None,
        };
        let row = self.fit(&mut *tx, caller, rules, wish).await?;
        tx.insert(&row).await?;
        let view = self.connection_view(&mut *tx, &gateway, row).await?;
        look_up_later(&mut tx, &view.connection);
        tx.commit().await?;
        tell_hopeless_peer(&view);
        Ok(view)
    }

    /// The connections that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_connections(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut tx = self.read().await?;
        let rows = tx.page_connections(caller.within(query)).await?;
        self.connection_views(&mut *tx, rows).await
    }

    /// A gateway's connections, oldest first.
    ///
    /// # Errors
    /// No such gateway.
    pub async fn connections_of_gateway(
        &self,
        caller: &Caller,
        gateway: GatewayId,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut tx = self.read().await?;
        let gateway = gateway::find(&mut *tx, caller, gateway).await?;
        let rows = tx.connections_of_gateway(gateway.id).await?;
        self.connection_views(&mut *tx, rows).await
    }

    /// One connection.
    ///
    /// # Errors
    /// It is not there.
    pub async fn connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.read().await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        self.connection_view(&mut *tx, &gateway, row).await
    }

    /// Changes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, of another revision, or its parts would not fit together.
    pub async fn update_connection(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        expected: Option<Revision>,
        change: ConnectionChange,
    ) -> Result<ConnectionView, Error> {
        caller.may_write()?;
        let peer = match change.peer_address.clone() {
            Some(given) => Some(self.find_peer(caller.project, given).await),
            None => None,
        };
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let changing = Changing {
            gateway,
            row,
            change,
            peer: peer.as_ref(),
        };
        let view = self.save(&mut tx, caller, rules, changing).await?;
        look_up_later(&mut tx, &view.connection);
        tx.commit().await?;
        if peer.is_some() {
            tell_hopeless_peer(&view);
        }
        Ok(view)
    }

    /// Adds a block to one side of a connection; answers whether it was new.
    ///
    /// # Errors
    /// Not there, or a rule or a quota is in the way.
    pub async fn add_cidr(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<bool, Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        if side.of(&row).contains(&cidr) {
            return Ok(false);
        }
        let cidrs = side.of(&row).iter().copied().chain([cidr]).collect();
        let changing = Changing {
            gateway,
            row,
            change: side.change_to(cidrs),
            peer: None,
        };
        self.save(&mut tx, caller, rules, changing).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a block from one side of a connection.
    ///
    /// # Errors
    /// Not there, or it is the last one.
    pub async fn remove_cidr(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        let (mut cidrs, before) = (side.of(&row).to_vec(), side.of(&row).len());
        cidrs.retain(|other| *other != cidr);
        if cidrs.len() == before {
            return Err(Error::NotListed);
        }
        if cidrs.is_empty() {
            let message = "a connection must have at least one local and one peer CIDR";
            return Err(Error::invalid(side.field(), Rule::LastCidr, message));
        }
        let changing = Changing {
            gateway,
            row,
            change: side.change_to(cidrs),
            peer: None,
        };
        self.save(&mut tx, caller, rules, changing).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, or of another revision.
    pub async fn delete_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (_, row) = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        changing: Changing<'_>,
    ) -> Result<ConnectionView, Error> {
        let Changing {
            gateway,
            row: before,
            mut change,
            peer,
        } = changing;
        let ends = std::mem::take(&mut change.ends);
        let is_named = change.name.is_some();
        let row = change.apply(before.clone());
        if is_named {
            check_name(&mut **tx, &row, rules.naming).await?;
        }
        check_ipsec_policy(&mut **tx, caller, &row).await?;
        check_ike_policy(&mut **tx, caller, &row).await?;
        let wish = Wish {
            gateway: &gateway,
            row,
            ends: GivenEnds::from(&before.ends).change(ends),
            peer,
            before: Some(&before),
        };
        let mut row = self.fit(&mut **tx, caller, rules, wish).await?;
        row.revision = tx.update(&row).await?;
        self.connection_view(&mut **tx, &gateway, row).await
    }
}

/// A connection that is there, and what is to become of it.
struct Changing<'a> {
    gateway: Gateway,
    row: Connection,
    change: ConnectionChange,
    /// Its peer, where that changes.
    peer: Option<&'a Peer>,
}

impl ConnectionChange {
    /// All but the ends and the peer, which have to be looked at.
    fn apply(self, mut row: Connection) -> Connection {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut row.name, self.name);
        set(&mut row.description, self.description);
        set(&mut row.peer_id, self.peer_id);
        set(&mut row.local_id, self.local_id);
        set(&mut row.psk, self.psk);
        set(&mut row.mtu, self.mtu);
        set(&mut row.initiator, self.initiator);
        set(&mut row.dead_peer_detection.action, self.dpd_action);
        set(&mut row.dead_peer_detection.interval_s, self.dpd_interval_s);
        set(&mut row.dead_peer_detection.timeout_s, self.dpd_timeout_s);
        set(&mut row.ike_policy, self.ike_policy);
        set(&mut row.ipsec_policy, self.ipsec_policy);
        set(&mut row.admin_state_up, self.admin_state_up);
        row
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: ConnectionId,
) -> Result<(Gateway, Connection), Error> {
    let row = tx.connection(caller.scope(), id).await?;
    let row = row.ok_or(Error::NotFound(Noun::Connection))?;
    let gateway = tx.any_gateway(row.gateway).await?;
    Ok((gateway.ok_or(Error::NotFound(Noun::Gateway))?, row))
}

async fn check_name(
    tx: &mut dyn Transaction,
    row: &Connection,
    naming: Naming,
) -> Result<(), Error> {
    if naming == Naming::Free {
        return Ok(());
    }
    let siblings = tx.connections_of_gateway(row.gateway).await?;
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Connection, names, &row.name, naming, Some(row.id))
}
