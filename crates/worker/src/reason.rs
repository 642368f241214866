//! From what the engine found to what a person can act on.

#[cfg(test)]
mod book;
mod disagreement;
mod distrust;

use adit_ike::Failure;
use adit_model::{ReasonCode, Whose};
use time::OffsetDateTime;

use crate::conversion::Unsupported;
use crate::finding::Finding;

use disagreement::{Phase, Proposals};

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

impl Finding {
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
            Failure::Authentication { by } => disagreement::authentication(now, *by, peer),
            Failure::Distrust(what) => distrust::finding(now, what, peer),
            Failure::ChildNotInstalled => Self::new(
                now,
                ReasonCode::InternalError,
                Whose::Local,
                "the data plane refused the negotiated Child SA".into(),
                "Look into the gateway's log; setting admin_state_up to false and true tries again.",
            ),
            Failure::EspProposal { by, ours, theirs } => {
                let what = Proposals { by: *by, ours, theirs: theirs.as_ref() };
                disagreement::proposal(now, Phase::Ipsec, &what)
            }
            Failure::IkeProposal { by, ours, theirs } => {
                let what = Proposals { by: *by, ours, theirs: theirs.as_ref() };
                disagreement::proposal(now, Phase::Ike, &what)
            }
            Failure::Identity { expected, received } => disagreement::identity(now, expected, received),
            Failure::Lost => Self::lost(now, peer, AfterLoss::Begin),
            Failure::NameAskedFor { ours, asked } => disagreement::asked_for(now, peer, ours, asked),
            Failure::Mode { by } => disagreement::mode(now, peer, *by),
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
            )
            .either(
                format!("Choose an IKE policy of version v{theirs}."),
                format!("Set the peer to IKEv{}.", if *theirs == 1 { 2 } else { 1 }),
            ),
            Failure::Selectors { ours, theirs, .. } => disagreement::selectors(now, ours, theirs.as_deref()),
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
        .either(
            "Take this pair out of the connection, or have its CIDRs be as the peer's are.",
            disagreement::pair_there(pair),
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
        .either(disagreement::blocks_here(Some(agreed)), disagreement::blocks_there(pair))
        .seen(true)
    }

    /// The same, of a part of the tunnel that goes on without it.
    pub(crate) fn of_part(now: OffsetDateTime, part: &str, failure: &Failure, peer: &str) -> Self {
        let mut finding = Self::of_failure(now, failure, peer);
        if let Failure::EspProposal {
            ours, theirs: None, ..
        } = failure
            && let Some((here, there)) = disagreement::forward_secrecy(ours)
        {
            finding = finding.either(here, there);
        }
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
        .either(
            "Let this connection begin too: set its initiator to bi-directional.",
            "Have the peer begin.",
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

/// A peer or a path that can't have ESP carried as the operator wants it: for a NAT, or for want of NAT traversal.
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
