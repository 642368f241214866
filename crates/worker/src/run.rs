//! The control loop: one thread that waits for the supervisor, for IKE messages and for deadlines.

mod orders;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_crypto::SystemRandom;
use adit_dataplane::{Config, ConnectionBlocks, Dataplane, IkeQueue, Userspace};
use adit_ike::{
    ChildKey, Command, ConnectionConfig, ConnectionKey, Endpoint, EndpointConfig, Event,
    InstallChild, Output, Polled, Transmit,
};
use adit_model::OuterAddresses;
use adit_model::observed::Drops;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use time::OffsetDateTime;

use crate::conversion;
use crate::descriptors::{Descriptors, IkeSockets, Lost};
use crate::drops;
use crate::flood::{Flood, FloodNews};
use crate::forwarder::Forwarded;
use crate::privileges;
use crate::protocol::{FromWorker, MAX_LINE, ToWorker};
use crate::tunnel::Tunnel;
use crate::wiping::Incoming;

/// How often counters are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How many looks until counters are told.
const TELL_EVERY: u32 = 4;

/// Receives on port 500 before messages get their turn.
const RECEIVES_AT_ONCE: usize = 256;

/// How many datagrams of port 500 are taken before anything else gets its turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// How long a worker that was told to end waits for its peers.
const FAREWELL: Duration = Duration::from_millis(400);

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The control socket did not bring three descriptors, or five.
    #[error("the supervisor did not hand over a TUN device and two sockets for each address")]
    Descriptors,
    /// The supervisor went away.
    #[error("the supervisor is gone")]
    Abandoned,
    /// Something it needs failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The supervisor said something that can't be understood.
    #[error("the supervisor's order can't be understood")]
    Order(#[source] serde_json::Error),
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> WorkerError {
    move |source| WorkerError::Io { doing, source }
}

/// Runs a worker on its control socket until the supervisor ends it or goes away. Where it is root, it becomes `user`,
/// who should be nobody else.
///
/// # Errors
/// A descriptor does not work, privileges can't be dropped, or the supervisor goes away.
pub fn run(control: UnixStream, user: u32) -> Result<(), WorkerError> {
    let Descriptors { tun, v4, v6 } = Descriptors::receive(&control)?;
    privileges::drop_all(&control, user).map_err(failed("giving up privileges"))?;
    let (ike_v6, nat_v6) = v6.map(|ports| (ports.ike, ports.nat)).unzip();
    let ike = IkeSockets::new([v4.ike].into_iter().chain(ike_v6));
    let ike = ike.map_err(failed("preparing sockets"))?;
    let (wake, woken) = UnixStream::pair().map_err(failed("making the wake-up pipe"))?;
    for socket in [&wake, &woken, &control] {
        socket
            .set_nonblocking(true)
            .map_err(failed("preparing sockets"))?;
    }
    let queue = Arc::new(IkeQueue::default());
    let config = Config {
        tun,
        udp: v4.nat,
        udp_other: nat_v6,
        outer_mtu: 1500,
        clamp_mss: true,
    };
    let dataplane = Userspace::start(config, Arc::clone(&queue), move || {
        // A full pipe means that a wake-up is under way already.
        let _ = (&wake).write(&[1]);
    })
    .map_err(failed("starting the data plane"))?;
    let started = Instant::now();
    let random = Box::new(SystemRandom);
    let mut worker = Worker {
        endpoint: Endpoint::new(adit_ike::Instant::ZERO, EndpointConfig::default(), random),
        started,
        control,
        ike,
        woken,
        queue,
        lost: Lost::default(),
        dataplane,
        addresses: None,
        tunnels: BTreeMap::new(),
        changed: BTreeSet::new(),
        configured: HashMap::new(),
        leads: BTreeMap::new(),
        children: BTreeMap::new(),
        owners: HashMap::new(),
        incoming: Incoming::default(),
        outgoing: Vec::new(),
        next_look: started + LOOK,
        looks: 0,
        load_told: Default::default(),
        flood: Flood::default(),
    };
    worker.tell(&FromWorker::Ready);
    let outcome = worker.serve();
    worker.dataplane.stop();
    outcome
}

struct Worker {
    endpoint: Endpoint,
    started: Instant,
    control: UnixStream,
    ike: IkeSockets,
    woken: UnixStream,
    /// What came in by all sockets.
    queue: Arc<IkeQueue>,
    lost: Lost,
    dataplane: Userspace,
    addresses: Option<OuterAddresses>,
    tunnels: BTreeMap<ConnectionKey, Tunnel>,
    /// Those of which something other than counters may be worth telling.
    changed: BTreeSet<ConnectionKey>,
    configured: HashMap<ConnectionKey, ConnectionConfig>,
    /// Of every connection, also of those that are set down or can't be: their packets take no other way.
    leads: BTreeMap<ConnectionKey, Lead>,
    children: BTreeMap<ChildKey, Forwarded>,
    owners: HashMap<ChildKey, ConnectionKey>,
    incoming: Incoming,
    outgoing: Vec<u8>,
    next_look: Instant,
    looks: u32,
    load_told: (Drops, u64),
    flood: Flood,
}

/// Where a connection's packets belong, and whose messages are about it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Lead {
    blocks: ConnectionBlocks,
    peer: Option<IpAddr>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Continue,
    End,
}

