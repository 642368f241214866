//! What an [`crate::Endpoint`] asks its caller to do, and tells it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::{Encryption, Integrity, Secret};
use adit_ike_wire::TrafficSelector;

use crate::carriage::Carriage;
use crate::config::{ConnectionKey, Mode};
use crate::failure::Failure;
use crate::time::Instant;

/// Names a Child SA for as long as the endpoint lives; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChildKey(pub u64);

/// One thing to do.
#[derive(Debug)]
pub enum Output {
    /// Begin to send on the Child SA; it was installed with its outbound half silent.
    ActivateOutbound(ChildKey),
    /// Something worth knowing happened.
    Event(Event),
    /// A Child SA is asked for in which this end receives with this SPI. Who agrees may send on it right behind its
    /// answer: what comes may be kept for a moment, until the Child SA is to be installed. Mostly it is; there is no
    /// word where it is not.
    ExpectChild(u32),
    /// Install a Child SA, then answer with [`crate::Command::ChildInstalled`].
    InstallChild(Box<InstallChild>),
    /// Send the Child SA's packets to another address from now on.
    MoveChild(ChildKey, SocketAddr),
    /// Forget the Child SA.
    RemoveChild(ChildKey),
    /// Stop sending on the Child SA; what still arrives on it is good.
    RetireChild(ChildKey),
    /// Send a datagram.
    Transmit(Transmit),
}

/// What [`crate::Endpoint::poll_output`] answers.
#[derive(Debug)]
pub enum Polled {
    /// Nothing is left to do until the deadline, if there is one.
    Idle(Option<Deadline>),
    /// One thing to do; poll again.
    Output(Output),
}

/// When to call [`crate::Endpoint::handle_timeout`], and what for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What for.
    pub why: &'static str,
}

/// A datagram to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// The local port to send from: 500, or 4500, where the caller puts the non-ESP marker
    /// (RFC 3948 section 2.2) before the octets.
    pub local_port: u16,
    /// The local address.
    pub local: IpAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// The IKE message.
    pub octets: Vec<u8>,
}

/// The SPI and keys of one direction of a Child SA.
#[derive(Clone)]
pub struct DirectionKeys {
    /// The SPI, at least 256.
    pub spi: u32,
    /// The encryption key (with the salt, for AEAD ciphers).
    pub encryption: Secret,
    /// The integrity key; empty for AEAD ciphers.
    pub integrity: Secret,
}

impl fmt::Debug for DirectionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectionKeys(spi {:08x}, keys hidden)", self.spi)
    }
}

/// How far a Child SA's sequence numbers are known to have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The highest that may have been sent; 0 before the first packet.
    pub sent: u64,
    /// The highest that was received; it and all before it are taken for seen.
    pub received: u64,
}

/// A Child SA to install.
#[derive(Debug)]
pub struct InstallChild {
    /// Its name.
    pub child: ChildKey,
    /// The connection it belongs to.
    pub connection: ConnectionKey,
    /// The cipher; none with AH.
    pub encryption: Option<Encryption>,
    /// The integrity algorithm, where the cipher has none of its own.
    pub integrity: Option<Integrity>,
    /// What of packets is protected.
    pub mode: Mode,
    /// Whether sequence numbers have 64 bits.
    pub extended_sequence_numbers: bool,
    /// From the peer.
    pub inbound: DirectionKeys,
    /// To the peer.
    pub outbound: DirectionKeys,
    /// What this end may send from and receive to.
    pub local_selectors: Vec<TrafficSelector>,
    /// What the other end may send from and receive to.
    pub remote_selectors: Vec<TrafficSelector>,
    /// The address they are sent from.
    pub local: IpAddr,
    /// Where packets go; the port is of use in UDP alone.
    pub remote: SocketAddr,
    /// What they travel in. What comes from the peer may travel in either (RFC 7296 section 2.23).
    pub carriage: Carriage,
    /// Whether the peer brings marks of congestion from outer headers into inner ones, as all must that speak IKEv2
    /// (RFC 7296 section 2.24) and none need that speak IKEv1.
    pub ecn: bool,
    /// This end's address is translated on the way, by a NAT that forgets it unless something is sent (RFC 3948
    /// section 4).
    pub behind_nat: bool,
    /// Whether to send on it at once (RFC 7296 section 2.8: a rekey's responder waits).
    pub outbound_active: bool,
    /// The high 16 bits of its counter-mode IVs.
    pub iv_epoch: u16,
    /// Where its sequence numbers go on: at the beginning, unless it was handed over.
    pub progress: Progress,
}

/// How old an SA is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Age {
    /// When it was made.
    pub since: Instant,
    /// When it is replaced; not known once that was begun.
    pub rekey_at: Option<Instant>,
}

/// A part of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The Child SA of this index in the configuration.
    Child(usize),
    /// The replacement of this Child SA, which goes on until its time is up.
    ChildRekey(ChildKey),
    /// The replacement of the IKE SA, which goes on until its time is up.
    IkeRekey,
}

/// Something worth knowing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A Child SA carries traffic.
    ChildUp {
        /// Whose it is.
        connection: ConnectionKey,
        /// Its name.
        child: ChildKey,
        /// The inbound and outbound SPIs.
        spis: (u32, u32),
        /// The suite, such as `aes128-sha256`.
        suite: String,
        /// This end's selectors.
        local: Vec<TrafficSelector>,
        /// The other end's selectors.
        remote: Vec<TrafficSelector>,
        /// The one it replaces.
        replaces: Option<ChildKey>,
    },
    /// A Child SA is gone.
    ChildDown {
        /// Whose it was.
        connection: ConnectionKey,
        /// Its name.
        child: ChildKey,
    },
    /// A part of a connection did not work; the rest goes on as it is.
    PartFailed(ConnectionKey, Part, Failure),
    /// An attempt begins; nothing is known of its outcome.
    Connecting(ConnectionKey),
    /// Something did not work. The endpoint goes on trying where that makes sense.
    Failed(ConnectionKey, Failure),
    /// An IKE SA is up.
    IkeUp {
        /// Whose it is.
        connection: ConnectionKey,
        /// Where the peer is.
        peer: SocketAddr,
        /// The suite, such as `aes256gcm16-prfsha384-ecp384`.
        suite: String,
        /// Whether it replaces one that was up.
        rekeyed: bool,
    },
    /// The last IKE SA of a connection is gone.
    IkeDown(ConnectionKey),
}
