//! What uses a subnet besides ports.

use adit_model::Subnet;
use adit_store::Transaction;

use crate::error::{Error, Noun};

/// Refuses when endpoint groups or gateways name the subnet.
pub(crate) async fn check_unused(tx: &mut dyn Transaction, row: &Subnet) -> Result<(), Error> {
    let groups = tx.endpoint_groups_of_subnet(row.id).await?;
    let groups = groups.iter().map(|row| row.id.uuid());
    Error::used(Noun::Subnet, Noun::EndpointGroup, groups)?;
    let gateways = tx.gateways_of_subnet(row.id).await?;
    let gateways = gateways.iter().map(|row| row.id.uuid());
    Error::used(Noun::Subnet, Noun::Gateway, gateways)
}
