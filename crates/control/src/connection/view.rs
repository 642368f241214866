//! A connection as it is shown, with what is seen of its tunnel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use adit_model::gateway::GatewayStatus;
use adit_model::observed::{TunnelObserved, TunnelState};
use adit_model::{
    Connection, Gateway, IkePolicyId, IpsecPolicyId, Name, OuterAddresses, Reason, ReasonCode,
};
use adit_store::Transaction;

use super::peer::local_address;
use crate::Control;
use crate::crypto_profile;
use crate::error::{Error, Noun};
use crate::policies::Policies;
use crate::view::Rates;

/// A connection, how its tunnel is, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionView {
    /// As the store has it.
    pub connection: Connection,
    /// How far its tunnel has come.
    pub state: TunnelState,
    /// Why it is not up, and what to be warned of.
    pub reasons: Vec<Reason>,
    /// How far its gateway has come.
    pub gateway_status: GatewayStatus,
    /// What the gateway's worker last said of it.
    pub observed: Option<TunnelObserved>,
    /// What goes through it each second, where that is known.
    pub rates: Option<Rates>,
    /// Its gateway's public address, of the peer's family.
    pub local_address: IpAddr,
    /// All its gateway's addresses.
    pub addresses: OuterAddresses,
    /// Phase 1, with its name.
    pub ike_policy: Option<(IkePolicyId, Name)>,
    /// Phase 2, with its name.
    pub ipsec_policy: Option<(IpsecPolicyId, Name)>,
}

impl ConnectionView {
    /// Why the tunnel can't come up whatever the peer does and however long one waits, if that is
    /// so.
    #[must_use]
    pub fn hopeless(&self) -> Option<&Reason> {
        if self.state == TunnelState::Up {
            return None;
        }
        let is_lost_key = |one: &&Reason| {
            self.connection.authentication.is_lost() && one.code == ReasonCode::InternalError
        };
        let mut reasons = self.reasons.iter();
        reasons.find(|one| one.stays() || is_lost_key(one))
    }
}

impl Control {
    pub(crate) async fn connection_view(
        &self,
        tx: &mut dyn Transaction,
        gateway: &Gateway,
        connection: Connection,
    ) -> Result<ConnectionView, Error> {
        let mut policies = Policies::default();
        policies.look_up(tx, gateway, &connection).await?;
        Ok(self.connection_view_with(&mut policies, gateway, connection))
    }

    /// A view among several, with the policies that were looked up for all of them.
    pub(crate) fn connection_view_with(
        &self,
        policies: &mut Policies,
        gateway: &Gateway,
        connection: Connection,
    ) -> ConnectionView {
        let now = self.now();
        let view = &self.0.view;
        let observed = view.gateway(gateway, now);
        let wish = policies.wish(gateway, &connection);
        let (state, mut reasons) = view.connection(&connection, wish, &observed, now);
        let seen = view.tunnel(connection.gateway, connection.id);
        let weak = policies.warning(&connection).or_else(|| {
            let seen = seen.as_ref().filter(|_| state == TunnelState::Up)?;
            let evidence = crypto_profile::weakness_in_use(seen)?;
            Some(crypto_profile::warning(&evidence, seen.since))
        });
        reasons.extend(weak);
        let (ike, ipsec) = policies.of(&connection);
        let ike_policy = ike.map(|policy| (policy.id, policy.name.clone()));
        let ipsec_policy = ipsec.map(|policy| (policy.id, policy.name.clone()));
        ConnectionView {
            state,
            reasons,
            gateway_status: observed.status,
            rates: view.rates(connection.gateway, connection.id, now),
            observed: seen,
            local_address: local_address(gateway, &connection),
            addresses: gateway.addresses,
            ike_policy,
            ipsec_policy,
            connection,
        }
    }

    /// Several, with what many of them share looked up once.
    pub(crate) async fn connection_views(
        &self,
        tx: &mut dyn Transaction,
        rows: Vec<Connection>,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut gateways = HashMap::new();
        let mut policies = Policies::default();
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let gateway = match gateways.entry(row.gateway) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let gateway = tx.any_gateway(row.gateway).await?;
                    place.insert(gateway.ok_or(Error::NotFound(Noun::Gateway))?)
                }
            };
            policies.look_up(tx, gateway, &row).await?;
            views.push(self.connection_view_with(&mut policies, gateway, row));
        }
        Ok(views)
    }
}
