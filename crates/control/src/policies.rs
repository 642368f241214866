//! Policies that were looked up already: many connections share few.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use adit_model::{IkePolicy, IkePolicyId, IpsecPolicy, IpsecPolicyId};
use adit_store::{StoreError, Transaction};

/// What was looked up in one transaction.
#[derive(Default)]
pub(crate) struct Policies {
    ike: HashMap<IkePolicyId, Option<IkePolicy>>,
    ipsec: HashMap<IpsecPolicyId, Option<IpsecPolicy>>,
}

impl Policies {
    pub(crate) async fn ike(
        &mut self,
        tx: &mut dyn Transaction,
        id: Option<IkePolicyId>,
    ) -> Result<Option<&IkePolicy>, StoreError> {
        let Some(id) = id else {
            return Ok(None);
        };
        Ok(match self.ike.entry(id) {
            Entry::Occupied(known) => known.into_mut().as_ref(),
            Entry::Vacant(place) => place.insert(tx.any_ike_policy(id).await?).as_ref(),
        })
    }

    pub(crate) async fn ipsec(
        &mut self,
        tx: &mut dyn Transaction,
        id: Option<IpsecPolicyId>,
    ) -> Result<Option<&IpsecPolicy>, StoreError> {
        let Some(id) = id else {
            return Ok(None);
        };
        Ok(match self.ipsec.entry(id) {
            Entry::Occupied(known) => known.into_mut().as_ref(),
            Entry::Vacant(place) => place.insert(tx.any_ipsec_policy(id).await?).as_ref(),
        })
    }
}
