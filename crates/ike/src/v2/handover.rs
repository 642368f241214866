//! An IKE SA that is up, written down and read again by another endpoint.
//!
//! All of it goes over but what the peer repeats by itself: fragments of a message that is not whole, and its rekey of
//! this SA that waits for an additional exchange, which it begins anew.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::child::{ChildSa, ChildState, Standing};
use crate::codec::{Field, Reader, Unreadable, Writer};
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::sa::Unportable;
use crate::v2::authentication::Authenticated;
use crate::v2::established::Established;
use crate::v2::link::Link;

/// Writes it.
pub(crate) fn write(
    link: &Link,
    established: &Established,
    to: &mut Writer,
) -> Result<(), Unportable> {
    let portable = |active: &crate::v2::active::Active| active.is_portable();
    if !established.active.as_ref().is_none_or(portable) {
        return Err(Unportable::Busy);
    }
    link.put(to);
    established.keys.put(to);
    established.nonces.put(to);
    established.phase.put(to);
    established.children.put(to);
    established.queue.len().put(to);
    for queued in &established.queue {
        queued.put(to);
    }
    established.active.put(to);
    established.rival.put(to);
    established.waits.put(to);
    established.since.put(to);
    established.rekey_at.put(to);
    established.expires_at.put(to);
    established.authenticated_until.put(to);
    established.renew_from.put(to);
    established.withdrawn.put(to);
    established.heard.put(to);
    established.asked.put(to);
    to.name_up_to(established.asked_number);
    established.synchronises.put(to);
    established.doubted.put(to);
    established.ask_anew_at.put(to);
    established.synchronised.put(to);
    Ok(())
}

/// Reads one of this connection.
pub(crate) fn read(
    from: &mut Reader<'_>,
    (connection, config): (ConnectionKey, &Arc<ConnectionConfig>),
    proof: Authenticated,
) -> Result<(Link, Established), Unreadable> {
    let link = Link::take(from)?;
    let established = Established {
        connection,
        config: Arc::clone(config),
        keys: Field::take(from)?,
        proof,
        nonces: Field::take(from)?,
        phase: Field::take(from)?,
        children: children(from)?,
        queue: Vec::take(from)?.into(),
        active: Field::take(from)?,
        rival: Field::take(from)?,
        followed: None,
        waits: Field::take(from)?,
        since: Field::take(from)?,
        rekey_at: Field::take(from)?,
        expires_at: Field::take(from)?,
        authenticated_until: Field::take(from)?,
        renew_from: Field::take(from)?,
        withdrawn: Field::take(from)?,
        heard: Field::take(from)?,
        asked: Field::take(from)?,
        asked_number: from.name()?,
        synchronises: Field::take(from)?,
        doubted: Field::take(from)?,
        ask_anew_at: Field::take(from)?,
        synchronised: Field::take(from)?,
    };
    // A task without a request would be waited for without end.
    let waits_for_nothing = established.active.is_some() && link.requests.is_idle();
    if waits_for_nothing || link.connection != Some(connection) {
        return Err(Unreadable::Malformed);
    }
    Ok((link, established))
}

/// They are to be installed anew, and said to be up anew.
fn children(from: &mut Reader<'_>) -> Result<Vec<ChildSa>, Unreadable> {
    let mut children = Vec::<ChildSa>::take(from)?;
    for child in &mut children {
        if child.state == ChildState::Installed {
            child.state = ChildState::Installing;
        }
        if child.standing == Standing::Announced {
            child.standing = Standing::Proven;
        }
    }
    Ok(children)
}
