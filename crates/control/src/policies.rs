//! Policies that were looked up already: many connections share few.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use adit_model::{Connection, IkePolicy, IkePolicyId, IpsecPolicy, IpsecPolicyId, Reason};
use adit_store::{StoreError, Transaction};

use crate::crypto_profile;

/// What was looked up in one transaction.
#[derive(Default)]
pub(crate) struct Policies {
    ike: HashMap<IkePolicyId, Option<IkePolicy>>,
    ipsec: HashMap<IpsecPolicyId, Option<IpsecPolicy>>,
    /// What is weak in two of them together.
    weak: HashMap<(Option<IkePolicyId>, Option<IpsecPolicyId>), Option<String>>,
}

impl Policies {
    /// Looks up what the connection names, unless that was done already.
    pub(crate) async fn look_up(
        &mut self,
        tx: &mut dyn Transaction,
        connection: &Connection,
    ) -> Result<(), StoreError> {
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
