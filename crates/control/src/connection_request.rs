//! Requests for connections: from what somebody at the other end wrote, by what is made here and how the key is told,
//! until both ends agree that it works.
//!
//! ```text
//!   submitted, configured --> secret fetched --> tested --> confirmed, closed
//!     connection, gateway      the link, once     echoes
//! ```

mod link;
mod test;

use std::net::IpAddr;
use std::time::Duration;

use adit_model::change::Actor;
use adit_model::connection::{DeadPeerDetection, Initiator};
use adit_model::connection_request::{RequestState, RequestStep};
use adit_model::gateway::GatewayMode;
use adit_model::{
    Cidr, ConnectionRequest, ConnectionRequestId, Gateway, GatewayId, Name, Revision, SubnetId,
};
use adit_store::{Query, Transaction};

use crate::connection::{self, GivenEnds, NewConnection};
use crate::error::{Error, Noun, Quota, Rule};
use crate::gateway::{self, NewGateway, Place};
use crate::{Caller, Control, on_router};

pub use link::{LinkText, Opened, SecretError};

/// How many requests a project may have.
const MOST: usize = 1000;

/// How long a link to a key may be good.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest a recipient's name may be, in characters.
const LONGEST_RECIPIENT: usize = 255;

/// What somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewConnectionRequest {
    /// What to call the connection.
    pub name: Name,
    /// The other end's gateway: an address or a name.
    pub peer_address: String,
    /// What is to be reached there.
    pub peer_cidrs: Vec<Cidr>,
    /// What is to be reached here: all in subnets of one router.
    pub local_cidrs: Vec<Cidr>,
    /// Addresses there that answer echo requests, if any are known.
    pub test_addresses: Vec<IpAddr>,
    /// Whom the pre-shared key is for, as people say it.
    pub recipient: String,
    /// For how long the link to the key is good.
    pub secret_lasts: Duration,
}

impl NewConnectionRequest {
    fn check(&self) -> Result<(), Error> {
        let invalid = |field, message: String| Error::Invalid {
            field,
            rule: Rule::Reference,
            message,
        };
        let length = self.recipient.trim().chars().count();
        if !(1..=LONGEST_RECIPIENT).contains(&length) {
            let message =
                format!("the recipient has a name of 1 to {LONGEST_RECIPIENT} characters");
            return Err(invalid("recipient", message));
        }
        check_lasts(self.secret_lasts)?;
        if self.local_cidrs.is_empty() {
            let message = "name at least one block to be reached here".to_owned();
            return Err(invalid("local_cidrs", message));
        }
        for address in &self.test_addresses {
            if !self.peer_cidrs.iter().any(|cidr| cidr.contains(*address)) {
                let message = format!("{address} is in none of the blocks at the other end");
                return Err(invalid("test_addresses", message));
            }
        }
        Ok(())
    }
}

/// Where the connection of a request is to be.
enum Home {
    Gateway(Gateway),
    Subnet(SubnetId),
}

impl Control {
    /// Makes what a request asks for: the connection, with a key that nobody knows yet and a gateway where there is
    /// none; and the link by which the key is told, which is told here alone.
    ///
    /// # Errors
    /// No router has these subnets, or what [`Control::create_connection`] refuses.
    pub async fn create_connection_request(
        &self,
        caller: &Caller,
        (connections, gateways): (connection::Rules, gateway::Rules),
        new: NewConnectionRequest,
    ) -> Result<(ConnectionRequest, LinkText), Error> {
        new.check()?;
        let together = self.together().await?;
        let control = together.control();
        let home = control.home_of(caller, &new.local_cidrs).await?;
        let (gateway, made_gateway) = match home {
            Home::Gateway(gateway) => (gateway.id, None),
            Home::Subnet(subnet) => {
                let gateway = NewGateway {
                    name: new.name.clone(),
                    resource_group: None,
                    description: String::new(),
                    place: Place::Subnet(subnet),
                    admin_state_up: true,
                    mode: GatewayMode::Policy,
                };
                let made = control.create_gateway(caller, gateways, gateway).await?;
                (made.gateway.id, Some(made.gateway.id))
            }
        };
        let wish = control.wish(&new, gateway);
        let made = control.create_connection(caller, connections, wish).await?;
        let id = ConnectionRequestId::random();
        let (link, secret) = control.make_link(id, new.secret_lasts);
        let now = self.now();
        let step = |state, by| RequestStep {
            state,
            at: now,
            by: Some(by),
        };
        let row = ConnectionRequest {
            id,
            project: caller.project,
            name: new.name,
            peer_address: new.peer_address,
            peer_cidrs: new.peer_cidrs,
            local_cidrs: new.local_cidrs,
            test_addresses: new.test_addresses,
            recipient: new.recipient.trim().to_owned(),
            connection: made.connection.id,
            made_gateway,
            steps: vec![
                step(RequestState::Submitted, caller.actor()),
                step(RequestState::Configured, Actor::Service),
            ],
            secret,
            report: Vec::new(),
            created_at: now,
            revision: Revision::FIRST,
        };
        let mut tx = control.change(caller).await?;
        let count = tx.count_connection_requests(caller.project).await?;
        Quota::ConnectionRequests.check(count, MOST)?;
        tx.insert(&row).await?;
        tx.commit().await?;
        together.commit().await?;
        Ok((row, link))
    }

