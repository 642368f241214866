//! Routes: ways into the tunnels of connections whose gateways are in route mode.
//!
//! A connection lists where its routes lead among its peer's blocks, so that these are held, and known to every
//! rule about blocks, from a route's creation to its deletion, whether a tunnel is up or not.

use adit_model::connection::Ends;
use adit_model::gateway::GatewayMode;
use adit_model::route::LAST_PRIORITY;
use adit_model::{
    Cidr, Connection, ConnectionId, Name, Revision, Route, RouteId, Router, RouterId,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::rules::{self, Naming};
use crate::{Caller, Control, cidr_rules, connection, router};

/// What a route is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRoute {
    /// What to call it; unique among the router's.
    pub name: Name,
    /// The router whose packets take it.
    pub router: RouterId,
    /// What it is for: an IPv4 block.
    pub destination: Cidr,
    /// Whose peer has it: a connection of a gateway of the router that is in route mode.
    pub connection: ConnectionId,
    /// The zone it is made for.
    pub zone: String,
    /// Its place among several ways to a block.
    pub priority: u16,
}

/// What to change of a route; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewRoute")]
pub struct RouteChange {
    pub name: Option<Name>,
    pub connection: Option<ConnectionId>,
    pub priority: Option<u16>,
}

impl Control {
    /// Makes a route.
    ///
    /// # Errors
    /// Something it names is not there, it can't lead there, its block is somebody else's, the name is taken or the
    /// quota is used up.
    pub async fn create_route(&self, caller: &Caller, new: NewRoute) -> Result<Route, Error> {
        let mut tx = self.change(caller).await?;
        router::find(&mut *tx, caller, new.router).await?;
        let siblings = tx.routes_of_router(new.router).await?;
        Quota::Routes.check(siblings.len(), self.0.config.limits.routes)?;
        check_name(&siblings, &new.name, None)?;
        check_priority(new.priority)?;
        if !new.destination.is_ipv4() {
            let message = format!("{} is not an IPv4 block", new.destination);
            return Err(Error::invalid("destination", Rule::Reference, message));
        }
        let target = target(&mut *tx, caller, new.router, new.connection).await?;
        cidr_rules::check_route(&mut *tx, new.router, new.destination).await?;
        let row = Route {
            id: RouteId::random(),
            project: caller.project,
            router: new.router,
            name: new.name,
            destination: new.destination,
            connection: new.connection,
            zone: new.zone,
            priority: new.priority,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        lead(&mut tx, target, row.destination, true).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A part of a router's routes, oldest first.
    ///
    /// # Errors
    /// No such router.
    pub async fn part_of_routes(
        &self,
        caller: &Caller,
        of: RouterId,
        part: Part,
    ) -> Result<Listed<Route>, Error> {
        let mut tx = self.read().await?;
        router::find(&mut *tx, caller, of).await?;
        let query = Query::hanging_on(Noun::Router, of.uuid());
        Ok(listed::<Route>(&mut *tx, query, part).await?)
    }

    /// All of a router's routes, oldest first.
    ///
    /// # Errors
    /// No such router.
    pub async fn routes_of_router(
        &self,
        caller: &Caller,
        of: RouterId,
    ) -> Result<Vec<Route>, Error> {
        let mut tx = self.read().await?;
        router::find(&mut *tx, caller, of).await?;
        Ok(tx.routes_of_router(of).await?)
    }

    /// One route, with its router and its connection.
    ///
    /// # Errors
    /// It is not there.
    pub async fn route(
        &self,
        caller: &Caller,
        id: RouteId,
    ) -> Result<(Route, Router, Connection), Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        around(&mut *tx, row).await
    }

    /// The same of several.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn route_views(
        &self,
        rows: Vec<Route>,
    ) -> Result<Vec<(Route, Router, Connection)>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(around(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// Changes a route. One that leads elsewhere does so at once: at no time is its block free.
    ///
    /// # Errors
    /// It is not there, the name is taken, or it can't lead there.
    pub async fn update_route(
        &self,
        caller: &Caller,
        id: RouteId,
        change: RouteChange,
    ) -> Result<Route, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        if let Some(name) = change.name {
            let siblings = tx.routes_of_router(row.router).await?;
            check_name(&siblings, &name, Some(id))?;
            row.name = name;
        }
        row.priority = change.priority.unwrap_or(row.priority);
        check_priority(row.priority)?;
        if let Some(to) = change.connection.filter(|to| *to != row.connection) {
            let next = target(&mut *tx, caller, row.router, to).await?;
            let before = tx.any_connection(row.connection).await?;
            let before = before.ok_or(Error::NotFound(Noun::Connection))?;
            // Each gateway is told on its own, and one would let go of the block before the other holds it.
            if next.gateway != before.gateway {
                let message = format!(
                    "the connection {to} is of another gateway than that where the route leads now: delete the \
                     route, and make another one"
                );
                return Err(Error::invalid("next_hop", Rule::Reference, message));
            }
            lead(&mut tx, before, row.destination, false).await?;
            lead(&mut tx, next, row.destination, true).await?;
            row.connection = to;
        }
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a route. What it was for takes whatever other way there is.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_route(&self, caller: &Caller, id: RouteId) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        tx.delete(&row).await?;
        if let Some(target) = tx.any_connection(row.connection).await? {
            lead(&mut tx, target, row.destination, false).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Refuses when routes lead to a connection which would go, or whose gateway would.
pub(crate) async fn check_unused(
    tx: &mut dyn Transaction,
    noun: Noun,
    connection: ConnectionId,
) -> Result<(), Error> {
    let routes = tx.routes_of_connection(connection).await?;
    Error::used(noun, Noun::Route, routes.iter().map(|row| row.id.uuid()))
}

async fn find(tx: &mut dyn Transaction, caller: &Caller, id: RouteId) -> Result<Route, Error> {
    let row = tx.route(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Route))
}

async fn around(
    tx: &mut dyn Transaction,
    row: Route,
) -> Result<(Route, Router, Connection), Error> {
    let router = tx.any_router(row.router).await?;
    let router = router.ok_or(Error::NotFound(Noun::Router))?;
    let connection = tx.any_connection(row.connection).await?;
    let connection = connection.ok_or(Error::NotFound(Noun::Connection))?;
    Ok((row, router, connection))
}

/// The connection that a route of this router is to lead to.
async fn target(
    tx: &mut dyn Transaction,
    caller: &Caller,
    router: RouterId,
    id: ConnectionId,
) -> Result<Connection, Error> {
    let (gateway, row) = connection::find(tx, caller, id).await?;
    let message = if gateway.router != router {
        format!("the connection {id} is of a gateway on another router")
    } else if gateway.mode() != GatewayMode::Route {
        format!(
            "the connection {id} is of a gateway in policy mode, which leads by its own blocks: routes lead to \
             connections of gateways in route mode"
        )
    } else {
        return Ok(row);
    };
    Err(Error::invalid("next_hop", Rule::Reference, message))
}

/// Has a connection list a block among its peer's, or no more.
async fn lead(
    tx: &mut Change,
    mut row: Connection,
    destination: Cidr,
    leads: bool,
) -> Result<(), Error> {
    let mut peer = row.ends.peer().to_vec();
    peer.retain(|block| *block != destination);
    if leads {
        peer.push(destination);
    }
    row.ends = Ends::Routes { peer };
    tx.update(&row).await?;
    Ok(())
}

fn check_name(siblings: &[Route], name: &Name, own: Option<RouteId>) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Route, names, name, Naming::Unique, own)
}

fn check_priority(priority: u16) -> Result<(), Error> {
    if priority <= LAST_PRIORITY {
        return Ok(());
    }
    let message = format!("a priority is 0 to {LAST_PRIORITY}");
    Err(Error::invalid("priority", Rule::Reference, message))
}
