//! Child SAs: what is agreed about one, and its life.
//!
//! ```text
//!  Installing --(acknowledged)--> Installed --(rekeyed)--> Replaced --(Delete)--> gone
//!       |                              |                                            ^
//!       +--(failed)--> Closing <-------+--(Delete sent)------> Closing ------------+
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::{Notify, NotifyType, Payload, ProtocolId, TrafficSelector};

use crate::collision::ExchangeNonces;
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::contents::Contents;
use crate::failure::{Failure, Judge};
use crate::keys::{KeyError, Nonces, Role, SaKeys};
use crate::output::{ChildKey, Event, InstallChild, Output};
use crate::proposal::{
    Chosen, EspSuite, choose_esp, describe, describe_esp, differing_transform, offer_esp,
};
use crate::sa::{Context, Effect, Path};
use crate::selectors;
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
    pub(crate) inbound_spi: u32,
    pub(crate) outbound_spi: u32,
    pub(crate) suite: EspSuite,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
    pub(crate) outbound_active: bool,
    pub(crate) replaces: Option<ChildKey>,
    /// It goes once this one, for the same traffic, is known to be there at both ends.
    pub(crate) yields_to: Option<ChildKey>,
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

    /// Whether it carries traffic, or is about to.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.state, ChildState::Installed | ChildState::Installing)
    }

    /// Whether it carries the same traffic as `other`.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.key != other.key && self.local == other.local && self.remote == other.remote
    }
}

/// What both sides agreed on for a Child SA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Agreement {
    pub(crate) suite: EspSuite,
    pub(crate) proposal_number: u8,
    pub(crate) inbound_spi: u32,
    pub(crate) outbound_spi: u32,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
}

/// Why there is no agreement: what to tell the peer, and what to tell the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Disagreement {
    pub(crate) notify: NotifyType,
    pub(crate) failure: Option<Failure>,
}

impl Disagreement {
    const SYNTAX: Self = Self {
        notify: NotifyType::INVALID_SYNTAX,
        failure: None,
    };
}

/// Answers the peer's wish for a Child SA (RFC 7296 sections 2.7 and 2.9).
pub(crate) fn agree(
    ctx: &mut Context<'_>,
    config: &ConnectionConfig,
    request: &Contents<'_>,
    with_groups: bool,
) -> Result<Agreement, Disagreement> {
    let (Some(proposals), Some(remote), Some(local)) = (
        request.proposals,
        request.ts_initiator,
        request.ts_responder,
    ) else {
        return Err(Disagreement::SYNTAX);
    };
    let prefer = request.key_exchange.map(|(group, _)| group);
    let chosen = choose_esp(proposals, &config.esp, prefer, with_groups).and_then(with_spi);
    let Some((chosen, outbound_spi)) = chosen else {
        let ours = offer_esp(&config.esp, &[], with_groups);
        return Err(Disagreement {
            notify: NotifyType::NO_PROPOSAL_CHOSEN,
            failure: Some(Failure::EspProposal {
                by: Judge::Us,
                ours: describe(&ours),
                theirs: Some(describe(proposals)),
                transform: differing_transform(&ours, proposals),
            }),
        });
    };
    let Some((local, remote)) = selectors::narrow(local, remote, &config.children) else {
        return Err(Disagreement {
            notify: NotifyType::TS_UNACCEPTABLE,
            failure: Some(Failure::Selectors {
                by: Judge::Us,
                ours: wanted(config),
                theirs: Some(selectors::describe(local, remote)),
            }),
        });
    };
    Ok(Agreement {
        suite: chosen.suite,
        proposal_number: chosen.number,
        inbound_spi: ctx.esp_spi(),
        outbound_spi,
        local,
        remote,
    })
}

/// A choice with the peer's SPI, which must not be a reserved one.
fn with_spi(chosen: Chosen<EspSuite>) -> Option<(Chosen<EspSuite>, u32)> {
    let spi = u32::from_be_bytes(chosen.spi.as_slice().try_into().ok()?);
    (spi > 255).then_some((chosen, spi))
}

/// All selectors of a configuration, for people.
pub(crate) fn wanted(config: &ConnectionConfig) -> String {
    let mut local = Vec::new();
    let mut remote = Vec::new();
    for child in &config.children {
        for (ranges, list) in [(&child.local, &mut local), (&child.remote, &mut remote)] {
            for selector in selectors::of_ranges(ranges) {
                if !list.contains(&selector) {
                    list.push(selector);
                }
            }
        }
    }
    selectors::describe(&local, &remote)
}

/// What we asked for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) inbound_spi: u32,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
}

/// Checks the peer's answer to our wish.
pub(crate) fn accept(
    config: &ConnectionConfig,
    wish: &Wish,
    response: &Contents<'_>,
    with_groups: bool,
) -> Result<Agreement, Failure> {
    let refused = |notification: &str| Failure::Refused {
        notification: notification.into(),
    };
    let (Some(proposals), Some(local), Some(remote)) = (
        response.proposals,
        response.ts_initiator,
        response.ts_responder,
    ) else {
        return Err(refused_as(config, wish, response, with_groups)
            .unwrap_or_else(|| refused("an answer without SA or traffic selectors")));
    };
    let chosen = choose_esp(proposals, &config.esp, None, with_groups).and_then(with_spi);
    let Some((chosen, outbound_spi)) = chosen else {
        return Err(refused("an answer with algorithms that were not offered"));
    };
    if !selectors::within(local, &wish.local) || !selectors::within(remote, &wish.remote) {
        return Err(refused("an answer with selectors that were not asked for"));
    }
    Ok(Agreement {
        suite: chosen.suite,
        proposal_number: chosen.number,
        inbound_spi: wish.inbound_spi,
        outbound_spi,
        local: local.to_vec(),
        remote: remote.to_vec(),
    })
}

