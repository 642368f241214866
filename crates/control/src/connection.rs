//! Connections: the wishes for tunnels. One set of use cases for every face; in what a face's original
//! is different, it says by its [`Rules`].

mod act;
mod authentication;
mod blocks;
mod endpoints;
mod ends;
mod fit;
mod peer;
mod translations;
mod update;
mod view;

use std::net::IpAddr;

use adit_model::authentication::{Authentication, Ppk};
use adit_model::connection::{DeadPeerDetection, Ends, Initiator};
use adit_model::{
    Connection, ConnectionId, Gateway, GatewayId, IkePolicyId, IpsecPolicyId, Name, Psk, Revision,
    Translation,
};
use adit_store::{Query, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Noun, Quota};
use crate::listed::{Listed, Part, listed};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming};
use crate::{Caller, Control, LogLine, gateway, route};
pub use blocks::Side;
pub use ends::{EndsChange, GivenEnds};
pub use fit::{DeadPeerRule, Overlaps, Rules};
use fit::{Wish, check_ike_policy, check_ipsec_policy};
pub(crate) use peer::local_address;
use peer::look_up_later;
pub use update::ConnectionChange;
pub use view::ConnectionView;

/// What a connection is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewConnection {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// One of the same project.
    pub gateway: GatewayId,
    /// The other end: an address, or a host's name.
    pub peer_address: String,
    /// Who the other end must say it is; `None` is its address.
    pub peer_id: Option<String>,
    /// Who this end says it is; `None` is the gateway's address.
    pub local_id: Option<String>,
    /// By what both ends show who they are.
    pub authentication: Authentication,
    /// What keys rest on beside that, if anything.
    pub ppk: Option<Ppk>,
    /// What is reachable at both ends. Of a gateway in route mode nothing is given: routes say it.
    pub ends: GivenEnds,
    /// What of that the opposite end knows by other addresses.
    pub translations: Vec<Translation>,
    /// Whether both of its tunnels carry what is sent, where it has two.
    pub distribute_traffic: bool,
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
        authentication::check(&new.authentication)?;
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
        let now = self.now();
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
            psk_set_at: new.authentication.psk().map(|_| now),
            authentication: new.authentication,
            ppk: new.ppk,
            // Filled in below.
            ends: Ends::Blocks {
                local: Vec::new(),
                peer: Vec::new(),
            },
            translations: new.translations,
            distribute_traffic: new.distribute_traffic,
            mtu: new.mtu,
            initiator: new.initiator,
            dead_peer_detection: new.dead_peer_detection,
            ike_policy: new.ike_policy,
            ipsec_policy: new.ipsec_policy,
            admin_state_up: new.admin_state_up,
            created_at: now,
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
        Ok(view)
    }

    /// A pre-shared key that nobody can guess: 43 characters that every program takes.
    #[must_use]
    pub fn make_up_psk(&self) -> Psk {
        let octets: [u8; 32] = self.random_octets();
        // It is neither empty nor long.
        Psk::new(URL_SAFE_NO_PAD.encode(octets).into_bytes()).unwrap_or_else(|_| Psk::lost())
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

    /// A part of a gateway's connections, oldest first.
    ///
    /// # Errors
    /// No such gateway.
    pub async fn part_of_connections(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        part: Part,
    ) -> Result<Listed<ConnectionView>, Error> {
        let mut tx = self.read().await?;
        let gateway = gateway::find(&mut *tx, caller, gateway).await?;
        let query = Query {
            of: Some((Noun::Gateway, gateway.id.uuid())),
            ..Query::default()
        };
        let found = listed::<Connection>(&mut *tx, query, part).await?;
        let rows = self.connection_views(&mut *tx, found.rows).await?;
        let total = found.total;
        Ok(Listed { rows, total })
    }

    /// All of a gateway's connections, oldest first.
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

    /// What happened to a connection's tunnel since the service's start, oldest first: the latest lines.
    ///
    /// # Errors
    /// It is not there.
    pub async fn connection_log(
        &self,
        caller: &Caller,
        id: ConnectionId,
    ) -> Result<Vec<LogLine>, Error> {
        let mut tx = self.read().await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        Ok(self.0.view.log(gateway.id, row.id))
    }

    /// Deletes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, or of another revision, or routes lead to it.
    pub async fn delete_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (_, row) = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        route::check_unused(&mut *tx, Noun::Connection, id).await?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) async fn find(
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
