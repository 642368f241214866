//! What the two ends don't agree on, and how either of them can give in.

use adit_ike::offers::Kind;
use adit_ike::{Identity, Judge, Offers};
use adit_ike_wire::IdType;
use adit_model::{Compared, ReasonCode, Whose};
use time::OffsetDateTime;

use crate::finding::Finding;

/// Who refused whose offer, and what it was.
pub(super) struct Proposals<'a> {
    pub(super) by: Judge,
    pub(super) ours: &'a Offers,
    pub(super) theirs: Option<&'a Offers>,
}

/// The phase in which they are refused.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Ike,
    Ipsec,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Ike => "IKE (phase 1)",
            Self::Ipsec => "IPsec (phase 2)",
        }
    }

    const fn policy(self) -> &'static str {
        match self {
            Self::Ike => "IKE policy",
            Self::Ipsec => "IPsec policy",
        }
    }

    const fn code(self) -> ReasonCode {
        match self {
            Self::Ike => ReasonCode::IkePolicyMismatch,
            Self::Ipsec => ReasonCode::IpsecPolicyMismatch,
        }
    }
}

pub(super) fn authentication(now: OffsetDateTime, by: Judge, peer: &str) -> Finding {
    let evidence = match by {
        Judge::Peer => {
            format!("{peer} said AUTHENTICATION_FAILED: it refuses our identity or our key")
        }
        Judge::Us => format!("AUTH from {peer} does not verify with this connection's key"),
    };
    Finding::new(
        now,
        ReasonCode::CannotAuthenticateConnection,
        Whose::Peer,
        evidence,
        "Set the same pre-shared key on both sides; if it is the same, check the IKE identities.",
    )
    .either(
        "Set this connection's pre-shared key to the peer's; if they are the same, its identities to what the peer expects.",
        "Set the peer's pre-shared key to this connection's; if they are the same, its identities to what this connection expects.",
    )
}

/// What an identity is, for people.
fn kind(identity: &Identity) -> String {
    match identity.kind {
        IdType::DER_ASN1_DN => "a distinguished name".to_owned(),
        IdType::FQDN => "a name".to_owned(),
        IdType::IPV4_ADDR | IdType::IPV6_ADDR => "an address".to_owned(),
        IdType::KEY_ID => "a key ID".to_owned(),
        IdType::RFC822_ADDR => "a mail address".to_owned(),
        IdType(other) => format!("an identity of type {other}"),
    }
}

/// An identity for people, with its type where that is what differs.
fn told(identity: &Identity, beside: &Identity) -> String {
    if identity.kind == beside.kind {
        identity.to_string()
    } else {
        format!("{identity} ({})", kind(identity))
    }
}

/// An identity as the fields for one take it (`adit_model::connection::Identity::parse`).
fn spelled(identity: &Identity) -> String {
    let text = identity.to_string();
    let plain = text.as_bytes() == identity.data;
    match identity.kind {
        IdType::IPV4_ADDR | IdType::IPV6_ADDR => text,
        IdType::FQDN if plain => format!("@{text}"),
        IdType::RFC822_ADDR if plain => format!("@@{text}"),
        IdType::KEY_ID if plain => format!("keyid:{text}"),
        IdType::KEY_ID => {
            let digits = identity.data.iter().map(|octet| format!("{octet:02x}"));
            format!("@#{}", digits.collect::<String>())
        }
        _ => format!("{text} ({})", kind(identity)),
    }
}

pub(super) fn identity(now: OffsetDateTime, expected: &Identity, received: &Identity) -> Finding {
    let (expects, received_text) = (told(expected, received), told(received, expected));
    Finding::new(
        now,
        ReasonCode::CannotAuthenticateConnection,
        Whose::Peer,
        format!("the peer calls itself {received_text}; the connection expects {expects}"),
        &format!(
            "Set the peer's own IKE identity to {expects}, or the peer identity of this connection to {}.",
            spelled(received)
        ),
    )
    .either(
        format!("Set the peer identity of this connection to {}.", spelled(received)),
        format!("Set the peer's own IKE identity to {}.", spelled(expected)),
    )
    .seen(true)
}

/// The peer asks for somebody else at this address.
pub(super) fn asked_for(
    now: OffsetDateTime,
    peer: &str,
    ours: &Identity,
    asked: &Identity,
) -> Finding {
    let (own, other) = (spelled(ours), spelled(asked));
    Finding::new(
        now,
        ReasonCode::CannotAuthenticateConnection,
        Whose::Peer,
        format!(
            "{peer} asks for {}; this end calls itself {}",
            told(asked, ours),
            told(ours, asked)
        ),
        &format!(
            "Set the remote identity at the peer to {own}, or the local identity of this connection to {other}."
        ),
    )
    .either(
        format!("Set the local identity of this connection to {other}."),
        format!("Set the remote identity at the peer to {own}."),
    )
    .seen(true)
}

