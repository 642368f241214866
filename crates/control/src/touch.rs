//! Which lanes of the reconciler a change of a row concerns. One rule for each noun, whoever changes
//! the row: what a lane reads of a noun is to be found here.

use std::collections::BTreeMap;

use adit_model::gateway::GatewayMode;
use adit_model::security_group::Remote;
use adit_model::{
    Connection, ConnectionId, ConnectionRequest, EndpointGroup, FloatingIp, Gateway, GatewayId,
    Network, NetworkAcl, Port, PublicGateway, Route, Router, RouterId, SecurityGroup,
    SecurityGroupRule, SshKey, Subnet, TunnelContext, policy::Policy,
};
use adit_store::{Row, StoreError, Transaction, WriteRows, WriteTransaction};

use crate::phase::Phase;
use crate::wake::{Due, Key};

/// What is to be looked at.
#[derive(Default)]
pub(crate) struct Touched(BTreeMap<Key, Due>);

impl Touched {
    /// All of a thing.
    fn whole(&mut self, key: Key) {
        self.0.entry(key).or_default().whole = true;
    }

    /// One tunnel of a gateway.
    fn connection(&mut self, gateway: GatewayId, connection: ConnectionId) {
        let due = self.0.entry(Key::Gateway(gateway)).or_default();
        due.connections.insert(connection);
    }
}

impl IntoIterator for Touched {
    type Item = (Key, Due);
    type IntoIter = std::collections::btree_map::IntoIter<Key, Due>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A row of a noun that is changed by [`crate::change::Change`].
pub(crate) trait Touch: Row {
    /// Whether what it was before matters: else a change need not read it.
    const BY_OLD: bool;

    /// Its kind's rows.
    fn rows<'a>(tx: &'a mut (dyn WriteTransaction + '_)) -> &'a mut dyn WriteRows<Self>;

    /// Notes whom it concerns that `old` became `new`: asked after a row was made or changed, and
    /// before one is deleted. Of one that was changed there is no `old` unless it matters.
    fn touch(
        tx: &mut dyn Transaction,
        old: Option<&Self>,
        new: Option<&Self>,
        touched: &mut Touched,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

macro_rules! touch {
    ($($row:ident, by old: $by_old:literal, |$tx:ident, $old:ident, $new:ident, $touched:ident| $body:block)+) => {$(
        impl Touch for $row {
            const BY_OLD: bool = $by_old;

            fn rows<'a>(tx: &'a mut (dyn WriteTransaction + '_)) -> &'a mut dyn WriteRows<Self> {
                tx
            }

            async fn touch(
                $tx: &mut dyn Transaction,
                $old: Option<&Self>,
                $new: Option<&Self>,
                $touched: &mut Touched,
            ) -> Result<(), StoreError> {
                $body
                Ok(())
            }
        }
    )+};
}

touch! {
    Network, by old: false, |_tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Network(row.id));
        }
    }

    Subnet, by old: false, |tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Network(row.network));
            // What its machines get outside by is the router's to know.
            for port in tx.ports_of_subnet(row.id).await? {
                if let Some(router) = port.device.router() {
                    touched.whole(Key::Router(router));
                }
            }
        }
    }

    Port, by old: true, |tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Network(row.network));
            if let Some(router) = row.device.router() {
                touched.whole(Key::Router(router));
                by_routes(tx, router, touched).await?;
            }
        }
        // Its addresses are in the filters of ports whose rules name one of its groups.
        let rows = || old.into_iter().chain(new);
        let Some(project) = rows().next().map(|row| row.project) else {
            return Ok(());
        };
        if rows().all(|row| row.security_groups.is_empty()) {
            return Ok(());
        }
        for rule in tx.security_group_rules(project).await? {
            let Remote::Group(named) = rule.remote else {
                continue;
            };
            if rows().any(|row| row.security_groups.contains(&named)) {
                ports_of(tx, &rule, touched).await?;
            }
        }
    }

    Router, by old: true, |tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Router(row.id));
        }
        if let (Some(old), Some(new)) = (old, new)
            && old.routes != new.routes
        {
            by_routes(tx, new.id, touched).await?;
        }
        // Tunnels end with their router.
        if let (Some(old), Some(new)) = (old, new)
            && old.admin_state_up != new.admin_state_up
        {
            for gateway in tx.gateways_of_router(new.id).await? {
                touched.whole(Key::Gateway(gateway.id));
            }
        }
    }

    FloatingIp, by old: true, |_tx, old, new, touched| {
        let of = old.into_iter().chain(new).filter_map(|row| row.association);
        for of in of {
            touched.whole(Key::Router(of.router));
        }
    }

    NetworkAcl, by old: false, |_tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Router(row.router));
        }
    }

    PublicGateway, by old: false, |_tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.whole(Key::Router(row.router));
        }
    }

    SecurityGroup, by old: false, |_tx, _old, _new, _touched| {}

    SecurityGroupRule, by old: false, |tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            ports_of(tx, row, touched).await?;
        }
    }

    Gateway, by old: true, |_tx, old, new, touched| {
        // What it is called is nothing that it is told.
        let told = |row: &Gateway| (row.host, row.router, row.addresses, row.admin_state_up);
        if old.map(told) != new.map(told) {
            for row in old.into_iter().chain(new) {
                touched.whole(Key::Gateway(row.id));
                // The edge of its subnet is one of its own.
                if row.subnet.is_some() {
                    touched.whole(Key::Router(row.router));
                }
            }
        }
    }

    ConnectionRequest, by old: false, |_tx, _old, _new, _touched| {}
    // Its connection is written with it, which lists where it leads.
    Route, by old: false, |_tx, _old, _new, _touched| {}
    SshKey, by old: false, |_tx, _old, _new, _touched| {}

    // What it is to be concerns nobody; applied, it is a connection, and services that its router leads to.
    TunnelContext, by old: true, |tx, old, new, touched| {
        let told = |row: &TunnelContext| row.running.clone().map(|one| one.services);
        if old.and_then(told).unwrap_or_default() != new.and_then(told).unwrap_or_default() {
            for row in old.into_iter().chain(new) {
                if let Some(gateway) = tx.any_gateway(row.gateway).await? {
                    touched.whole(Key::Router(gateway.router));
                }
            }
        }
    }

    EndpointGroup, by old: false, |_tx, _old, _new, _touched| {}

    Connection, by old: false, |_tx, old, new, touched| {
        for row in old.into_iter().chain(new) {
            touched.connection(row.gateway, row.id);
        }
    }
}

/// Those that use a policy are written again with it, since they are negotiated anew.
impl<P: Phase> Touch for Policy<P> {
    const BY_OLD: bool = false;

    fn rows<'a>(tx: &'a mut (dyn WriteTransaction + '_)) -> &'a mut dyn WriteRows<Self> {
        P::rows_to_write(tx)
    }

    async fn touch(
        _: &mut dyn Transaction,
        _: Option<&Self>,
        _: Option<&Self>,
        _: &mut Touched,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A router's gateways in route mode: what comes out of their tunnels is for what the router leads to.
async fn by_routes(
    tx: &mut dyn Transaction,
    router: RouterId,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    for gateway in tx.gateways_of_router(router).await? {
        if gateway.mode() == GatewayMode::Route {
            touched.whole(Key::Gateway(gateway.id));
        }
    }
    Ok(())
}

/// The networks of the ports that a rule filters.
async fn ports_of(
    tx: &mut dyn Transaction,
    rule: &SecurityGroupRule,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    for port in tx.ports_of_security_group(rule.group).await? {
        touched.whole(Key::Network(port.network));
    }
    Ok(())
}
