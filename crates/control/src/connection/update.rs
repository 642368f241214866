//! Changing a connection.

use adit_model::authentication::{Authentication, Ppk};
use adit_model::connection::{DpdAction, Initiator};
use adit_model::{
    Connection, ConnectionId, Gateway, IkePolicyId, IpsecPolicyId, Name, Revision, Translation,
};

use crate::change::Change;
use crate::connection::ends::{EndsChange, GivenEnds};
use crate::connection::fit::{Wish, check_ike_policy, check_ipsec_policy};
use crate::connection::peer::{Peer, look_up_later};
use crate::connection::view::ConnectionView;
use crate::connection::{Rules, authentication, check_name, find};
use crate::error::Error;
use crate::{Caller, Control};

/// What to change of a connection; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewConnection")]
pub struct ConnectionChange {
    pub name: Option<Name>,
    pub description: Option<String>,
    pub peer_address: Option<String>,
    pub peer_id: Option<Option<String>>,
    pub local_id: Option<Option<String>>,
    pub authentication: Option<Authentication>,
    pub ppk: Option<Option<Ppk>>,
    pub ends: EndsChange,
    pub translations: Option<Vec<Translation>>,
    pub distribute_traffic: Option<bool>,
    pub mtu: Option<u32>,
    pub initiator: Option<Initiator>,
    pub dpd_action: Option<DpdAction>,
    pub dpd_interval_s: Option<u32>,
    pub dpd_timeout_s: Option<u32>,
    pub ike_policy: Option<Option<IkePolicyId>>,
    pub ipsec_policy: Option<Option<IpsecPolicyId>>,
    pub admin_state_up: Option<bool>,
}

/// A connection that is there, and what is to become of it.
pub(super) struct Changing<'a> {
    pub(super) gateway: Gateway,
    pub(super) row: Connection,
    pub(super) change: ConnectionChange,
    /// Its peer, where that changes.
    pub(super) peer: Option<&'a Peer>,
}

impl ConnectionChange {
    /// All but the ends and the peer, which have to be looked at.
    fn apply(self, mut row: Connection) -> Connection {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut row.name, self.name);
        set(&mut row.description, self.description);
        set(&mut row.peer_id, self.peer_id);
        set(&mut row.local_id, self.local_id);
        set(&mut row.authentication, self.authentication);
        set(&mut row.ppk, self.ppk);
        set(&mut row.translations, self.translations);
        set(&mut row.distribute_traffic, self.distribute_traffic);
        set(&mut row.mtu, self.mtu);
        set(&mut row.initiator, self.initiator);
        set(&mut row.dead_peer_detection.action, self.dpd_action);
        set(&mut row.dead_peer_detection.interval_s, self.dpd_interval_s);
        set(&mut row.dead_peer_detection.timeout_s, self.dpd_timeout_s);
        set(&mut row.ike_policy, self.ike_policy);
        set(&mut row.ipsec_policy, self.ipsec_policy);
        set(&mut row.admin_state_up, self.admin_state_up);
        row
    }
}

impl Control {
    /// Changes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, of another revision, or its parts would not fit together.
    pub async fn update_connection(
        &self,
        caller: &Caller,
        rules: Rules,
        id: ConnectionId,
        expected: Option<Revision>,
        change: ConnectionChange,
    ) -> Result<ConnectionView, Error> {
        caller.may_write()?;
        if let Some(given) = &change.authentication {
            authentication::check(given)?;
        }
        let peer = match change.peer_address.clone() {
            Some(given) => Some(self.find_peer(caller.project, given).await),
            None => None,
        };
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let changing = Changing {
            gateway,
            row,
            change,
            peer: peer.as_ref(),
        };
        let view = self.save(&mut tx, caller, rules, changing).await?;
        look_up_later(&mut tx, &view.connection);
        tx.commit().await?;
        Ok(view)
    }

    pub(super) async fn save(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        changing: Changing<'_>,
    ) -> Result<ConnectionView, Error> {
        let Changing {
            gateway,
            row: before,
            mut change,
            peer,
        } = changing;
        let ends = std::mem::take(&mut change.ends);
        let is_named = change.name.is_some();
        let mut row = change.apply(before.clone());
        // The key that it had already is as old as it was.
        if row.authentication.psk() != before.authentication.psk() {
            row.psk_set_at = row.authentication.psk().map(|_| self.now());
        }
        if is_named {
            check_name(&mut **tx, &row, rules.naming).await?;
        }
        check_ipsec_policy(&mut **tx, caller, &row).await?;
        check_ike_policy(&mut **tx, caller, &row).await?;
        let wish = Wish {
            gateway: &gateway,
            row,
            ends: GivenEnds::from(&before.ends).change(ends),
            peer,
            before: Some(&before),
        };
        let mut row = self.fit(&mut **tx, caller, rules, wish).await?;
        row.revision = tx.update(&row).await?;
        self.connection_view(&mut **tx, &gateway, row).await
    }
}
