//! All IKE SAs of one gateway: finds the SA a datagram belongs to, and keeps connections up.

pub(crate) mod candidates;
mod change;
mod connection;
mod effect;
mod first;
mod handover;
mod input;
mod record;
pub(crate) mod register;
mod replay;
mod surplus;
mod tape;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use adit_crypto::Random;

use crate::config::{ConnectionConfig, ConnectionKey, EndpointConfig, Identity};
use crate::endpoint::candidates::Neighbours;
use crate::endpoint::connection::Connection;
use crate::endpoint::register::Register;
use crate::endpoint::tape::{Noting, Tape};
use crate::output::{Age, ChildKey, Deadline, Output, Polled};
use crate::recording::Input;
use crate::sa::{Context, Effect, Numbers, Order, Sa, SaKey, Want};
use crate::time::Instant;
use crate::v2::cookie::CookieJar;

/// How long a retired Child SA still receives.
const LINGER: Duration = Duration::from_secs(5);

/// What the caller wants.
#[derive(Debug)]
pub enum Command {
    /// Have the peer of this connection give a sign of life now, if it is up: [`Endpoint::heard`] tells of it.
    Ask(ConnectionKey),
    /// A packet came in on this Child SA and was good.
    ChildHeard(ChildKey),
    /// A packet with a new highest sequence number came in on this Child SA from another address
    /// than its packets are sent to. Where the peer may be there, it is asked.
    ChildHeardFrom(ChildKey, SocketAddr),
    /// The answer to [`Output::InstallChild`].
    ChildInstalled(ChildKey, bool),
    /// Replace this Child SA now, for example because its sequence numbers run out.
    RekeyChild(ChildKey),
    /// Replace the IKE SA of this connection now.
    RekeyIke(ConnectionKey),
    /// Close the connection's SAs and forget it.
    RemoveConnection(ConnectionKey),
    /// Have this connection, in place of one with the same key. What the change does not touch
    /// stays up.
    SetConnection(ConnectionKey, Box<ConnectionConfig>),
    /// Packets wait for this connection: what it lacks is asked for now, if this end begins.
    Traffic(ConnectionKey),
}

/// What was counted since the endpoint was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Datagrams handed in.
    pub received: u64,
    /// Dropped: not an IKEv2 message, or one with malformed payloads.
    pub malformed: u64,
    /// Dropped: IKEv1 or an unknown version.
    pub other_version: u64,
    /// Dropped: no IKE SA has this SPI.
    pub unknown_spi: u64,
    /// Not let in: who calls itself what no connection's peer does.
    pub unknown_identity: u64,
    /// Dropped: no connection has this peer address.
    pub unknown_peer: u64,
    /// Dropped: the integrity check failed, or the message was not encrypted.
    pub not_authentic: u64,
    /// Dropped: a message ID outside the window, or an exchange that does not fit the state.
    pub out_of_order: u64,
    /// Dropped: too many half-open IKE SAs.
    pub half_open_limit: u64,
    /// Dropped: too many half-open IKE SAs with this peer address.
    pub half_open_limit_of_peer: u64,
    /// Half-open IKE SAs there are now.
    pub half_open: u64,
    /// How often it was looked for what a connection wants.
    pub maintained: u64,
    /// Reports of what anybody can cause that were left out, since there was one just before.
    pub events_left_out: u64,
    /// Initiators that were asked for a cookie.
    pub cookies_sent: u64,
    /// Requests that were answered again with the same octets.
    pub repeated: u64,
}

