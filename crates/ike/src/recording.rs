//! What happened to a connection, so that it can happen again: each input with its time and the randomness that was drawn
//! for it, and what came of it.
//!
//! An [`crate::Endpoint`] that was told to ([`crate::Endpoint::record`]) keeps so many octets of each connection and drops
//! the oldest. [`Recording::replay`] gives the inputs to an endpoint that has that connection alone, and compares. It
//! begins where the connection had no IKE SA: when it was configured, or when the last one was gone.
//!
//! Datagrams are recorded as they are on the wire. The pre-shared key is not in it; an SA with certificates can't happen again. What was drawn is, and whoever knows
//! that can compute all keys: so a recording leaves memory sealed alone.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::{EnvelopeKey, Random, Secret};

use crate::codec::{Field, Reader, Unreadable, Writer, record};
use crate::config::{ConnectionConfig, ConnectionKey, EndpointConfig};
use crate::time::Instant;

/// The most octets of a recording that is opened.
pub const MAX_RECORDING: usize = 1 << 22;

/// The format, which goes into the seal.
const FORMAT: &[u8] = b"adit recording 1";

/// What an entry takes beside what is in it, in octets, at least.
const ENTRY: usize = 64;

/// Names a Child SA within a recording: the number of those that were installed before since it begins.
pub(crate) type Ordinal = u32;

/// What an endpoint was told, or got.
#[derive(Clone)]
pub(crate) enum Input {
    /// From here on it can happen again: the connection is wanted so and has no IKE SA, after so many attempts in vain, and
    /// before the next at that time.
    Begin(Box<ConnectionConfig>, u32, Instant),
    Ask,
    ChildHeard(Ordinal),
    ChildHeardFrom(Ordinal, SocketAddr),
    ChildInstalled(Ordinal, bool),
    /// To there, from there.
    Datagram(SocketAddr, SocketAddr, Vec<u8>),
    RekeyChild(Ordinal),
    RekeyIke,
    Remove,
    Set(Box<ConnectionConfig>),
    Timeout,
    Traffic,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Activate(Ordinal),
    /// For people. What it says of Child SAs is in ordinals.
    Event(String),
    /// A digest of all there is to install, and what of it is no secret.
    Install(Ordinal, Vec<u8>, String),
    Move(Ordinal, SocketAddr),
    Remove(Ordinal),
    Retire(Ordinal),
    /// By that port of that address, to there.
    Transmit((u16, IpAddr), SocketAddr, Vec<u8>),
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activate(child) => write!(f, "send on Child SA {child}"),
            Self::Event(event) => f.write_str(event),
            Self::Install(child, _, what) => write!(f, "install Child SA {child}: {what}"),
            Self::Move(child, remote) => write!(f, "Child SA {child} goes to {remote}"),
            Self::Remove(child) => write!(f, "remove Child SA {child}"),
            Self::Retire(child) => write!(f, "retire Child SA {child}"),
            Self::Transmit((port, local), remote, octets) => {
                write!(f, "{local}:{port} to {remote}:")?;
                octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

/// One input, and what came of it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) input: Input,
    pub(crate) drawn: Secret,
    pub(crate) told: Vec<Told>,
}

impl Entry {
    /// Whether both say that packets came on the same Child SA, and that nothing came of it.
    pub(crate) fn is_quiet_like(&self, other: &Self) -> bool {
        let heard = |entry: &Self| match entry.input {
            Input::ChildHeard(child) if entry.told.is_empty() && entry.drawn.is_empty() => {
                Some(child)
            }
            _ => None,
        };
        heard(self).is_some() && heard(self) == heard(other)
    }

    /// About what it takes in memory.
    pub(crate) fn len(&self) -> usize {
        let input = match &self.input {
            Input::Begin(config, ..) | Input::Set(config) => config_len(config),
            Input::Datagram(_, _, octets) => octets.len(),
            _ => 0,
        };
        let told = self.told.iter().map(|told| match told {
            Told::Event(text) => ENTRY + text.len(),
            Told::Install(_, digest, text) => ENTRY + digest.len() + text.len(),
            Told::Transmit(_, _, octets) => ENTRY + octets.len(),
            _ => ENTRY,
        });
        ENTRY + input + self.drawn.len() + told.sum::<usize>()
    }
}

fn config_len(config: &ConnectionConfig) -> usize {
    let mut to = Writer::new(Instant::ZERO, Vec::new());
    config.put(&mut to);
    to.finish().len()
}

/// What happened to one connection. `Debug` shows how much, and nothing that was said.
#[derive(Clone)]
pub struct Recording {
    pub(crate) connection: ConnectionKey,
    pub(crate) limits: EndpointConfig,
    pub(crate) entries: Vec<Entry>,
    /// Older entries are gone.
    pub(crate) is_cut: bool,
    /// Others between the same ends were meant too.
    pub(crate) is_shared: bool,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({} entries)", self.entries.len())
    }
}

/// What a replay came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// How many inputs were given again, all with the same outcome.
    pub inputs: usize,
    /// How many older ones there are that were not: nothing that comes before is known.
    pub skipped: usize,
    /// When the first one came, on the clock of who recorded it.
    pub since: Instant,
}

/// Why there was no replay, or not the same again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// An additional key exchange (RFC 9370) draws its randomness in its library.
    #[error("an additional key exchange was made, which can't happen again")]
    Additional,
    /// The oldest entries were dropped, and there was an IKE SA ever since.
    #[error("the recording has no beginning any more")]
    Cut,
    /// Something else came of an input.
    #[error("input {number} at {at:?} came to something else: {what}")]
    Differs {
        /// Which, from 0.
        number: usize,
        /// When, on the clock of who recorded it.
        at: Instant,
        /// What, with what was recorded.
        what: String,
    },
    /// Certificates are used: signatures draw their randomness in their library, and the time of day is not in it.
    #[error("an IKE SA was authenticated by certificates, which can't happen again")]
    Signed,
    /// Other connections between the same ends were meant too, and are not in it.
    #[error("the recording is of one of several connections between the same ends")]
    Shared,
}

