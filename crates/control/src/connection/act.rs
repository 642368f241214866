//! What can be done with a tunnel besides changing what it is to be.

use adit_model::ConnectionId;
use adit_model::desired::TunnelAct;

use super::ConnectionView;
use super::find;
use crate::error::{Error, Rule};
use crate::{Caller, Control, Noun};

impl Control {
    /// Has a connection's tunnel closed and begun again, or its keys replaced while it goes on. That is noted as a change
    /// of the connection, by whom it was asked for.
    ///
    /// # Errors
    /// It is not there, or not wanted up, or its gateway is not at work.
    pub async fn act_on_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
        act: TunnelAct,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, mut row) = find(&mut *tx, caller, id).await?;
        if !row.admin_state_up || !gateway.admin_state_up {
            let message = "the connection is not wanted up";
            return Err(Error::conflict(Rule::InUse(Noun::Connection), message));
        }
        row.revision = tx.update(&row).await?;
        let view = self.connection_view(&mut *tx, &gateway, row).await?;
        let agent = self.0.agents.of(gateway.host).map_err(Error::Internal)?;
        tx.commit().await?;
        let told = agent.act(gateway.id, id, act).await;
        told.map_err(|error| Error::Unavailable(error.into()))?;
        Ok(view)
    }
}
