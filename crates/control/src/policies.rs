//! Policies that were looked up already: many connections share few.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use adit_model::{Connection, IkePolicy, IkePolicyId, IpsecPolicy, IpsecPolicyId};
use adit_store::{StoreError, Transaction};

/// What was looked up in one transaction.
#[derive(Default)]
pub(crate) struct Policies {
    ike: HashMap<IkePolicyId, Option<IkePolicy>>,
    ipsec: HashMap<IpsecPolicyId, Option<IpsecPolicy>>,
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
}