/// All IKE SAs of one gateway.
///
/// *Mutate once, then drain*: after each call that changes something, [`Self::poll_output`] is called
/// until it is idle, and everything it answers is done.
///
/// ```
/// use adit_crypto::SystemRandom;
/// use adit_ike::{Command, ConnectionKey, Endpoint, EndpointConfig, Event, Instant, Output, Polled};
///
/// let limits = EndpointConfig::default();
/// let mut endpoint = Endpoint::new(Instant::ZERO, limits, Box::new(SystemRandom));
/// # let config = adit_sim::Pair::usual(adit_sim::Side::A);
/// // One call that changes something, at a time that is an argument.
/// let now = Instant::from_micros(1_000);
/// let connection = ConnectionKey(7);
/// endpoint.handle_command(now, Command::SetConnection(connection, Box::new(config)));
///
/// // All that comes of it.
/// let (mut sent, mut told) = (Vec::new(), Vec::new());
/// let deadline = loop {
///     match endpoint.poll_output() {
///         Polled::Output(Output::Transmit(datagram)) => sent.push(datagram),
///         Polled::Output(Output::Event(event)) => told.push(event),
///         Polled::Output(other) => unreachable!("{other:?}"),
///         Polled::Idle(deadline) => break deadline.unwrap(),
///     }
/// };
/// assert_eq!((sent.len(), sent[0].remote.port()), (1, 500));
/// assert_eq!(told, [Event::Connecting(connection)]);
///
/// // Nobody answers; at the time it named, what it named the time for is due.
/// assert_eq!(deadline.why, "retransmission");
/// endpoint.handle_timeout(deadline.at);
/// let Polled::Output(Output::Transmit(again)) = endpoint.poll_output() else {
///     unreachable!("it is sent again");
/// };
/// assert_eq!(again, sent[0]);
/// ```
///
/// `examples/two_peers.rs` shows all a caller has to do.
pub struct Endpoint {
    limits: EndpointConfig,
    /// At which time of its clock it was so late, in seconds since 1970.
    time_of_day: (Instant, u64),
    random: Noting,
    connections: BTreeMap<ConnectionKey, Connection>,
    /// The connections between two addresses, ours first.
    by_addresses: BTreeMap<(IpAddr, IpAddr), Neighbours>,
    /// The connections between two identities, ours first.
    by_identities: BTreeMap<(Identity, Identity), BTreeSet<ConnectionKey>>,
    pub(crate) sas: Register,
    /// Connections that something happened to: what they want is looked at before the step ends.
    touched: BTreeSet<ConnectionKey>,
    /// When connections want to be looked at although nothing happens to them.
    plans: BTreeSet<(Deadline, ConnectionKey)>,
    cookies: CookieJar,
    numbers: Numbers,
    outputs: VecDeque<Output>,
    effects: Vec<Effect>,
    /// In the order of time.
    lingering: VecDeque<(Instant, ChildKey)>,
    statistics: Statistics,
    /// What happens to connections, where it is recorded.
    tape: Option<Tape>,
}

impl core::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Endpoint({} IKE SAs)", self.sas.len())
    }
}

impl Endpoint {
    /// An endpoint without connections. All randomness it will ever use comes from `random`.
    #[must_use]
    pub fn new(now: Instant, limits: EndpointConfig, mut random: Box<dyn Random>) -> Self {
        Self {
            limits,
            time_of_day: (now, 0),
            cookies: CookieJar::new(now, &mut *random),
            random: Noting::new(random),
            connections: BTreeMap::new(),
            by_addresses: BTreeMap::new(),
            by_identities: BTreeMap::new(),
            sas: Register::default(),
            touched: BTreeSet::new(),
            plans: BTreeSet::new(),
            numbers: Numbers::default(),
            outputs: VecDeque::new(),
            effects: Vec::new(),
            lingering: VecDeque::new(),
            statistics: Statistics::default(),
            tape: None,
        }
    }

