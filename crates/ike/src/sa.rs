//! What an IKE SA is to its endpoint, whichever version of IKE it speaks.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::Random;
use adit_ike_wire::Spi;

use crate::config::{ConnectionKey, EndpointConfig};
use crate::output::{ChildKey, Output, Transmit};
use crate::time::Instant;
use crate::v2::sa::IkeSa;

/// Names an IKE SA within its endpoint; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SaKey(pub(crate) u64);

/// What a step may use of the endpoint.
pub(crate) struct Context<'e> {
    pub(crate) now: Instant,
    pub(crate) random: &'e mut dyn Random,
    pub(crate) outputs: &'e mut VecDeque<Output>,
    pub(crate) effects: &'e mut Vec<Effect>,
    pub(crate) numbers: &'e mut Numbers,
    pub(crate) limits: EndpointConfig,
    /// There is no other IKE SA between the same two identities (RFC 7296 section 2.4).
    pub(crate) alone: bool,
    /// The connection has as many IKE SAs as a peer may make it hold.
    pub(crate) crowded: bool,
}

/// Numbers that are never used twice.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    next: u64,
}

impl Numbers {
    pub(crate) fn next_key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) const fn newest(&self) -> u64 {
        self.next
    }
}

impl Context<'_> {
    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// A nonce of 32 octets (RFC 7296 section 2.10: at least half the PRF's key size).
    pub(crate) fn nonce(&mut self) -> Vec<u8> {
        let mut nonce = alloc::vec![0; 32];
        self.random.fill(&mut nonce);
        nonce
    }

    pub(crate) fn ike_spi(&mut self) -> Spi {
        loop {
            let mut octets = [0; 8];
            self.random.fill(&mut octets);
            let spi = Spi(u64::from_be_bytes(octets));
            if !spi.is_zero() {
                return spi;
            }
        }
    }

    /// A Child SA's inbound SPI; 0 to 255 are reserved (RFC 4303 section 2.1).
    pub(crate) fn esp_spi(&mut self) -> u32 {
        loop {
            let mut octets = [0; 4];
            self.random.fill(&mut octets);
            let spi = u32::from_be_bytes(octets);
            if spi > 255 {
                return spi;
            }
        }
    }

    /// A fraction of `span` between 0 and 1, so that many timers don't fire at once.
    pub(crate) fn jitter(&mut self, span: core::time::Duration) -> core::time::Duration {
        let mut octets = [0; 2];
        self.random.fill(&mut octets);
        span.saturating_mul(u32::from(u16::from_be_bytes(octets))) / u32::from(u16::MAX)
    }
}

/// What a step wants of the endpoint, beyond its own SA.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The peer asked for this Child SA, which we answered and installed.
    Answered(SaKey, ChildKey),
    /// Close this SA, which lost a collision or is redundant.
    Close(SaKey),
    /// The peer of this connection was at this address, with a suite that is not the connection's: of
    /// several connections it is the one to think of first.
    Expect(ConnectionKey),
    /// This SA is gone.
    Gone(SaKey, Ending),
    /// The peer said, when it began this SA, that there was no other of the connection
    /// (INITIAL_CONTACT); its first message came at that time.
    InitialContact(SaKey, Instant),
    /// Move the Child SAs from the first SA to the second.
    MoveChildren(SaKey, SaKey),
    /// A new SA, made by rekeying.
    New(Box<IkeSa>),
    /// This SA, which the peer made, lost a collision; the peer deletes it.
    Outdone(SaKey),
    /// This SA, which the peer made, won a collision: the peer uses it.
    Preferred(SaKey),
    /// We refused the responder of this SA, which was our attempt; it goes once the peer knows.
    Refused(SaKey),
    /// Forget a Child SA some seconds from now; it was retired.
    RemoveLater(ChildKey),
    /// This SA was authenticated.
    Up(SaKey),
}

/// Which side of an exchange we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Initiator,
    Responder,
}

/// How an IKE SA ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It was never more than a first message, AUTH failed, or the peer refused it afterwards.
    Failed,
    /// The peer stopped answering.
    Lost,
    /// The peer deleted it.
    PeerDeleted,
    /// It was replaced, or we deleted it.
    Released,
}

/// The two ends of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    pub(crate) local: IpAddr,
    pub(crate) local_port: u16,
    pub(crate) remote: SocketAddr,
}

impl Path {
    pub(crate) fn send(&self, ctx: &mut Context<'_>, octets: Vec<u8>) {
        ctx.push(Output::Transmit(Transmit {
            local_port: self.local_port,
            local: self.local,
            remote: self.remote,
            octets,
        }));
    }

    pub(crate) const fn with_remote(self, remote: SocketAddr) -> Self {
        Self { remote, ..self }
    }

    pub(crate) const fn local_address(&self) -> SocketAddr {
        SocketAddr::new(self.local, self.local_port)
    }
}
