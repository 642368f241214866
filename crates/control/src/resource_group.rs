//! The groups that a project's things are in.

use std::collections::BTreeSet;

use adit_model::{FloatingIp, SecurityGroup};
use adit_model::{Gateway, IkePolicy, IpsecPolicy, Port, ResourceGroup, Router, Subnet};
use adit_store::{Query, Rows, Transaction};

use crate::error::Error;
use crate::{Caller, Control};

impl Control {
    /// The groups that something of the project's is in. It looks at all that the project has.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn resource_groups(&self, caller: &Caller) -> Result<BTreeSet<ResourceGroup>, Error> {
        let mut tx = self.read().await?;
        let tx: &mut dyn Transaction = &mut *tx;
        let mut groups = BTreeSet::new();
        macro_rules! collect {
            ($($noun:ty),+) => {$(
                let rows = Rows::<$noun>::list(tx, Query::of_project(caller.project)).await?;
                groups.extend(rows.into_iter().filter_map(|row| row.resource_group));
            )+};
        }
        collect!(
            Router,
            Subnet,
            Port,
            FloatingIp,
            SecurityGroup,
            Gateway,
            IkePolicy,
            IpsecPolicy
        );
        Ok(groups)
    }
}