impl Worker {
    fn now(&self) -> adit_ike::Instant {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        adit_ike::Instant::from_micros(micros)
    }

    fn serve(&mut self) -> Result<(), WorkerError> {
        let mut buffer = vec![0; 65_536];
        loop {
            let deadline = self.drain();
            self.tell_news(false);
            self.flush()?;
            self.wait(deadline)?;
            if self.take_orders(&mut buffer)? == Order::End {
                self.say_farewell(&mut buffer);
                return Ok(());
            }
            self.take_messages(&mut buffer);
            self.endpoint.handle_timeout(self.now());
            if Instant::now() >= self.next_look {
                self.look();
            }
        }
    }

    /// Sleeps until something comes in or is due.
    fn wait(&self, deadline: Option<adit_ike::Deadline>) -> Result<(), WorkerError> {
        let mut timeout = self.next_look.saturating_duration_since(Instant::now());
        if !self.queue.is_empty() {
            timeout = Duration::ZERO;
        }
        if let Some(deadline) = deadline {
            timeout = timeout.min(deadline.at - self.now());
        }
        // Rounding up: waking before the deadline would only spin.
        let millis = u16::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut control = PollFlags::POLLIN;
        if !self.outgoing.is_empty() {
            control |= PollFlags::POLLOUT;
        }
        let mut descriptors = vec![
            PollFd::new(self.control.as_fd(), control),
            PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
        ];
        let ike = self.ike.descriptors();
        descriptors.extend(ike.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
        match poll(&mut descriptors, PollTimeout::from(millis)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(failed("waiting")(error.into())),
        }
    }

    fn take_orders(&mut self, buffer: &mut [u8]) -> Result<Order, WorkerError> {
        loop {
            match self.control.read(buffer) {
                Ok(0) => return Err(WorkerError::Abandoned),
                Ok(count) => {
                    self.incoming
                        .take_from(buffer.get_mut(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading orders")(error)),
            }
        }
        while let Some(line) = self.incoming.line() {
            match serde_json::from_slice(&line).map_err(WorkerError::Order)? {
                ToWorker::Apply(order) => self.apply(&order),
                ToWorker::Change(order) => self.change(&order),
                ToWorker::Shutdown => return Ok(Order::End),
            }
        }
        if self.incoming.len() > MAX_LINE {
            return Err(failed("reading orders")(io::Error::other(
                "an order is too long",
            )));
        }
        Ok(Order::Continue)
    }

    fn command(&mut self, command: Command) {
        let now = self.now();
        self.endpoint.handle_command(now, command);
    }

    fn take_messages(&mut self, buffer: &mut [u8]) {
        while self
            .woken
            .read(buffer)
            .is_ok_and(|count| count == buffer.len())
        {}
        if self.addresses.is_none() {
            // Before the first order every peer would be a stranger.
            return;
        }
        self.ike
            .receive(RECEIVES_AT_ONCE, buffer, &self.queue, &mut self.lost);
        let now = self.now();
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Some(message) = self.queue.pop() else {
                break;
            };
            self.endpoint
                .handle_datagram(now, message.local, message.from, &message.bytes);
        }
    }

    /// Does all the endpoint wants; its next deadline.
    fn drain(&mut self) -> Option<adit_ike::Deadline> {
        loop {
            match self.endpoint.poll_output() {
                Polled::Idle(deadline) => return deadline,
                Polled::Output(output) => self.act(output),
            }
        }
    }

    fn act(&mut self, output: Output) {
        let dataplane = &self.dataplane;
        match output {
            Output::ActivateOutbound(key) => {
                if let Some(child) = self.children.get(&key) {
                    child.activate_outbound(dataplane);
                }
            }
            Output::Event(event) => self.note(&event),
            Output::InstallChild(child) => self.install(&child),
            Output::MoveChild(key, remote) => {
                if let Some(child) = self.children.get_mut(&key) {
                    child.move_to(dataplane, remote);
                }
            }
            Output::RemoveChild(key) => self.remove(key),
            Output::RetireChild(key) => {
                if let Some(child) = self.children.get(&key) {
                    child.stop_outbound(dataplane);
                }
            }
            Output::Transmit(transmit) => self.send(&transmit),
        }
    }

    fn send(&self, transmit: &Transmit) {
        let outcome = if transmit.local_port == 500 {
            self.ike.send(&transmit.octets, transmit.remote)
        } else {
            self.dataplane.send_ike(transmit.remote, &transmit.octets)
        };
        if let Err(error) = outcome {
            // Like a loss on the way: the message is repeated.
            tracing::debug!(%error, "an IKE message could not be sent");
        }
    }

    fn install(&mut self, child: &InstallChild) {
        let owner = self.tunnels.get(&child.connection);
        let mtu = owner.and_then(|tunnel| tunnel.mtu);
        let outcome = Forwarded::install(&self.dataplane, child, mtu);
        let installed = match outcome {
            Ok(forwarded) => {
                self.children.insert(child.child, forwarded);
                self.owners.insert(child.child, child.connection);
                true
            }
            Err(error) => {
                tracing::error!(%error, "a Child SA could not be installed");
                false
            }
        };
        self.command(Command::ChildInstalled(child.child, installed));
    }

    fn remove(&mut self, key: ChildKey) {
        self.look_at(key);
        if let Some(child) = self.children.remove(&key) {
            child.remove(&self.dataplane);
        }
        if let Some(owner) = self.owners.remove(&key)
            && let Some(tunnel) = self.tunnels.get_mut(&owner)
        {
            tunnel.settle(key);
        }
    }

    fn note(&mut self, event: &Event) {
        let key = match event {
            Event::ChildUp { connection, .. }
            | Event::ChildDown { connection, .. }
            | Event::Connecting(connection)
            | Event::Failed(connection, _)
            | Event::IkeUp { connection, .. }
            | Event::IkeDown(connection)
            | Event::PartFailed(connection, ..) => *connection,
        };
        let connection = conversion::connection_id(key);
        let Some(tunnel) = self.tunnels.get_mut(&key) else {
            return;
        };
        tunnel.on_event(event, OffsetDateTime::now_utc());
        let anybodys = matches!(
            event,
            Event::Connecting(_) | Event::Failed(..) | Event::PartFailed(..)
        );
        let left_out = if anybodys {
            tunnel.lines.allow(Instant::now())
        } else {
            Some(0)
        };
        // What is left out here is told with the next counters, if it is still so.
        let Some(left_out) = left_out else { return };
        self.changed.insert(key);
        // Said only where there is something to say.
        let left_out = (left_out > 0).then_some(left_out);
        tracing::info!(%connection, ?event, left_out, "tunnel");
    }

    /// Looks at all counters.
    fn look(&mut self) {
        self.next_look = Instant::now() + LOOK;
        self.looks = self.looks.wrapping_add(1);
        let keys: Vec<_> = self.children.keys().copied().collect();
        for key in keys {
            self.look_at(key);
        }
        let with_counters = self.looks.is_multiple_of(TELL_EVERY);
        self.tell_news(with_counters);
        if with_counters {
            self.tell_load();
            self.tell(&FromWorker::Alive);
        }
    }

    fn look_at(&mut self, key: ChildKey) {
        let Some(child) = self.children.get_mut(&key) else {
            return;
        };
        let Some(look) = child.look(&self.dataplane) else {
            return;
        };
        if let Some(remote) = look.moved {
            self.command(Command::ChildHeardFrom(key, remote));
        }
        if let Some(tunnel) = self
            .owners
            .get(&key)
            .and_then(|owner| self.tunnels.get_mut(owner))
        {
            tunnel.count(key, look.counters);
        }
        if look.heard {
            self.command(Command::ChildHeard(key));
        }
        if look.exhausting {
            self.command(Command::RekeyChild(key));
        }
    }

    fn tell_news(&mut self, with_traffic: bool) {
        let changed = std::mem::take(&mut self.changed);
        let keys = if with_traffic {
            self.tunnels.keys().copied().collect()
        } else {
            changed
        };
        for key in keys {
            let tunnel = self.tunnels.get_mut(&key);
            if let Some(observed) = tunnel.and_then(|tunnel| tunnel.news(with_traffic)) {
                let connection = conversion::connection_id(key);
                self.tell(&FromWorker::of_tunnel(connection, observed));
            }
        }
    }

    fn tell_load(&mut self) {
        let (packets, messages) = (self.dataplane.counters(), self.endpoint.statistics());
        let drops = drops::of(&packets, &messages, &self.lost);
        match self.flood.look(&drops) {
            Some(FloodNews::Begins(cause)) => {
                tracing::warn!(cause, "a flood of unwanted datagrams begins");
            }
            Some(FloodNews::Ended(dropped)) => {
                tracing::warn!(dropped, "a flood of unwanted datagrams has ended");
            }
            None => {}
        }
        let load = (drops, messages.half_open);
        if load != self.load_told {
            self.load_told = load.clone();
            let (drops, half_open) = load;
            self.tell(&FromWorker::Load { drops, half_open });
        }
    }

    fn tell(&mut self, message: &FromWorker) {
        // A supervisor that does not read for so long is as good as gone; the newest state is
        // told again with the next change.
        if self.outgoing.len() < MAX_LINE
            && serde_json::to_writer(&mut self.outgoing, message).is_ok()
        {
            self.outgoing.push(b'\n');
        }
    }

    fn flush(&mut self) -> Result<(), WorkerError> {
        while !self.outgoing.is_empty() {
            match self.control.write(&self.outgoing) {
                Ok(count) => {
                    self.outgoing.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(WorkerError::Abandoned),
            }
        }
        Ok(())
    }

    /// Deletes all SAs and gives the peers a moment to hear of it.
    fn say_farewell(&mut self, buffer: &mut [u8]) {
        let keys: Vec<_> = self.tunnels.keys().copied().collect();
        for key in keys {
            self.command(Command::RemoveConnection(key));
        }
        let end = Instant::now() + FAREWELL;
        loop {
            let deadline = self.drain();
            if self.endpoint.sa_count() == 0 || Instant::now() >= end {
                return;
            }
            self.next_look = end;
            if self.wait(deadline).is_err() {
                return;
            }
            self.take_messages(buffer);
            self.endpoint.handle_timeout(self.now());
        }
    }
}
