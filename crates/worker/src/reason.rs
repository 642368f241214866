//! From what the engine found to what a person can act on.

mod distrust;

use adit_ike::{Failure, Identity, Judge};
use adit_ike_wire::IdType;
use adit_model::{Reason, ReasonCode, Whose};
use time::OffsetDateTime;

use crate::conversion::Unsupported;

/// What becomes of a tunnel whose peer was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AfterLoss {
    /// It is begun again.
    Begin,
    /// The peer has to begin.
    WaitForPeer,
    /// The next packet for it begins.
    WaitForTraffic,
}

/// A reason, and how much it knows: one that saw both sides' values is not replaced by one of the
/// same code that saw only ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) reason: Reason,
    pub(crate) saw_both: bool,
}

impl Finding {
    fn new(
        now: OffsetDateTime,
        code: ReasonCode,
        whose: Whose,
        evidence: String,
        next_step: &str,
    ) -> Self {
        let next_step = next_step.to_owned();
        Self {
            reason: Reason {
                code,
                whose,
                since: now,
                evidence,
                next_step,
            },
            saw_both: false,
        }
    }

    const fn seen(mut self, both: bool) -> Self {
        self.saw_both = both;
        self
    }

    pub(crate) fn of_failure(now: OffsetDateTime, failure: &Failure, peer: &str) -> Self {
        match failure {
            Failure::AggressiveMode => Self::new(
                now,
                ReasonCode::IkePolicyMismatch,
                Whose::Peer,
                format!("{peer} begins with IKEv1's aggressive mode, which shows a hash of the pre-shared key to anybody who asks"),
                "Set the peer to main mode.",
            ),
            Failure::AnswersLost { after } => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Network,
                format!(
                    "{peer} begins and repeats its first message for {} s now, though each was answered: messages from {peer} arrive here, and those of this gateway don't arrive there",
                    after.as_secs()
                ),
                "Have UDP 500 and 4500 pass from this gateway's address to the peer: look for a packet filter, or another way back, on the peer's side.",
            )
            .seen(true),
            Failure::Authentication { by } => authentication(now, *by, peer),
            Failure::Distrust(what) => distrust::finding(now, what, peer),
            Failure::ChildNotInstalled => Self::new(
                now,
                ReasonCode::InternalError,
                Whose::Local,
                "the data plane refused the negotiated Child SA".into(),
                "Look into the gateway's log; setting admin_state_up to false and true tries again.",
            ),
            Failure::EspProposal { by, ours, theirs, transform } => {
                let phase = ("IPsec (phase 2)", ReasonCode::IpsecPolicyMismatch);
                proposal(now, phase, *by, ours, theirs.as_deref(), *transform)
            }
            Failure::IkeProposal { by, ours, theirs, transform } => {
                let phase = ("IKE (phase 1)", ReasonCode::IkePolicyMismatch);
                proposal(now, phase, *by, ours, theirs.as_deref(), *transform)
            }
            Failure::Identity { expected, received } => identity(now, expected, received),
            Failure::Lost => Self::lost(now, peer, AfterLoss::Begin),
            Failure::NameAskedFor { ours, asked } => Self::new(
                now,
                ReasonCode::CannotAuthenticateConnection,
                Whose::Peer,
                format!("{peer} asks for {}; this end calls itself {}", told(asked, ours), told(ours, asked)),
                &format!(
                    "Set the remote identity at the peer to {}, or the local identity of this connection to {}.",
                    spelled(ours),
                    spelled(asked)
                ),
            )
            .seen(true),
            Failure::Mode { by } => mode(now, peer, *by),
            Failure::NatInBetween => encapsulation(now, peer, true),
            Failure::NoNatTraversal => encapsulation(now, peer, false),
            Failure::NoAnswer { sent } => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Network,
                format!("no answer from {peer} to the first message of IKE, sent {sent} times"),
                "Check the peer address, that the peer has a connection for this gateway's address, and that UDP 500 and 4500 pass.",
            ),
            Failure::Refused { notification } => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Peer,
                format!("the peer refused: {notification}"),
                "The peer's log says why it refuses.",
            ),
            Failure::Version { theirs } => Self::new(
                now,
                ReasonCode::IkePolicyMismatch,
                Whose::Peer,
                format!("{peer} speaks IKEv{theirs}, which this connection's IKE policy does not"),
                &format!("Choose an IKE policy of version v{theirs} here, or the other version at the peer."),
            ),
            Failure::Selectors { by, ours, theirs } => selectors(now, *by, ours, theirs.as_deref()),
        }
    }

    /// AH, and a NAT, or a peer that says there is one.
    pub(crate) fn nat_before_ah(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Unsupported,
            Whose::Network,
            format!(
                "there is a NAT between this gateway and {peer}, or {peer} says so; AH covers the addresses that a NAT changes, so that none of it would be accepted (RFC 3715 section 2.1)"
            ),
            "Choose an IPsec policy of ESP at both ends, or take the NAT away; turn off forced UDP encapsulation at the peer.",
        )
    }

    pub(crate) fn of_unsupported(now: OffsetDateTime, unsupported: &Unsupported) -> Self {
        let (code, next_step) = match unsupported {
            Unsupported::Algorithms(_) => (
                ReasonCode::IkePolicyMismatch,
                "Choose IKE version v2 at both ends, or policies of AES in CBC mode with SHA-1 or SHA-2.",
            ),
            Unsupported::AnyAddressByV1(_) => (
                ReasonCode::Unsupported,
                "Choose an IKE policy of version v2 at both ends, or give the peer's address.",
            ),
            Unsupported::Anybody(_) => (
                ReasonCode::Unsupported,
                "Give the peer's identity (peer_id), which is what it calls itself, or its address.",
            ),
            Unsupported::Certificates(_) => (
                ReasonCode::Unsupported,
                "Choose an IKE policy of version v2, and certificates and a key that belong together, with this end's identity in them; or a pre-shared key alone at both ends.",
            ),
            Unsupported::AhEsp => (
                ReasonCode::Unsupported,
                "Choose an IPsec policy of ESP, or of AH, at both ends.",
            ),
            Unsupported::AhInUdp => (
                ReasonCode::Unsupported,
                "Choose an IPsec policy of ESP at both ends: it protects contents as AH does, and encrypts them too. Or ask the operator for udp_encapsulation = \"auto\".",
            ),
            Unsupported::Transport { .. } => (
                ReasonCode::Unsupported,
                "Choose an IPsec policy of tunnel mode at both ends, or make the two addresses the connection's only blocks.",
            ),
            Unsupported::TooMany => (
                ReasonCode::Unsupported,
                "Make another gateway for this connection, or delete some of this one's.",
            ),
            Unsupported::Family(_) => (
                ReasonCode::Unsupported,
                "Name the peer by an address of an IP version that the gateway has one of.",
            ),
        };
        let evidence = unsupported.to_string();
        Self::new(now, code, Whose::Local, evidence, next_step)
    }

    /// Blocks whose packets are not carried although the tunnel is up.
    pub(crate) fn dead_pair(now: OffsetDateTime, pair: &str) -> Self {
        Self::new(
            now,
            ReasonCode::IkeV2LocalRemoteCidrMismatch,
            Whose::Peer,
            format!(
                "there is no Child SA for [{pair}] (local === remote), so nothing is carried between them"
            ),
            "Make each side's local CIDRs the other side's peer CIDRs.",
        )
    }

    /// A Child SA that is agreed upon and does not work.
    pub(crate) fn unreadable(
        since: OffsetDateTime,
        pair: &str,
        peer: &str,
        may_be_truncated: bool,
    ) -> Self {
        let (why, next_step) = if may_be_truncated {
            (
                "some truncate HMAC-SHA-256 to 96 bits, as a draft had it, where RFC 4868 has 128",
                "Have the peer truncate SHA-256 to 128 bits (strongSwan: sha256_96 = no; libreswan: sha2-truncbug=no), or choose SHA-1, SHA-512 or AES-GCM at both ends.",
            )
        } else {
            (
                "the two ends use the SA differently, or something on the way changes its packets",
                "Look for what changes packets on the way; choose AES-GCM, or another IPsec policy, at both ends.",
            )
        };
        let evidence = format!(
            "packets from {peer} on the Child SA for [{pair}] (local === remote) arrive, and none has passed its integrity check: {why}"
        );
        let code = ReasonCode::IpsecPolicyMismatch;
        Self::new(since, code, Whose::Peer, evidence, next_step)
    }

    /// Blocks of which the peer carries a part.
    pub(crate) fn narrowed(now: OffsetDateTime, pair: &str, agreed: &str) -> Self {
        Self::new(
            now,
            ReasonCode::IkeV2LocalRemoteCidrMismatch,
            Whose::Peer,
            format!("we asked for [{pair}] (local === remote); the peer agreed to [{agreed}]"),
            "Make each side's local CIDRs the other side's peer CIDRs; packets of the rest are dropped.",
        )
        .seen(true)
    }

    /// The same, of a part of the tunnel that goes on without it.
    pub(crate) fn of_part(now: OffsetDateTime, part: &str, failure: &Failure, peer: &str) -> Self {
        let mut finding = Self::of_failure(now, failure, peer);
        finding.reason.evidence = format!("{part}: {}", finding.reason.evidence);
        finding
    }

    pub(crate) fn closed_by_peer(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Peer,
            format!("{peer} closed the tunnel; negotiating again"),
            "If it stays so, look at the other end why it closes the tunnel.",
        )
    }

    pub(crate) fn waiting(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Peer,
            format!("waiting for {peer} to begin, since this connection only responds"),
            "Have the peer begin, or let this connection begin too.",
        )
    }

    /// A peer that is not there any more.
    pub(crate) fn lost(now: OffsetDateTime, peer: &str, then: AfterLoss) -> Self {
        let check = "Check that the peer runs and that UDP 500 and 4500 pass in both directions";
        let (follows, next_step) = match then {
            AfterLoss::Begin => ("it is being tried again", format!("{check}.")),
            AfterLoss::WaitForPeer => (
                "by dead peer detection's action, or since this end only responds, the peer has to begin again",
                format!("{check}; have it begin, or choose \"restart\"."),
            ),
            AfterLoss::WaitForTraffic => (
                "by dead peer detection's action, \"hold\", the next packet for it begins again",
                format!("{check}; send something, or choose \"restart\"."),
            ),
        };
        let evidence = format!("{peer} was connected and stopped answering; {follows}");
        let code = ReasonCode::PeerNotResponding;
        Self::new(now, code, Whose::Network, evidence, &next_step)
    }

    /// One of two tunnels whose peer is silent while packets are sent to it.
    pub(crate) fn silent(since: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            since,
            ReasonCode::PeerNotResponding,
            Whose::Network,
            format!(
                "{peer} sends nothing on this tunnel and does not answer when it is asked; what can goes by the other tunnel"
            ),
            "Check that the peer runs and that UDP 500 and 4500 pass in both directions.",
        )
    }

    /// The same of a peer that may be anywhere, so that nobody can begin with it.
    pub(crate) fn waiting_for_any(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Peer,
            format!(
                "waiting for {peer} to begin: this end can't, whatever the initiator is set to, without an address to begin with"
            ),
            "Have the peer begin, or give its address or the name of its host.",
        )
    }

    pub(crate) fn negotiating(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Network,
            format!("waiting for the first answer from {peer}"),
            "Wait some seconds.",
        )
    }
}

