//! The life of a Child SA, whichever version of IKE has made it: what is agreed about one is that
//! version's, such as [`crate::v2::agreement`].
//!
//! ```text
//!  Installing --(acknowledged)--> Installed --(rekeyed)--> Replaced --(Delete)--> gone
//!       |                              |                                            ^
//!       +--(failed)--> Closing <-------+--(Delete sent)------> Closing ------------+
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::TrafficSelector;

use crate::carriage::Carriage;
use crate::codec::{choice, record};
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, DirectionKeys, Event, InstallChild, Output, Progress};
use crate::sa::{Context, Effect, Path, Role};
use crate::suite::EspSuite;
use crate::time::Instant;

/// How far a Child SA has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChildState {
    /// Being deleted.
    Closing,
    /// Carrying traffic.
    Installed,
    /// The caller was asked to install it.
    Installing,
    /// Another one has taken its place; a Delete is due.
    Replaced,
}

/// What the peer is known to have of a Child SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It asked for it, and may not have seen our answer yet.
    Unproven,
    /// It has installed it: a packet that is sent now arrives.
    Proven,
    /// And the user was told that it is up.
    Announced,
}

/// A Child SA.
#[derive(Debug)]
pub(crate) struct ChildSa {
    pub(crate) key: ChildKey,
    pub(crate) state: ChildState,
    pub(crate) standing: Standing,
    /// From when on the answer to a request of ours proves that the peer has it.
    pub(crate) proof_at: Instant,
    /// Which of the wanted ones it was made for, though the peer may have agreed to less.
    pub(crate) index: Option<usize>,
    pub(crate) inbound: DirectionKeys,
    pub(crate) outbound: DirectionKeys,
    pub(crate) suite: EspSuite,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
    pub(crate) outbound_active: bool,
    pub(crate) replaces: Option<ChildKey>,
    /// It goes once this one, for the same traffic, is known to be there at both ends.
    pub(crate) yields_to: Option<ChildKey>,
    /// Not all of its traffic is wanted any more.
    pub(crate) outgrown: bool,
    /// Our side of the exchange that made it, and that exchange's nonces.
    pub(crate) role: Role,
    pub(crate) nonces: ExchangeNonces,
    pub(crate) since: Instant,
    /// When to rekey it.
    pub(crate) rekey_at: Instant,
    /// From when on another one is wanted, if it was not rekeyed by then.
    pub(crate) renew_at: Instant,
    /// When to look whether it was; never again, once that was done.
    pub(crate) renewal_due: Instant,
    /// When it must be gone.
    pub(crate) expires_at: Instant,
}

impl ChildSa {
    /// Whether the peer is still to be asked whether it has it.
    pub(crate) fn awaits_proof(&self) -> bool {
        self.is_live() && self.standing == Standing::Unproven && self.replaces.is_none()
    }

    /// Whether it carries traffic in both directions.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == ChildState::Installed && self.standing != Standing::Unproven
    }

    /// Has the caller install it, with sequence numbers that go on there.
    pub(crate) fn ask_to_install(
        &self,
        ctx: &mut Context<'_>,
        owner: &Owner<'_>,
        progress: Progress,
    ) {
        let iv_epoch = ctx.limits.iv_epoch;
        ctx.push(Output::InstallChild(Box::new(InstallChild {
            child: self.key,
            connection: owner.connection,
            encryption: self.suite.encryption,
            integrity: self.suite.integrity,
            mode: self.suite.mode,
            extended_sequence_numbers: self.suite.extended_sequence_numbers,
            inbound: self.inbound.clone(),
            outbound: self.outbound.clone(),
            local_selectors: self.local.clone(),
            remote_selectors: self.remote.clone(),
            local: owner.path.local_address().ip(),
            remote: owner.path.remote,
            carriage: owner.carriage,
            ecn: owner.ecn,
            behind_nat: owner.behind_nat,
            outbound_active: self.outbound_active,
            iv_epoch,
            progress,
        })));
    }

    /// Gives it a shorter lifetime, from its making on.
    pub(crate) fn shorten(&mut self, ctx: &mut Context<'_>, lifetime: Duration) {
        self.rekey_at = self.since + rekey_after(ctx, lifetime, self.role);
        self.renew_at = self.since + renew_after(lifetime);
        self.renewal_due = self.renew_at;
        self.expires_at = self.since + lifetime;
    }

    /// Whether it carries traffic, or is about to.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.state, ChildState::Installed | ChildState::Installing)
    }

    /// Whether it carries the same traffic as `other`.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.key != other.key && self.local == other.local && self.remote == other.remote
    }
}