    /// Says how late it is `now`, in seconds since 1970. Certificates are valid from one time of day to another: before
    /// it is known they are not valid yet. The clock of the machine may be set at any time, so it is to be said often.
    pub const fn set_time_of_day(&mut self, now: Instant, seconds: u64) {
        self.time_of_day = (now, seconds);
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            half_open: self.sas.half_open() as u64,
            ..self.statistics
        }
    }

    /// When the peer of a connection was last heard on an IKE SA that is up, by a message that was authentic or by
    /// what [`Command::ChildHeard`] said. `None` where none is up, and of a peer that can't be asked, as some can't that
    /// speak IKEv1 (RFC 3706).
    #[must_use]
    pub fn heard(&self, connection: ConnectionKey) -> Option<Instant> {
        let all = self.in_use(connection);
        all.filter_map(|(_, usage)| usage.heard).max()
    }

    /// Since when the IKE SA of a connection is up, and when it is replaced: the youngest one's, where there are
    /// several. `None` where none is up.
    #[must_use]
    pub fn age(&self, connection: ConnectionKey) -> Option<Age> {
        let all = self.in_use(connection).map(|(_, usage)| Age {
            since: usage.since,
            rekey_at: Some(usage.rekey_at).filter(|at| *at != Instant::NEVER),
        });
        all.max_by_key(|age| age.since)
    }

    /// The same of a connection's Child SAs.
    pub fn ages_of_children(
        &self,
        connection: ConnectionKey,
    ) -> impl Iterator<Item = (ChildKey, Age)> {
        let all = self.in_use(connection);
        all.flat_map(|(sa, _)| sa.children()).map(|child| {
            let age = Age {
                since: child.since,
                rekey_at: Some(child.rekey_at).filter(|at| *at != Instant::NEVER),
            };
            (child.key, age)
        })
    }

    /// How many IKE SAs there are, in every state.
    #[must_use]
    pub fn sa_count(&self) -> usize {
        self.sas.len()
    }

    /// Does as told.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let called = self.called(now, &command);
        self.begin_call();
        match command {
            Command::Ask(connection) => {
                if let Some(key) = self.newest_in_use(connection) {
                    self.order(now, key, Order::Want(Want::Liveness));
                }
            }
            Command::ChildHeard(child) => self.order_of(now, child, Order::ChildHeard(child)),
            Command::ChildHeardFrom(child, remote) => {
                self.order_of(now, child, Order::HeardFrom(remote));
            }
            Command::ChildInstalled(child, installed) => {
                self.order_of(now, child, Order::ChildInstalled(child, installed));
            }
            Command::RekeyChild(child) => {
                self.order_of(now, child, Order::Want(Want::ChildRekey(child)));
            }
            Command::RekeyIke(connection) => {
                if !self.is_rekeying(connection)
                    && let Some(key) = self.newest_in_use(connection)
                {
                    self.order(now, key, Order::Want(Want::IkeRekey));
                }
            }
            Command::RemoveConnection(connection) => self.remove_connection(now, connection),
            Command::SetConnection(connection, config) => {
                self.set_connection(now, connection, *config);
            }
            Command::Traffic(connection) => self.hurry(now, connection),
        }
        self.settle(now);
        self.end_call(now, called, || Input::Timeout);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin_call();
        for key in self.sas.due(now) {
            self.with_sa(now, key, |ctx, sa| sa.handle_timeout(ctx));
        }
        while let Some((at, child)) = self.lingering.front().copied()
            && at <= now
        {
            self.lingering.pop_front();
            self.outputs.push_back(Output::RemoveChild(child));
        }
        let due = self.plans.iter().take_while(|(plan, _)| plan.at <= now);
        self.touched.extend(due.map(|(_, connection)| *connection));
        self.settle(now);
        self.end_call(now, None, || Input::Timeout);
    }

    /// The next thing to do, or when to call [`Self::handle_timeout`].
    pub fn poll_output(&mut self) -> Polled {
        if let Some(output) = self.outputs.pop_front() {
            return Polled::Output(output);
        }
        let lingering = self.lingering.front().map(|(at, _)| Deadline {
            at: *at,
            why: "retired Child SA",
        });
        let plan = self.plans.first().map(|(plan, _)| *plan);
        let next = [self.sas.next_due(), lingering, plan];
        Polled::Idle(next.into_iter().flatten().min())
    }

    /// Lets one SA act, then does what it wants of the endpoint.
    fn with_sa<R>(
        &mut self,
        now: Instant,
        key: SaKey,
        act: impl FnOnce(&mut Context<'_>, &mut dyn Sa) -> R,
    ) -> Option<R> {
        let acted = self.try_with_sa(now, key, |ctx, sa| {
            Ok::<_, core::convert::Infallible>(act(ctx, sa))
        });
        acted.map(|Ok(result)| result)
    }

    /// Lets one SA look at something, and act if that is good. What is not good costs no more than
    /// the look: neither SAs nor connections are gone through.
    fn try_with_sa<R, E>(
        &mut self,
        now: Instant,
        key: SaKey,
        act: impl FnOnce(&mut Context<'_>, &mut dyn Sa) -> Result<R, E>,
    ) -> Option<Result<R, E>> {
        let mut sa = self.sas.take(key)?;
        let alone = self.is_alone(&*sa);
        let crowded = self.is_crowded(&*sa);
        let noted = self.begin_act(Some(&*sa));
        let mut ctx = Context {
            alone,
            crowded,
            ..self.context(now)
        };
        let result = act(&mut ctx, &mut *sa);
        if result.is_err() {
            self.random.end();
            self.sas.put_back(key, sa);
            return Some(result);
        }
        sa.proceed(&mut ctx);
        self.end_act(noted, sa.place().connection);
        self.touched.extend(sa.place().connection);
        self.sas.put(sa);
        self.apply_effects(now);
        Some(result)
    }

    /// What an SA acts with that is not there yet, or no other's.
    fn context(&mut self, now: Instant) -> Context<'_> {
        let (then, seconds) = self.time_of_day;
        Context {
            now,
            time_of_day: seconds.saturating_add((now - then).as_secs()),
            random: &mut self.random,
            outputs: &mut self.outputs,
            effects: &mut self.effects,
            numbers: &mut self.numbers,
            limits: self.limits,
            alone: false,
            crowded: false,
        }
    }

    /// Has one SA do something.
    fn order(&mut self, now: Instant, key: SaKey, order: Order) {
        self.with_sa(now, key, |ctx, sa| sa.obey(ctx, order));
    }

    /// Has the SA of a Child SA do something.
    fn order_of(&mut self, now: Instant, child: ChildKey, order: Order) {
        if let Some(key) = self.sas.of_child(child) {
            self.order(now, key, order);
        }
    }
}
