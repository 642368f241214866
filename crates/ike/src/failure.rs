//! Why a negotiation did not end as wished: the raw material of the reasons users see.

use alloc::string::String;
use core::time::Duration;

use crate::authentication::Distrust;
use crate::config::Identity;
use crate::offers::Offers;

/// Who said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judge {
    /// The peer refused us.
    Peer,
    /// We refused the peer.
    Us,
}

/// Why a negotiation did not end as wished. Texts never hold secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The peer wants aggressive mode of IKEv1, which shows a hash of the pre-shared key to anybody.
    AggressiveMode,
    /// The peer goes on repeating its first message, though each was answered.
    AnswersLost {
        /// How long after the first answer the last one came.
        after: Duration,
    },
    /// AUTH did not verify: the pre-shared keys differ (or the peer refused our identity).
    Authentication {
        /// Who found out.
        by: Judge,
    },
    /// Certificates, or what else an end shows in their place, are not believed.
    Distrust(Distrust),
    /// The Child SA could not be installed here.
    ChildNotInstalled,
    /// No common algorithms for a Child SA.
    EspProposal {
        /// Who refused.
        by: Judge,
        /// What we accept.
        ours: Offers,
        /// What the peer offered, where we saw it.
        theirs: Option<Offers>,
    },
    /// The peer calls itself something else than configured.
    Identity {
        /// What we expect.
        expected: Identity,
        /// What came.
        received: Identity,
    },
    /// No common algorithms for the IKE SA.
    IkeProposal {
        /// Who refused.
        by: Judge,
        /// What we accept.
        ours: Offers,
        /// What the peer offered, where we saw it.
        theirs: Option<Offers>,
    },
    /// The peer was there and is not any more.
    Lost,
    /// One end wants transport mode and the other tunnel mode.
    Mode {
        /// Who has not agreed.
        by: Judge,
    },
    /// There is a NAT in between, or the peer says so to have ESP in UDP, which the connection excludes.
    NatInBetween,
    /// The peer asks for somebody else at this address.
    NameAskedFor {
        /// What we call ourselves.
        ours: Identity,
        /// Whom it asks for.
        asked: Identity,
    },
    /// The peer does not speak of NAT traversal, so ESP can't be encapsulated in UDP, as the connection demands.
    NoNatTraversal,
    /// Nothing has come back to our first message, this often sent.
    NoAnswer {
        /// How often it was sent.
        sent: u32,
    },
    /// The peer answered with an error that has no case of its own.
    Refused {
        /// The notification's name or number.
        notification: String,
    },
    /// The peer speaks another version of IKE than the connection.
    Version {
        /// The peer's major version.
        theirs: u8,
    },
    /// The selectors have nothing in common.
    Selectors {
        /// Who refused.
        by: Judge,
        /// Ours: `local === remote`, from our side.
        ours: String,
        /// What the peer asked for, from our side, where we saw it.
        theirs: Option<String>,
    },
}
