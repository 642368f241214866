//! Live state that one endpoint hands over to another: what a connection's IKE SAs are, sealed.
//!
//! [`crate::Endpoint::export`] may be called between any two calls; who takes over from what may be lost at any moment
//! ships a snapshot after each call, before what came out of it is done: then no message was sent that the other one does
//! not know of. Sequence numbers of Child SAs are the caller's, and go with it ([`crate::Progress`]).

use alloc::vec::Vec;
use core::fmt;

use adit_crypto::{EnvelopeKey, Random, Secret};

use crate::codec::Unreadable;
use crate::config::ConnectionKey;

/// The most octets of a snapshot: a tunnel of some thousand Child SAs.
pub const MAX_SNAPSHOT: usize = 1 << 22;

/// The format, which goes into the seal.
const FORMAT: &[u8] = b"adit handover 1";

/// What a connection's IKE SAs are at some time, with all their keys, and all that is under way. Wiped on drop.
pub struct Snapshot {
    connection: ConnectionKey,
    octets: Secret,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} octets, hidden)", self.octets.len())
    }
}

/// Why there is no snapshot of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExportError {
    /// An exchange is under way that can't go on elsewhere: an additional key exchange (RFC 9370). It is over in a
    /// moment.
    #[error("an additional key exchange is under way")]
    Busy,
    /// It has no IKE SA that is up, or is none of this endpoint.
    #[error("the connection has no IKE SA")]
    NotUp,
    /// It would be longer than [`MAX_SNAPSHOT`].
    #[error("the connection's state is too large")]
    TooLarge,
    /// It speaks IKEv1, and begins anew elsewhere.
    #[error("an SA of IKEv1 is not handed over")]
    Version1,
}

/// Why a snapshot is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImportError {
    /// There is an IKE SA with the same SPI.
    #[error("one of its IKE SAs is here already")]
    Duplicate,
    /// The endpoint's [`crate::EndpointConfig::iv_epoch`] is not higher than that of who had the SAs.
    #[error("the epoch of IVs is not a higher one")]
    Epoch,
    /// The endpoint has the connection.
    #[error("the connection is here already")]
    Known,
    /// It is none, or one of a later version.
    #[error("the snapshot can't be read")]
    Malformed,
    /// The SAs were made with another pre-shared key.
    #[error("the connection has another key now")]
    OtherKey,
    /// It was not sealed with this key for this connection, or was changed.
    #[error("the seal is not good")]
    Seal,
}

impl From<Unreadable> for ImportError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Epoch => Self::Epoch,
            Unreadable::Malformed => Self::Malformed,
        }
    }
}

impl Snapshot {
    pub(crate) fn of(connection: ConnectionKey, octets: Secret) -> Result<Self, ExportError> {
        if octets.len() > MAX_SNAPSHOT {
            return Err(ExportError::TooLarge);
        }
        Ok(Self { connection, octets })
    }

    /// Whose it is.
    #[must_use]
    pub const fn connection(&self) -> ConnectionKey {
        self.connection
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.as_slice()
    }

    /// Seals it.
    #[must_use]
    pub fn seal(&self, key: &EnvelopeKey, random: &mut dyn Random) -> Vec<u8> {
        key.seal(random, &context(self.connection), self.octets.as_slice())
    }

    /// Opens what [`Self::seal`] made of a snapshot of this connection.
    ///
    /// # Errors
    /// [`ImportError::Seal`], or [`ImportError::Malformed`] where it is too long.
    pub fn open(
        connection: ConnectionKey,
        key: &EnvelopeKey,
        sealed: &[u8],
    ) -> Result<Self, ImportError> {
        /// What a seal adds is less.
        const SEAL: usize = 64;
        if sealed.len() > MAX_SNAPSHOT + SEAL {
            return Err(ImportError::Malformed);
        }
        let octets = key.open(&context(connection), sealed);
        let octets = octets.map_err(|_| ImportError::Seal)?;
        Ok(Self { connection, octets })
    }

    /// What an input of the fuzzer's says, as if it had been sealed.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn unsealed(connection: ConnectionKey, octets: Vec<u8>) -> Self {
        let octets = Secret::new(octets);
        Self { connection, octets }
    }
}

/// What a seal is for.
fn context(connection: ConnectionKey) -> Vec<u8> {
    [FORMAT, &connection.0.to_be_bytes()].concat()
}
