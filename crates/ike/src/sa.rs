//! What an IKE SA is to its endpoint, whichever version of IKE it speaks: something that is found by an
//! SPI, takes datagrams, carries Child SAs of one connection, and wants things of the endpoint.
//!
//! ```text
//!   Begun --> Proving --+
//!                       +--> InUse --> Ending --> forgotten
//!   HalfOpen -----------+
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::Random;
use adit_ike_wire::{Header, Spi};

use crate::child::ChildSa;
use crate::codec::Writer;
use crate::config::{ConnectionConfig, ConnectionKey, EndpointConfig};
use crate::endpoint::candidates::Candidates;
use crate::failure::Failure;
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Deadline, Output, Transmit};
use crate::time::Instant;

/// The UDP ports of IKE, in both versions (RFC 7296 section 2, RFC 3948).
pub(crate) const PORT: u16 = 500;
pub(crate) const NAT_PORT: u16 = 4500;

/// Names an IKE SA within its endpoint; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SaKey(pub(crate) u64);

/// An IKE SA, as the endpoint sees it.
pub(crate) trait Sa: fmt::Debug {
    /// What it is found by.
    fn place(&self) -> Place;

    /// How far it has come.
    fn stage(&self) -> Stage<'_>;

    /// What it is beside other SAs of its connection, while it is in use.
    fn usage(&self) -> Option<Usage<'_>>;

    /// Its Child SAs.
    fn children(&self) -> &[ChildSa];

    /// Whether the wanted Child SA of this index is up, being made, or about to be.
    fn is_busy_with(&self, index: usize, now: Instant) -> bool;

    /// The SA that the peer made to replace this one, while it is open which of two stays.
    fn rival(&self) -> Option<SaKey>;

    /// Whether it has the Child SAs of all others of its connection once it is up: in IKEv1 they are not
    /// bound to the SA that made them.
    fn inherits(&self) -> bool {
        false
    }

    /// The answer to the message that began it, if it is this one and nothing has come since, and when it was
    /// answered first.
    fn repeats(&self, first: &[u8]) -> Option<(&[u8], Instant)>;

    /// When something is to be done if nothing comes in.
    fn deadline(&self) -> Option<Deadline>;

    /// Takes a datagram that names it. Until it is known to be authentic nothing changes.
    fn take(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason>;

    /// Does what is due.
    fn handle_timeout(&mut self, ctx: &mut Context<'_>);

    /// Does as told, as far as its stage allows.
    fn obey(&mut self, ctx: &mut Context<'_>, order: Order);

    /// Begins with what waits, where something can be begun. Called after each step that changed it.
    fn proceed(&mut self, ctx: &mut Context<'_>);

    /// Has another configuration that leaves the SA good. Child SAs that it does not want end.
    fn reconfigure(&mut self, ctx: &mut Context<'_>, config: &Arc<ConnectionConfig>);

    /// Takes note of how a contest for the connection ended.
    fn settle(&mut self, now: Instant, outcome: Outcome);

    /// Gives away its Child SAs, and what is wanted of them.
    fn hand_over(&mut self, now: Instant) -> Handover;

    /// The same for another SA that has come up; what the peer is still to say here of some, it says here.
    fn pass_on(&mut self, now: Instant) -> Handover {
        self.hand_over(now)
    }

    /// Takes them, if it is up; otherwise they come back.
    fn adopt(&mut self, handover: Handover) -> Result<(), Handover>;

    /// Writes down what another endpoint needs to go on with it.
    fn write(&self, to: &mut Writer) -> Result<(), Unportable>;

    /// Itself, for tests that look inside.
    #[cfg(any(test, fuzzing))]
    fn as_any(&self) -> &dyn core::any::Any;

    /// Itself, for tests that speak in its name.
    #[cfg(any(test, fuzzing))]
    fn as_any_mut(&mut self) -> &mut dyn core::any::Any;
}

/// What an SA is found by, which its steps may change.
pub(crate) struct Place {
    pub(crate) key: SaKey,
    /// The SPI that the peer's messages name it by.
    pub(crate) spi: Spi,
    /// Whose it is; a responder learns it late.
    pub(crate) connection: Option<ConnectionKey>,
    /// The side of the exchange that made it.
    pub(crate) role: Role,
    /// Where its peer is.
    pub(crate) remote: SocketAddr,
    /// The peer's own SPI.
    pub(crate) remote_spi: Spi,
}

/// How far an SA has come.
pub(crate) enum Stage<'s> {
    /// We began it, and have no answer that counts.
    Begun,
    /// We have said who we are; the peer may believe that it is up.
    Proving,
    /// The peer began it, and has not shown who it is: any of these.
    HalfOpen(&'s Candidates),
    /// It carries its connection.
    InUse,
    /// It was replaced, closed or withdrawn, and is there until the peer knows.
    Ending,
}

/// What an SA in use is beside others of its connection.
pub(crate) struct Usage<'s> {
    pub(crate) since: Instant,
    /// When something of the peer's came last, of one that can be asked for a sign of life.
    pub(crate) heard: Option<Instant>,
    /// When the first message of what made it was sent, or came.
    pub(crate) begun: Instant,
    /// When it is replaced; never, once that was begun.
    pub(crate) rekey_at: Instant,
    /// When another one is wanted, if this one was not replaced by then.
    pub(crate) renew_at: Instant,
    /// It is being replaced; which one will stay is open.
    pub(crate) is_rekeying: bool,
    /// The nonces of the exchange that made it, which both ends know.
    pub(crate) nonces: &'s ExchangeNonces,
}

/// What the endpoint has an SA do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send on this Child SA.
    Activate(ChildKey),
    /// The peer's packets come on this Child SA.
    ChildHeard(ChildKey),
    /// The caller has installed this Child SA, or could not.
    ChildInstalled(ChildKey, bool),
    /// End, and tell the peer.
    Close(Farewell),
    /// A packet of a Child SA came from there.
    HeardFrom(SocketAddr),
    /// Do this when its turn comes.
    Want(Want),
}

/// What can be wanted of an SA that is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    /// The Child SA of this index in the configuration.
    Child(usize),
    /// That this Child SA is deleted.
    ChildDelete(ChildKey),
    /// Another in the place of this Child SA.
    ChildRekey(ChildKey),
    /// Another IKE SA in its place.
    IkeRekey,
    /// A sign of life of the peer.
    Liveness,
}

/// How a contest of two SAs ended for one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Another one has its place.
    Replaced,
    /// The one that waited to take its place is gone.
    Unchallenged,
    /// It need not wait any more: the one whose place it was to take is gone.
    Unopposed,
}

/// What becomes of the Child SAs of an IKE SA that is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// They are gone at once.
    AtOnce,
    /// What is still on its way to them is taken: the peer does not know yet.
    Lingering,
}

