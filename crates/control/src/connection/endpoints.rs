//! Connections follow the endpoint groups that they use.

use adit_model::EndpointGroupId;

use super::ends::GivenEnds;
use super::fit::{Rules, Wish};
use crate::change::Change;
use crate::error::{Error, Noun};
use crate::{Caller, Control};

impl Control {
    /// Has the connections of an endpoint group go between what is in it now.
    pub(crate) async fn follow_endpoint_group(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        group: EndpointGroupId,
    ) -> Result<(), Error> {
        for before in tx.connections_of_endpoint_group(group).await? {
            let gateway = tx.any_gateway(before.gateway).await?;
            let gateway = gateway.ok_or(Error::NotFound(Noun::Gateway))?;
            let wish = Wish {
                gateway: &gateway,
                row: before.clone(),
                ends: GivenEnds::from(&before.ends),
                peer: None,
                before: Some(&before),
            };
            let row = self.fit(&mut **tx, caller, rules, wish).await?;
            if row.ends != before.ends {
                tx.update(&row).await?;
            }
        }
        Ok(())
    }
}
