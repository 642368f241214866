//! An IKE SA: two message-ID windows, and the state it is in.
//!
//! ```text
//!  initiator                               responder
//!  InitSent --(IKE_SA_INIT response)--+    (IKE_SA_INIT request)--> HalfOpen
//!     | COOKIE, INVALID_KE: again     |                               | 30 s: gone
//!     v                               v                               |
//!  NoAnswer: gone                  AuthSent                    (IKE_AUTH request)
//!                                     |                               |
//!        Refusing <--(AUTH is bad)----|                               |AUTH verified
//!           |            AUTH verified|                               |
//!           +--> gone                 +--------> Established <--------+
//!                                                     |  tasks, see [`crate::established`]
//!                                                     v
//!                                              Closing --> gone
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::Random;
use adit_ike_wire::{ExchangeType, Flags, Header, Payload, PayloadType, Spi};

use crate::config::{ConnectionKey, EndpointConfig};
use crate::established::Established;
use crate::keys::Role;
use crate::output::{ChildKey, Deadline, Output, Transmit};
use crate::protection::Protection;
use crate::task::auth::AuthSent;
use crate::task::init::{HalfOpen, InitSent, NAT_PORT};
use crate::task::refuse::{Refusing, Withdrawn};
use crate::time::Instant;
use crate::window::{RequestWindow, ResponseWindow};

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

/// Whether the peer's address is translated on the way, as NAT detection found (RFC 7296 section 2.23).
/// A peer that only wants UDP encapsulation says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Translation {
    No,
    Yes,
}

/// What every state of an IKE SA has.
pub(crate) struct Link {
    pub(crate) key: SaKey,
    /// The connection it belongs to; a responder learns it in IKE_AUTH.
    pub(crate) connection: Option<ConnectionKey>,
    /// The side of the exchange that made the SA; it decides the header's I flag.
    pub(crate) role: Role,
    pub(crate) local_spi: Spi,
    pub(crate) remote_spi: Spi,
    /// Where our requests and the Child SAs' packets go.
    pub(crate) path: Path,
    pub(crate) translation: Translation,
    /// Where the peer may have moved to: our requests go there too, and their answers decide.
    pub(crate) candidate: Option<SocketAddr>,
    /// Where the peer's last request came from, and its answer goes.
    pub(crate) asked_from: Path,
    pub(crate) requests: RequestWindow,
    pub(crate) responses: ResponseWindow,
}

impl Link {
    /// The SPIs in the header's order.
    pub(crate) const fn spis(&self) -> (Spi, Spi) {
        match self.role {
            Role::Initiator => (self.local_spi, self.remote_spi),
            Role::Responder => (self.remote_spi, self.local_spi),
        }
    }

    pub(crate) fn header(&self, exchange: ExchangeType, message_id: u32, response: bool) -> Header {
        let (initiator_spi, responder_spi) = self.spis();
        Header {
            initiator_spi,
            responder_spi,
            next_payload: PayloadType::NONE,
            major_version: 2,
            minor_version: 0,
            exchange,
            flags: Flags {
                initiator: self.role == Role::Initiator,
                version: false,
                response,
            },
            message_id,
            length: 0,
        }
    }

    /// Sends a request, or repeats one.
    pub(crate) fn transmit(&self, ctx: &mut Context<'_>, octets: Vec<u8>) {
        if let Some(remote) = self.candidate {
            let octets = octets.clone();
            self.path.with_remote(remote).send(ctx, octets);
        }
        self.path.send(ctx, octets);
    }

    /// Notes where an authentic request, or a packet of a Child SA, came from. Anybody on the way can
    /// send on what he captured, from any address; so it is a hint, which only an answer to a
    /// request of ours confirms. Whether it is one that is worth asking for.
    ///
    /// RFC 7296 section 2.23 would have us follow at once. Of a peer that is known by its address, and
    /// that is every one, only the port can change, where there is a NAT. Back to the port of NAT
    /// traversal is always right.
    pub(crate) fn consider(&mut self, from: Path) -> bool {
        let here = self.path;
        let remote = from.remote;
        let may_move = self.translation == Translation::Yes || remote.port() == NAT_PORT;
        let moved = remote != here.remote
            && remote.ip() == here.remote.ip()
            && from.local_address() == here.local_address();
        if moved && may_move {
            self.candidate = Some(remote);
        }
        moved && may_move
    }

    /// Notes where the awaited answer came from; whether the peer has moved there.
    pub(crate) fn confirm(&mut self, from: Path) -> bool {
        let moved = self.candidate == Some(from.remote);
        if moved {
            self.candidate = None;
            self.path.remote = from.remote;
        }
        moved
    }

    /// Sends a protected request, which occupies the window.
    pub(crate) fn request(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        exchange: ExchangeType,
        payloads: &[Payload<'_>],
    ) {
        let header = self.header(exchange, self.requests.next_id(), false);
        let octets = protection.seal(&header, payloads, ctx.random);
        self.requests.sent(ctx.now, exchange, octets.clone());
        self.transmit(ctx, octets);
    }

    /// Sends a protected response to the request that is due, and keeps it for repetitions.
    pub(crate) fn respond(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        exchange: ExchangeType,
        message_id: u32,
        payloads: &[Payload<'_>],
    ) {
        let header = self.header(exchange, message_id, true);
        let octets = protection.seal(&header, payloads, ctx.random);
        self.responses.answered(octets.clone());
        // Section 2.11: an answer goes to where the request came from.
        self.asked_from.send(ctx, octets);
    }
}

/// The state of an IKE SA.
pub(crate) enum State {
    AuthSent(Box<AuthSent>),
    Established(Box<Established>),
    /// Between two states, and after the end; an SA found so is dropped.
    Gone,
    HalfOpen(Box<HalfOpen>),
    InitSent(Box<InitSent>),
    Refusing(Box<Refusing>),
    Withdrawn(Box<Withdrawn>),
}

/// An IKE SA.
pub(crate) struct IkeSa {
    pub(crate) link: Link,
    pub(crate) state: State,
}

impl core::fmt::Debug for IkeSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeSa({:?} {:?})", self.link.key, self.link.spis())
    }
}

impl IkeSa {
    /// Takes back an attempt whose connection is gone; whether the SA has to stay, since the
    /// responder may come to believe in it.
    pub(crate) fn withdraw(&mut self) -> bool {
        match core::mem::replace(&mut self.state, State::Gone) {
            State::AuthSent(state) => {
                let keys = state.inputs.keys;
                self.state = State::Withdrawn(Box::new(Withdrawn { keys }));
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    pub(crate) fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        }
    }

    pub(crate) fn established_mut(&mut self) -> Option<&mut Established> {
        match &mut self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        }
    }

    /// When something is to be done if nothing comes in.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let retransmit = self.link.requests.deadline().map(|at| Deadline {
            at,
            why: "retransmission",
        });
        let state = match &self.state {
            State::Established(established) => established.deadline(&self.link),
            State::HalfOpen(half_open) => Some(Deadline {
                at: half_open.expires,
                why: "half-open time-out",
            }),
            State::AuthSent(_)
            | State::Gone
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        };
        retransmit.into_iter().chain(state).min()
    }
}