pub(super) fn mode(now: OffsetDateTime, peer: &str, by: Judge) -> Finding {
    let evidence = match by {
        Judge::Peer => format!(
            "this end asked for transport mode (RFC 7296 section 1.3.1), and {peer} agreed to tunnel mode alone"
        ),
        Judge::Us => format!(
            "{peer} asks for tunnel mode, and this connection's IPsec policy is for transport mode"
        ),
    };
    let next_step = "Set the peer to transport mode for this connection, or choose an IPsec policy of tunnel mode here.";
    Finding::new(
        now,
        ReasonCode::IpsecPolicyMismatch,
        Whose::Peer,
        evidence,
        next_step,
    )
    .either(
        "Choose an IPsec policy of tunnel mode.",
        "Set the peer to transport mode for this connection.",
    )
}

/// Nothing that both ends allow.
pub(super) fn proposal(now: OffsetDateTime, phase: Phase, what: &Proposals<'_>) -> Finding {
    let (name, Proposals { by, ours, theirs }) = (phase.name(), what);
    let differing = theirs.and_then(|theirs| ours.differing(theirs));
    let evidence = match (by, theirs) {
        (_, Some(theirs)) => {
            let differing = differing.map_or_else(String::new, |kind| {
                format!(" The {} has no common value.", kind.name())
            });
            format!("{name}: we accept [{ours}]; the peer offered [{theirs}].{differing}")
        }
        (Judge::Peer | Judge::Us, None) => {
            format!("{name}: the peer answered NO_PROPOSAL_CHOSEN to our offer [{ours}]")
        }
    };
    let next_step = match differing {
        Some(kind) => format!("Set the same {} on both sides.", kind.name()),
        None => "Set the same algorithms and groups on both sides.".to_owned(),
    };
    let policy = phase.policy();
    let (here, there) = match (theirs, differing) {
        (Some(theirs), Some(_)) => {
            // A policy has one word for integrity and its function.
            let both = ours.differ_in(theirs, Kind::Integrity);
            let goes_along = |kind: Kind| both && kind == Kind::PseudorandomFunction;
            let kinds = || {
                ours.kinds(theirs)
                    .filter(|kind| ours.differ_in(theirs, *kind) && !goes_along(*kind))
            };
            let all = |of: &Offers| {
                let each = kinds().map(|kind| format!("{} {}", kind.name(), choice(of, kind)));
                each.collect::<Vec<_>>().join(", ")
            };
            (
                format!("Choose an {policy} with {}.", all(theirs)),
                format!("Set the peer's {name} to {}.", all(ours)),
            )
        }
        (Some(theirs), None) => (
            format!("Choose an {policy} that has one of [{theirs}] whole."),
            format!("Set the peer's {name} to one of [{ours}] whole."),
        ),
        (None, _) => (
            format!("Choose an {policy} with the algorithms that the peer is set to."),
            format!("Set the peer's {name} to [{ours}]."),
        ),
    };
    let mut finding = Finding::new(now, phase.code(), Whose::Peer, evidence, &next_step)
        .either(here, there)
        .seen(theirs.is_some());
    finding.reason.algorithms = theirs.map_or_else(Vec::new, |theirs| compared(ours, theirs));
    finding
}

/// What to change here, or there, where a Child SA was agreed on and its replacement was not: the first has no key
/// exchange of its own, so that forward secrecy is what can differ (RFC 7296 section 1.2).
pub(super) fn forward_secrecy(ours: &Offers) -> Option<(String, String)> {
    let groups = ours.names(Kind::Group).join(" or ");
    (!groups.is_empty()).then(|| {
        (
            "Choose an IPsec policy without forward secrecy, or with the peer's group.".to_owned(),
            format!("Set the peer's forward secrecy (PFS) to {groups}."),
        )
    })
}

/// One of these, as a setting for it says it.
fn choice(of: &Offers, kind: Kind) -> String {
    let names = of.names(kind);
    match (kind, names.is_empty()) {
        (Kind::Protocol, true) => "esp".to_owned(),
        (Kind::Group, true) => "none".to_owned(),
        (Kind::Mode, true) => "tunnel".to_owned(),
        _ => names.join(" or "),
    }
}