/// What an error notification in an answer means for a Child SA.
pub(crate) fn refused_as(
    config: &ConnectionConfig,
    wish: &Wish,
    response: &Contents<'_>,
    with_groups: bool,
) -> Option<Failure> {
    let notify = response.error()?;
    Some(match notify.kind {
        NotifyType::NO_PROPOSAL_CHOSEN => Failure::EspProposal {
            by: Judge::Peer,
            ours: describe_esp(&config.esp, with_groups),
            theirs: None,
            transform: None,
        },
        NotifyType::TS_UNACCEPTABLE | NotifyType::SINGLE_PAIR_REQUIRED => Failure::Selectors {
            by: Judge::Peer,
            ours: selectors::describe(&wish.local, &wish.remote),
            theirs: None,
        },
        kind => Failure::Refused {
            notification: notification_name(kind),
        },
    })
}

/// A notification's name, or its number.
pub(crate) fn notification_name(kind: NotifyType) -> String {
    kind.name()
        .map_or_else(|| alloc::format!("notification {}", kind.0), String::from)
}

/// The payloads that answer a wish: SA, TSi, TSr. `spi` must hold the inbound SPI's octets.
pub(crate) fn answer_payloads<'a>(agreement: &Agreement, spi: &'a [u8; 4]) -> Vec<Payload<'a>> {
    let proposal = adit_ike_wire::Proposal {
        number: agreement.proposal_number,
        protocol: ProtocolId::ESP,
        spi,
        transforms: agreement.suite.transforms(),
    };
    alloc::vec![
        Payload::SecurityAssociation(alloc::vec![proposal]),
        Payload::TsInitiator(agreement.remote.clone()),
        Payload::TsResponder(agreement.local.clone()),
    ]
}

/// The payload that announces an error.
pub(crate) const fn error_payload(kind: NotifyType) -> Payload<'static> {
    Payload::Notify(Notify::new(kind, &[]))
}

/// Who a Child SA belongs to, and where its packets go.
pub(crate) struct Owner<'a> {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: &'a ConnectionConfig,
    pub(crate) path: Path,
}

/// How a Child SA comes to be.
pub(crate) struct Birth<'a> {
    pub(crate) agreement: Agreement,
    pub(crate) shared: Option<&'a adit_crypto::Secret>,
    pub(crate) nonces: Nonces<'a>,
    /// Our side of the exchange that makes it.
    pub(crate) role: Role,
    pub(crate) replaces: Option<ChildKey>,
    /// Which of the wanted ones it is for, where that is known.
    pub(crate) index: Option<usize>,
    /// It lost a collision before it was there: it only receives, until it is deleted.
    pub(crate) redundant: bool,
}

/// Derives keys for what was agreed and asks the caller to install it.
pub(crate) fn install(
    ctx: &mut Context<'_>,
    keys: &SaKeys,
    owner: &Owner<'_>,
    birth: Birth<'_>,
) -> Result<ChildSa, KeyError> {
    let Agreement {
        suite,
        inbound_spi,
        outbound_spi,
        local,
        remote,
        ..
    } = birth.agreement;
    let (inbound, outbound) = keys.child(
        &suite,
        birth.shared,
        &birth.nonces,
        birth.role,
        (inbound_spi, outbound_spi),
    )?;
    let key = ChildKey(ctx.numbers.next_key());
    // RFC 7296 section 2.8: who answers goes on sending on the old SA, if there is one, until the
    // peer is known to have the new one.
    let outbound_active = birth.role == Role::Initiator && !birth.redundant;
    let standing = match birth.role {
        Role::Initiator => Standing::Proven,
        Role::Responder => Standing::Unproven,
    };
    ctx.push(Output::InstallChild(InstallChild {
        child: key,
        connection: owner.connection,
        encryption: suite.encryption,
        integrity: suite.integrity,
        extended_sequence_numbers: suite.extended_sequence_numbers,
        inbound,
        outbound,
        local_selectors: local.clone(),
        remote_selectors: remote.clone(),
        remote: owner.path.remote,
        outbound_active,
    }));
    let lifetime = owner.config.child_lifetime;
    Ok(ChildSa {
        key,
        state: ChildState::Installing,
        standing,
        proof_at: ctx.now + OVERTAKEN,
        index: birth.index,
        inbound_spi,
        outbound_spi,
        suite,
        local,
        remote,
        outbound_active,
        replaces: birth.replaces,
        yields_to: None,
        role: birth.role,
        nonces: ExchangeNonces {
            initiator: birth.nonces.initiator.to_vec(),
            responder: birth.nonces.responder.to_vec(),
        },
        since: ctx.now,
        rekey_at: ctx.now + rekey_after(ctx, lifetime, birth.role),
        renew_at: ctx.now + renew_after(lifetime),
        renewal_due: ctx.now + renew_after(lifetime),
        expires_at: ctx.now + lifetime,
    })
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