fn authentication(now: OffsetDateTime, by: Judge, peer: &str) -> Finding {
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

fn identity(now: OffsetDateTime, expected: &Identity, received: &Identity) -> Finding {
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
    .seen(true)
}

/// A peer or a path that can't have ESP carried as the operator wants it: for a NAT, or for want of NAT traversal.
fn mode(now: OffsetDateTime, peer: &str, by: Judge) -> Finding {
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
}

fn encapsulation(now: OffsetDateTime, peer: &str, is_nat: bool) -> Finding {
    let (whose, evidence, next_step) = if is_nat {
        (
            Whose::Network,
            format!(
                "there is a NAT between this gateway and {peer}, or {peer} says so to have ESP in UDP, which this gateway does not use (workers.udp_encapsulation is \"never\")"
            ),
            "Take the NAT away, or turn off forced UDP encapsulation at the peer; or ask the operator for udp_encapsulation = \"auto\".",
        )
    } else {
        (
            Whose::Peer,
            format!(
                "{peer} does not speak of NAT traversal (RFC 7296 section 2.23), so ESP can't be carried in UDP, as this gateway demands (workers.udp_encapsulation is \"always\")"
            ),
            "Enable NAT traversal (UDP encapsulation, port 4500) at the peer; or ask the operator for udp_encapsulation = \"auto\".",
        )
    };
    Finding::new(now, ReasonCode::Unsupported, whose, evidence, next_step)
}

fn proposal(
    now: OffsetDateTime,
    (phase, code): (&str, ReasonCode),
    by: Judge,
    ours: &str,
    theirs: Option<&str>,
    transform: Option<&str>,
) -> Finding {
    let evidence = match (by, theirs) {
        (_, Some(theirs)) => {
            let differing = transform.map_or_else(String::new, |transform| {
                format!(" The {transform} has no common value.")
            });
            format!("{phase}: we accept [{ours}]; the peer offered [{theirs}].{differing}")
        }
        (Judge::Peer, None) | (Judge::Us, None) => {
            format!("{phase}: the peer answered NO_PROPOSAL_CHOSEN to our offer [{ours}]")
        }
    };
    let next_step = match (transform, theirs) {
        (Some(transform), _) => format!("Set the same {transform} on both sides."),
        (None, _) => "Set the same algorithms and groups on both sides.".to_owned(),
    };
    Finding::new(now, code, Whose::Peer, evidence, &next_step).seen(theirs.is_some())
}

fn selectors(now: OffsetDateTime, by: Judge, ours: &str, theirs: Option<&str>) -> Finding {
    let evidence = match (by, theirs) {
        (_, Some(theirs)) => {
            format!(
                "we have [{ours}]; the peer asked for [{theirs}] (local === remote, as seen here)"
            )
        }
        (_, None) => format!("the peer answered TS_UNACCEPTABLE to [{ours}] (local === remote)"),
    };
    Finding::new(
        now,
        ReasonCode::IkeV2LocalRemoteCidrMismatch,
        Whose::Peer,
        evidence,
        "Make each side's local CIDRs the other side's peer CIDRs.",
    )
    .seen(theirs.is_some())
}

#[cfg(test)]
mod tests {
    use adit_model::connection;

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