/// Why a sealed recording is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is none, or one of a later version.
    #[error("the recording can't be read")]
    Malformed,
    /// It was not sealed with this key for this connection, or was changed.
    #[error("the seal is not good")]
    Seal,
}

impl Recording {
    /// Whose it is.
    #[must_use]
    pub const fn connection(&self) -> ConnectionKey {
        self.connection
    }

    /// Whether older entries were dropped.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Seals it.
    #[must_use]
    pub fn seal(&self, key: &EnvelopeKey, random: &mut dyn Random) -> Vec<u8> {
        key.seal(random, &context(self.connection), self.octets().as_slice())
    }

    pub(crate) fn octets(&self) -> Secret {
        let mut to = Writer::new(Instant::ZERO, Vec::new());
        self.limits.put(&mut to);
        self.entries.put(&mut to);
        (self.is_cut, self.is_shared).put(&mut to);
        to.finish()
    }

    /// Opens what [`Self::seal`] made of a recording of this connection.
    ///
    /// # Errors
    /// The seal is not good, or it can't be read.
    pub fn open(
        connection: ConnectionKey,
        key: &EnvelopeKey,
        sealed: &[u8],
    ) -> Result<Self, RecordingError> {
        if sealed.len() > MAX_RECORDING {
            return Err(RecordingError::Malformed);
        }
        let octets = key.open(&context(connection), sealed);
        let octets = octets.map_err(|_| RecordingError::Seal)?;
        Self::read(connection, octets.as_slice()).map_err(|_| RecordingError::Malformed)
    }

    pub(crate) fn read(connection: ConnectionKey, octets: &[u8]) -> Result<Self, Unreadable> {
        let mut from = Reader::new(octets, Instant::ZERO, 0);
        let limits = Field::take(&mut from)?;
        let entries = Field::take(&mut from)?;
        let (is_cut, is_shared) = Field::take(&mut from)?;
        from.end()?;
        Ok(Self {
            connection,
            limits,
            entries,
            is_cut,
            is_shared,
        })
    }
}

/// What a seal is for.
fn context(connection: ConnectionKey) -> Vec<u8> {
    [FORMAT, &connection.0.to_be_bytes()].concat()
}

record!(Entry {
    at,
    input,
    drawn,
    told
});

impl Field for Input {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Begin(config, attempts, retry_at) => {
                0_u8.put(to);
                config.put(to);
                (*attempts, *retry_at).put(to);
            }
            Self::ChildHeard(child) => (1_u8, *child).put(to),
            Self::ChildHeardFrom(child, remote) => (2_u8, (*child, *remote)).put(to),
            Self::ChildInstalled(child, installed) => (3_u8, (*child, *installed)).put(to),
            Self::Datagram(local, remote, octets) => {
                (4_u8, (*local, *remote)).put(to);
                octets.put(to);
            }
            Self::RekeyChild(child) => (5_u8, *child).put(to),
            Self::RekeyIke => 6_u8.put(to),
            Self::Remove => 7_u8.put(to),
            Self::Set(config) => {
                8_u8.put(to);
                config.put(to);
            }
            Self::Timeout => 9_u8.put(to),
            Self::Traffic => 10_u8.put(to),
            Self::Ask => 11_u8.put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match u8::take(from)? {
            0 => Self::Begin(
                Box::new(Field::take(from)?),
                Field::take(from)?,
                Field::take(from)?,
            ),
            1 => Self::ChildHeard(Field::take(from)?),
            2 => Self::ChildHeardFrom(Field::take(from)?, Field::take(from)?),
            3 => Self::ChildInstalled(Field::take(from)?, Field::take(from)?),
            4 => Self::Datagram(Field::take(from)?, Field::take(from)?, Field::take(from)?),
            5 => Self::RekeyChild(Field::take(from)?),
            6 => Self::RekeyIke,
            7 => Self::Remove,
            8 => Self::Set(Box::new(Field::take(from)?)),
            9 => Self::Timeout,
            10 => Self::Traffic,
            11 => Self::Ask,
            _ => return Err(Unreadable::Malformed),
        })
    }
}

impl Field for Told {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Activate(child) => (0_u8, *child).put(to),
            Self::Event(text) => {
                1_u8.put(to);
                text.put(to);
            }
            Self::Install(child, digest, text) => {
                (2_u8, *child).put(to);
                digest.put(to);
                text.put(to);
            }
            Self::Move(child, remote) => (3_u8, (*child, *remote)).put(to),
            Self::Remove(child) => (4_u8, *child).put(to),
            Self::Retire(child) => (5_u8, *child).put(to),
            Self::Transmit(by, remote, octets) => {
                (6_u8, *by).put(to);
                remote.put(to);
                octets.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match u8::take(from)? {
            0 => Self::Activate(Field::take(from)?),
            1 => Self::Event(Field::take(from)?),
            2 => Self::Install(Field::take(from)?, Field::take(from)?, Field::take(from)?),
            3 => Self::Move(Field::take(from)?, Field::take(from)?),
            4 => Self::Remove(Field::take(from)?),
            5 => Self::Retire(Field::take(from)?),
            6 => Self::Transmit(Field::take(from)?, Field::take(from)?, Field::take(from)?),
            _ => return Err(Unreadable::Malformed),
        })
    }
}
