//! The blocks of a connection, one by one.

use adit_model::connection::Ends;
use adit_model::{Cidr, Connection, ConnectionId};

use crate::connection::update::{Changing, ConnectionChange};
use crate::connection::{Rules, find};
use crate::error::{Error, Rule};
use crate::{Caller, Control};

/// Which end a block is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This one.
    Local,
    /// The other one.
    Peer,
}

impl Side {
    /// The blocks of this side, as far as they are the connection's own: where routes say them it has none.
    #[must_use]
    pub fn of(self, connection: &Connection) -> &[Cidr] {
        match (&connection.ends, self) {
            (Ends::Routes { .. }, _) => &[],
            (ends, Self::Local) => ends.local(),
            (ends, Self::Peer) => ends.peer(),
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Local => "local_cidrs",
            Self::Peer => "peer_cidrs",
        }
    }

    /// Has the blocks of this side be these.
    fn change_to(self, cidrs: Vec<Cidr>) -> ConnectionChange {
        let mut change = ConnectionChange::default();
        match self {
            Self::Local => change.ends.local_cidrs = Some(cidrs),
            Self::Peer => change.ends.peer_cidrs = Some(cidrs),
        }
        change
    }
}

impl Control {
    /// Adds a block to one side of a connection; answers whether it was new.
    ///
    /// # Errors
    /// Not there, or a rule or a quota is in the way.
    pub async fn add_cidr(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<bool, Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        if side.of(&row).contains(&cidr) {
            return Ok(false);
        }
        let cidrs = side.of(&row).iter().copied().chain([cidr]).collect();
        let changing = Changing {
            gateway,
            row,
            change: side.change_to(cidrs),
            peer: None,
        };
        self.save(&mut tx, caller, rules, changing).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a block from one side of a connection.
    ///
    /// # Errors
    /// Not there, or it is the last one.
    pub async fn remove_cidr(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        let (mut cidrs, before) = (side.of(&row).to_vec(), side.of(&row).len());
        cidrs.retain(|other| *other != cidr);
        if cidrs.len() == before {
            return Err(Error::NotListed);
        }
        if cidrs.is_empty() {
            let message = "a connection must have at least one local and one peer CIDR";
            return Err(Error::invalid(side.field(), Rule::LastCidr, message));
        }
        let changing = Changing {
            gateway,
            row,
            change: side.change_to(cidrs),
            peer: None,
        };
        self.save(&mut tx, caller, rules, changing).await?;
        tx.commit().await?;
        Ok(())
    }
}