/// Why an SA can't go on elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unportable {
    /// It waits for something that is the library's alone.
    Busy,
    /// It was never up, or is not any more.
    NotUp,
    /// It is one of IKEv1.
    Version1,
}

/// What one SA leaves to another.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    pub(crate) children: Vec<ChildSa>,
    /// Not before these times.
    pub(crate) wants: Vec<(Want, Instant)>,
}

/// What became of a message that was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    Processed,
    Repeated,
}

/// Why a datagram went no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DropReason {
    HalfOpenLimit,
    HalfOpenLimitOfPeer,
    Malformed,
    NotAuthentic,
    OtherVersion,
    OutOfOrder,
    UnknownPeer,
    UnknownSpi,
}

/// What a step may use of the endpoint.
pub(crate) struct Context<'e> {
    pub(crate) now: Instant,
    /// The same time of day, in seconds since 1970.
    pub(crate) time_of_day: u64,
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

    /// Takes the next one and so many after it; the first.
    pub(crate) fn next_keys(&mut self, after: u32) -> u64 {
        let first = self.next_key();
        self.next += u64::from(after);
        first
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

    /// IKEv1's name of an exchange after phase 1: never zero (RFC 2408 section 3.1).
    pub(crate) fn message_id(&mut self) -> u32 {
        loop {
            let mut octets = [0; 4];
            self.random.fill(&mut octets);
            let id = u32::from_be_bytes(octets);
            if id != 0 {
                return id;
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

    /// The same of one that is asked for, whose packets may come before it is installed.
    pub(crate) fn expected_spi(&mut self) -> u32 {
        let spi = self.esp_spi();
        self.push(Output::ExpectChild(spi));
        spi
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
    /// The peer of this connection refuses a Child SA in IKE_AUTH, and can do without (RFC 6023).
    Childless(ConnectionKey),
    /// Close this SA, which lost a collision or is redundant.
    Close(SaKey),
    /// The peer of this connection was at this address, with a suite that is not the connection's: of
    /// several connections it is the one to think of first.
    Expect(ConnectionKey),
    /// This SA is gone.
    Gone(SaKey, Ending),
    /// An SA of this connection that another has replaced has something more to leave.
    Inherit(ConnectionKey),
    /// The peer said, when it began this SA, that there was no other of the connection
    /// (INITIAL_CONTACT); its first message came at that time.
    InitialContact(SaKey, Instant),
    /// Move the Child SAs from the first SA to the second.
    MoveChildren(SaKey, SaKey),
    /// Somebody was not let in; what these connections could be told of it, one of which it has named, or not.
    NotLetIn {
        told: Vec<(ConnectionKey, Failure)>,
        is_named: bool,
    },
    /// A new SA, made by rekeying.
    New(Box<dyn Sa>),
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
    /// By a DELETE payload (RFC 7296 section 3.11, RFC 2408 section 3.15).
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
    /// Has these octets sent.
    pub(crate) const fn transmit(&self, octets: Vec<u8>) -> Output {
        Output::Transmit(Transmit {
            local_port: self.local_port,
            local: self.local,
            remote: self.remote,
            octets,
        })
    }

    pub(crate) fn send(&self, ctx: &mut Context<'_>, octets: Vec<u8>) {
        ctx.push(self.transmit(octets));
    }

    pub(crate) fn send_all(&self, ctx: &mut Context<'_>, datagrams: Vec<Vec<u8>>) {
        for octets in datagrams {
            self.send(ctx, octets);
        }
    }

    pub(crate) const fn with_remote(self, remote: SocketAddr) -> Self {
        Self { remote, ..self }
    }

    pub(crate) const fn local_address(&self) -> SocketAddr {
        SocketAddr::new(self.local, self.local_port)
    }
}