    fn wish(&self, new: &NewConnectionRequest, gateway: GatewayId) -> NewConnection {
        NewConnection {
            name: new.name.clone(),
            description: format!("requested for {}", new.recipient.trim()),
            gateway,
            peer_address: new.peer_address.clone(),
            peer_id: None,
            local_id: None,
            authentication: self.make_up_psk().into(),
            ppk: None,
            ends: GivenEnds {
                local_cidrs: Some(new.local_cidrs.clone()),
                peer_cidrs: new.peer_cidrs.clone(),
                ..GivenEnds::default()
            },
            mtu: 0,
            initiator: Initiator::BiDirectional,
            dead_peer_detection: DeadPeerDetection::RESTART,
            translations: Vec::new(),
            distribute_traffic: false,
            ike_policy: None,
            ipsec_policy: None,
            admin_state_up: true,
        }
    }

    /// The oldest gateway that fits on the router that has subnets with all of these blocks; where there is none, the first of
    /// those subnets.
    async fn home_of(&self, caller: &Caller, cidrs: &[Cidr]) -> Result<Home, Error> {
        let mut tx = self.read().await?;
        for router in tx.routers(caller.project).await? {
            let subnets = on_router::subnets(&mut *tx, router.id).await?;
            let of = |cidr: &Cidr| {
                let mut subnets = subnets.iter();
                subnets.find(|subnet| subnet.cidr.contains_block(*cidr))
            };
            let found: Option<Vec<_>> = cidrs.iter().map(of).collect();
            let Some(first) = found.as_ref().and_then(|found| found.first()) else {
                continue;
            };
            let gateways = tx.gateways_of_router(router.id).await?;
            let mut gateways = gateways.into_iter();
            // One without a subnet takes endpoint groups alone, and one in route mode no blocks.
            let fits = |one: &Gateway| one.subnet.is_some() && one.mode() == GatewayMode::Policy;
            return Ok(match gateways.find(fits) {
                Some(gateway) => Home::Gateway(gateway),
                None => Home::Subnet(first.id),
            });
        }
        let texts: Vec<_> = cidrs.iter().map(ToString::to_string).collect();
        Err(Error::Invalid {
            field: "local_cidrs",
            rule: Rule::Reference,
            message: format!(
                "no router is on subnets that have all of {}",
                texts.join(", ")
            ),
        })
    }

    /// The requests that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_connection_requests(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<ConnectionRequest>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_connection_requests(caller.within(query)).await?)
    }

    /// One request.
    ///
    /// # Errors
    /// It is not there.
    pub async fn connection_request(
        &self,
        caller: &Caller,
        id: ConnectionRequestId,
    ) -> Result<ConnectionRequest, Error> {
        find(&mut *self.read().await?, caller, id).await
    }

    /// Notes that somebody said that it works; then it is closed.
    ///
    /// # Errors
    /// It is not there, is closed already, or was never tested.
    pub async fn confirm_connection_request(
        &self,
        caller: &Caller,
        id: ConnectionRequestId,
    ) -> Result<ConnectionRequest, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        refuse_closed(&row)?;
        if !row.was(RequestState::Tested) {
            let message = "it was not tested yet whether packets come through";
            return Err(Error::conflict(
                Rule::InUse(Noun::ConnectionRequest),
                message,
            ));
        }
        for (state, by) in [
            (RequestState::Confirmed, caller.actor()),
            (RequestState::Closed, Actor::Service),
        ] {
            row.steps.push(RequestStep {
                state,
                at: self.now(),
                by: Some(by),
            });
        }
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Makes another link to the key, in place of the one there was.
    ///
    /// # Errors
    /// It is not there, or is closed, or the time can't be.
    pub async fn renew_secret(
        &self,
        caller: &Caller,
        id: ConnectionRequestId,
        lasts: Duration,
    ) -> Result<(ConnectionRequest, LinkText), Error> {
        check_lasts(lasts)?;
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        refuse_closed(&row)?;
        let (link, secret) = self.make_link(id, lasts);
        row.secret = secret;
        row.steps
            .retain(|step| step.state != RequestState::SecretFetched);
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok((row, link))
    }

    /// Deletes a request. While it is not closed that withdraws it: the connection goes too, and the gateway that was
    /// made along, if nothing else uses it.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_connection_request(
        &self,
        caller: &Caller,
        gateways: gateway::Rules,
        id: ConnectionRequestId,
    ) -> Result<(), Error> {
        let together = self.together().await?;
        let control = together.control();
        let mut tx = control.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        tx.delete(&row).await?;
        let is_there = tx.connection(row.project, row.connection).await?.is_some();
        tx.commit().await?;
        if !row.was(RequestState::Closed) {
            if is_there {
                control
                    .delete_connection(caller, row.connection, None)
                    .await?;
            }
            if let Some(gateway) = row.made_gateway {
                control
                    .delete_unused_gateway(caller, gateways, gateway)
                    .await?;
            }
        }
        together.commit().await
    }
}

fn check_lasts(lasts: Duration) -> Result<(), Error> {
    if !lasts.is_zero() && lasts <= LONGEST {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "secret_hours",
        rule: Rule::Expiry,
        message: "a link to a key is good for 1 to 720 hours".to_owned(),
    })
}

fn refuse_closed(row: &ConnectionRequest) -> Result<(), Error> {
    if row.was(RequestState::Closed) {
        let message = "the request is closed";
        return Err(Error::conflict(
            Rule::InUse(Noun::ConnectionRequest),
            message,
        ));
    }
    Ok(())
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: ConnectionRequestId,
) -> Result<ConnectionRequest, Error> {
    let row = tx.connection_request(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::ConnectionRequest))
}