/// Both ends' algorithms, a line for each kind.
fn compared(ours: &Offers, theirs: &Offers) -> Vec<Compared> {
    let names = |of: &Offers, kind| {
        let names = of.names(kind).into_iter();
        let told = names.map(|name| match (kind, name) {
            (Kind::SequenceNumbers, "esn") => "yes",
            (Kind::SequenceNumbers, _) => "no",
            (_, name) => name,
        });
        told.map(str::to_owned).collect()
    };
    let lines = ours.kinds(theirs).map(|kind| Compared {
        kind: kind.name().to_owned(),
        ours: names(ours, kind),
        theirs: names(theirs, kind),
        differs: ours.differ_in(theirs, kind),
    });
    lines.collect()
}

/// Blocks that don't mirror each other.
pub(super) fn selectors(now: OffsetDateTime, ours: &str, theirs: Option<&str>) -> Finding {
    let evidence = match theirs {
        Some(theirs) => {
            format!(
                "we have [{ours}]; the peer asked for [{theirs}] (local === remote, as seen here)"
            )
        }
        None => format!("the peer answered TS_UNACCEPTABLE to [{ours}] (local === remote)"),
    };
    Finding::new(
        now,
        ReasonCode::IkeV2LocalRemoteCidrMismatch,
        Whose::Peer,
        evidence,
        "Make each side's local CIDRs the other side's peer CIDRs.",
    )
    .either(blocks_here(theirs), blocks_there(ours))
    .seen(theirs.is_some())
}

/// What to set here, to what the peer has asked for.
pub(super) fn blocks_here(theirs: Option<&str>) -> String {
    match theirs.and_then(|theirs| theirs.split_once(" === ")) {
        Some((local, remote)) => {
            format!("Set this connection's local CIDRs to {local} and its peer CIDRs to {remote}.")
        }
        None => "Set this connection's local CIDRs to the peer's remote ones, and its peer CIDRs to the peer's local ones.".to_owned(),
    }
}

/// What to set at the peer, to what this connection has.
pub(super) fn blocks_there(ours: &str) -> String {
    match ours.split_once(" === ") {
        Some((local, remote)) => {
            format!("Set the peer's local blocks to {remote} and its remote ones to {local}.")
        }
        None => "Set the peer's local blocks to this connection's peer CIDRs, and its remote ones to the local CIDRs.".to_owned(),
    }
}

/// What to have the peer carry besides.
pub(super) fn pair_there(pair: &str) -> String {
    match pair.split_once(" === ") {
        Some((local, remote)) => {
            format!(
                "Have the peer carry this pair too: its local block {remote}, its remote one {local}."
            )
        }
        None => format!("Have the peer carry {pair} too."),
    }
}

#[cfg(test)]
mod tests {
    use adit_model::connection;

    use adit_ike::Failure;

    use super::*;

    fn of(kind: IdType, data: &[u8]) -> Identity {
        Identity {
            kind,
            data: data.to_vec(),
        }
    }

    #[test]
    fn identities_that_read_the_same_are_told_apart_by_their_type() {
        let (expected, received) = (of(IdType::FQDN, b"west"), of(IdType::KEY_ID, b"west"));
        let failure = Failure::Identity { expected, received };
        let now = OffsetDateTime::UNIX_EPOCH;
        let reason = Finding::of_failure(now, &failure, "192.0.2.1").reason;
        assert_eq!(
            reason.evidence,
            "the peer calls itself west (a key ID); the connection expects west (a name)"
        );
        assert!(
            reason.next_step.ends_with("to keyid:west."),
            "{}",
            reason.next_step
        );
    }

    #[test]
    fn a_name_that_the_peer_asks_for_is_told_beside_our_own_and_both_ways_out() {
        let failure = Failure::NameAskedFor {
            ours: of(IdType::FQDN, b"east"),
            asked: of(IdType::FQDN, b"elsewhere"),
        };
        let now = OffsetDateTime::UNIX_EPOCH;
        let reason = Finding::of_failure(now, &failure, "192.0.2.1").reason;
        assert_eq!(
            reason.evidence,
            "192.0.2.1 asks for elsewhere; this end calls itself east"
        );
        assert_eq!(
            reason.next_step,
            "Set the remote identity at the peer to @east, or the local identity of this connection to @elsewhere."
        );
    }

    #[test]
    fn what_is_proposed_as_an_identity_is_read_as_it_was_meant() {
        for identity in [
            of(IdType::FQDN, b"a@b"),
            of(IdType::RFC822_ADDR, b"a@b"),
            of(IdType::KEY_ID, b"branch office"),
            of(IdType::KEY_ID, &[0, 255]),
            Identity::of_address([192, 0, 2, 9].into()),
        ] {
            let read = connection::Identity::parse(&spelled(&identity));
            assert_eq!(crate::conversion::identity(&read), identity);
        }
    }
}
