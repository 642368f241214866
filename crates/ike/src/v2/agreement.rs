//! What is agreed about a Child SA: proposals and traffic selectors (RFC 7296 sections 2.7 and 2.9).

use alloc::string::String;
use alloc::vec::Vec;

use adit_ike_wire::TrafficSelector;
use adit_ike_wire::v2::{Notify, NotifyType, Payload, ProtocolId};

use crate::child::{self, ChildSa, Owner};
use crate::config::{ConnectionConfig, Mode};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::sa::{Context, Role};
use crate::selectors;
use crate::suite::EspSuite;
use crate::v2::contents::Contents;
use crate::v2::keys::{KeyError, Nonces, SaKeys};
use crate::v2::proposal::{Chosen, choose_esp, describe, describe_esp, offer_esp};

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
            }),
        });
    };
    // RFC 7296 section 1.3.1: who is asked for transport mode may answer with tunnel mode, and not the other way round.
    let is_transport = config.mode == Mode::Transport;
    if is_transport && request.notify(NotifyType::USE_TRANSPORT_MODE).is_none() {
        return Err(Disagreement {
            notify: NotifyType::NO_PROPOSAL_CHOSEN,
            failure: Some(Failure::Mode { by: Judge::Us }),
        });
    }
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
        suite: EspSuite {
            mode: config.mode,
            ..chosen.suite
        },
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
    let mode = match response.notify(NotifyType::USE_TRANSPORT_MODE) {
        Some(_) => Mode::Transport,
        None => Mode::Tunnel,
    };
    if mode == Mode::Transport && config.mode != mode {
        return Err(refused(
            "an answer in transport mode, which was not asked for",
        ));
    }
    Ok(Agreement {
        suite: EspSuite {
            mode,
            ..chosen.suite
        },
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
    let proposal = adit_ike_wire::v2::Proposal {
        number: agreement.proposal_number,
        protocol: ProtocolId(agreement.suite.protocol().number()),
        spi,
        transforms: agreement.suite.transforms(),
    };
    let mut payloads = alloc::vec![
        Payload::SecurityAssociation(alloc::vec![proposal]),
        Payload::TsInitiator(agreement.remote.clone()),
        Payload::TsResponder(agreement.local.clone()),
    ];
    payloads.extend(mode_payload(agreement.suite.mode));
    payloads
}

/// What asks for a mode, and agrees to it (RFC 7296 section 1.3.1).
pub(crate) fn mode_payload(mode: Mode) -> Option<Payload<'static>> {
    let notify = Notify::new(NotifyType::USE_TRANSPORT_MODE, &[]);
    (mode == Mode::Transport).then_some(Payload::Notify(notify))
}

/// The payload that announces an error.
pub(crate) const fn error_payload(kind: NotifyType) -> Payload<'static> {
    Payload::Notify(Notify::new(kind, &[]))
}

/// How a Child SA comes to be.
pub(crate) struct Birth<'a> {
    pub(crate) agreement: Agreement,
    pub(crate) shared: Option<&'a adit_crypto::Secret>,
    /// What was exchanged beside it.
    pub(crate) additional: Option<&'a adit_crypto::Secret>,
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
        (birth.shared, birth.additional),
        &birth.nonces,
        birth.role,
        (inbound_spi, outbound_spi),
    )?;
    let nonces = ExchangeNonces {
        initiator: birth.nonces.initiator.to_vec(),
        responder: birth.nonces.responder.to_vec(),
    };
    let birth = child::Birth {
        suite,
        inbound,
        outbound,
        local,
        remote,
        role: birth.role,
        nonces,
        replaces: birth.replaces,
        index: birth.index,
        redundant: birth.redundant,
    };
    Ok(child::install(ctx, owner, birth))
}
