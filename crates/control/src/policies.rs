//! What connections hang on that was looked up already, policies and routers: many share few.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use adit_model::{
    Connection, Gateway, IkePolicy, IkePolicyId, IpsecPolicy, IpsecPolicyId, Reason, RouterId,
};
use adit_store::{StoreError, Transaction};

use crate::crypto_profile;
use crate::view::Wish;

/// What was looked up in one transaction.
#[derive(Default)]
pub(crate) struct Policies {
    ike: HashMap<IkePolicyId, Option<IkePolicy>>,
    ipsec: HashMap<IpsecPolicyId, Option<IpsecPolicy>>,
    /// Whether each router is up.
    routers: HashMap<RouterId, bool>,
    /// What is weak in two of them together.
    weak: HashMap<(Option<IkePolicyId>, Option<IpsecPolicyId>), Option<String>>,
}

impl Policies {
    /// Looks up what the connection and its gateway name, unless that was done already.
    pub(crate) async fn look_up(
        &mut self,
        tx: &mut dyn Transaction,
        gateway: &Gateway,
        connection: &Connection,
    ) -> Result<(), StoreError> {
        if let Entry::Vacant(place) = self.routers.entry(gateway.router) {
            let router = tx.any_router(gateway.router).await?;
            place.insert(router.is_some_and(|router| router.admin_state_up));
        }
        if let Some(id) = connection.ike_policy
            && let Entry::Vacant(place) = self.ike.entry(id)
        {
            place.insert(tx.any_ike_policy(id).await?);
        }
        if let Some(id) = connection.ipsec_policy
            && let Entry::Vacant(place) = self.ipsec.entry(id)
        {
            place.insert(tx.any_ipsec_policy(id).await?);
        }
        Ok(())
    }

    /// Who wants a connection's tunnel up, or down; its gateway was looked up.
    pub(crate) fn wish(&self, gateway: &Gateway, connection: &Connection) -> Wish {
        let router_is_up = self.routers.get(&gateway.router).copied();
        Wish::of(connection, gateway, router_is_up.unwrap_or(false))
    }

    /// What a connection names, that was looked up.
    pub(crate) fn of(&self, connection: &Connection) -> (Option<&IkePolicy>, Option<&IpsecPolicy>) {
        let ike = connection.ike_policy.and_then(|id| self.ike.get(&id));
        let ipsec = connection.ipsec_policy.and_then(|id| self.ipsec.get(&id));
        (ike.and_then(Option::as_ref), ipsec.and_then(Option::as_ref))
    }

    /// A warning of what is weak in what a connection names, that was looked up.
    pub(crate) fn warning(&mut self, connection: &Connection) -> Option<Reason> {
        let pair = (connection.ike_policy, connection.ipsec_policy);
        if !self.weak.contains_key(&pair) {
            let (ike, ipsec) = self.of(connection);
            let (ike, ipsec) = (
                ike.map(|one| &one.parameters),
                ipsec.map(|one| &one.parameters),
            );
            let found = crypto_profile::weakness(ike, ipsec);
            self.weak.insert(pair, found);
        }
        let evidence = self.weak.get(&pair)?.as_deref()?;
        Some(crypto_profile::warning(evidence, connection.created_at))
    }
}
