//! Which machines a group is of.

use adit_model::{Port, PortId, SecurityGroupId};

use super::find;
use crate::error::{Error, Noun, Rule};
use crate::{Caller, Control, port};

impl Control {
    /// Has a machine filtered by a group, too. One that was not filtered is from then on.
    ///
    /// # Errors
    /// One of them is not there, or they are not of one router.
    pub async fn add_security_group_member(
        &self,
        caller: &Caller,
        group: SecurityGroupId,
        machine: PortId,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        find(&mut *tx, caller, group).await?;
        let before = port::find_machine(&mut *tx, caller, machine).await?;
        if before.security_groups.contains(&group) {
            tx.commit().await?;
            return Ok(before);
        }
        let mut row = before.clone();
        row.port_security = true;
        row.security_groups.push(group);
        port::check_groups(&mut *tx, caller, Some(&before), &row).await?;
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Has a machine filtered by the others of its groups alone.
    ///
    /// # Errors
    /// One of them is not there, the machine has not this group, or no other.
    pub async fn remove_security_group_member(
        &self,
        caller: &Caller,
        group: SecurityGroupId,
        machine: PortId,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        find(&mut *tx, caller, group).await?;
        let mut row = port::find_machine(&mut *tx, caller, machine).await?;
        if !row.security_groups.contains(&group) {
            return Err(Error::NotFound(Noun::Port));
        }
        row.security_groups.retain(|known| *known != group);
        if row.security_groups.is_empty() {
            let message = "it is the only security group of the machine: give it another one first";
            return Err(Error::conflict(Rule::ListEmpty, message));
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }
}