choice!(ChildState { 0 => Closing, 1 => Installed, 2 => Installing, 3 => Replaced });
choice!(Standing { 0 => Unproven, 1 => Proven, 2 => Announced });
record!(ChildSa {
    key,
    state,
    standing,
    proof_at,
    index,
    inbound,
    outbound,
    suite,
    local,
    remote,
    outbound_active,
    replaces,
    yields_to,
    outgrown,
    role,
    nonces,
    since,
    rekey_at,
    renew_at,
    renewal_due,
    expires_at,
});

/// Who a Child SA belongs to, and where its packets go.
pub(crate) struct Owner<'a> {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: &'a ConnectionConfig,
    pub(crate) path: Path,
    pub(crate) carriage: Carriage,
    pub(crate) behind_nat: bool,
    pub(crate) ecn: bool,
}

/// A Child SA that was agreed on, whose keys are there.
pub(crate) struct Birth {
    pub(crate) suite: EspSuite,
    pub(crate) inbound: DirectionKeys,
    pub(crate) outbound: DirectionKeys,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
    /// Our side of the exchange that makes it.
    pub(crate) role: Role,
    pub(crate) nonces: ExchangeNonces,
    pub(crate) replaces: Option<ChildKey>,
    /// Which of the wanted ones it is for, where that is known.
    pub(crate) index: Option<usize>,
    /// It lost a collision before it was there: it only receives, until it is deleted.
    pub(crate) redundant: bool,
}

/// Asks the caller to install it.
pub(crate) fn install(ctx: &mut Context<'_>, owner: &Owner<'_>, birth: Birth) -> ChildSa {
    let key = ChildKey(ctx.numbers.next_key());
    // RFC 7296 section 2.8: who answers goes on sending on the old SA, if there is one, until the
    // peer is known to have the new one.
    let outbound_active = birth.role == Role::Initiator && !birth.redundant;
    let standing = match birth.role {
        Role::Initiator => Standing::Proven,
        Role::Responder => Standing::Unproven,
    };
    let lifetime = owner.config.child_lifetime;
    let child = ChildSa {
        key,
        state: ChildState::Installing,
        standing,
        proof_at: ctx.now + OVERTAKEN,
        index: birth.index,
        inbound: birth.inbound,
        outbound: birth.outbound,
        suite: birth.suite,
        local: birth.local,
        remote: birth.remote,
        outbound_active,
        replaces: birth.replaces,
        yields_to: None,
        outgrown: false,
        role: birth.role,
        nonces: birth.nonces,
        since: ctx.now,
        rekey_at: ctx.now + rekey_after(ctx, lifetime, birth.role),
        renew_at: ctx.now + renew_after(lifetime),
        renewal_due: ctx.now + renew_after(lifetime),
        expires_at: ctx.now + lifetime,
    };
    child.ask_to_install(ctx, owner, Progress::default());
    child
}

/// What is left of a lifetime at least when a rekey begins, so that a request that is lost can be
/// repeated. Where that can't be, as in tests, percentages alone count.
const MARGIN: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(5)];

/// When a Child SA without the forward secrecy that is configured is rekeyed. The initiator is first.
pub(crate) fn probe_after(ctx: &mut Context<'_>, role: Role) -> Duration {
    let seconds = match role {
        Role::Initiator => 2,
        Role::Responder => 8,
    };
    Duration::from_secs(seconds) + ctx.jitter(Duration::from_secs(3))
}

/// How long an answer of ours may be on its way while a request of ours overtakes it. If it was lost
/// the peer has repeated its request by then.
pub(crate) const OVERTAKEN: Duration = Duration::from_secs(1);

/// When something with this lifetime that was not rekeyed is made anew, beside the old one.
pub(crate) fn renew_after(lifetime: Duration) -> Duration {
    lifetime - (lifetime / 20).min(Duration::from_secs(10))
}

/// When to rekey something with this lifetime: at 80 to 87 %, and later still where the peer is
/// expected to do it, so that both rarely start at once.
pub(crate) fn rekey_after(ctx: &mut Context<'_>, lifetime: Duration, role: Role) -> Duration {
    let [of_initiator, of_responder] = MARGIN;
    let (percents, margin) = match role {
        Role::Initiator => (80, of_initiator),
        Role::Responder => (88, of_responder),
    };
    let base = lifetime / 100 * percents;
    let room = lifetime.saturating_sub(base + margin);
    base + ctx.jitter((lifetime / 100 * 7).min(room))
}

/// Takes a Child SA out of use. One that `lingers` stays ready for packets that are still on
/// their way (RFC 7296 section 2.8).
pub(crate) fn dispose(
    ctx: &mut Context<'_>,
    connection: ConnectionKey,
    child: &ChildSa,
    lingers: bool,
) {
    if lingers {
        ctx.push(Output::RetireChild(child.key));
        ctx.effects.push(Effect::RemoveLater(child.key));
    } else {
        ctx.push(Output::RemoveChild(child.key));
    }
    if child.standing == Standing::Announced {
        ctx.push(Output::Event(Event::ChildDown {
            connection,
            child: child.key,
        }));
    }
}
