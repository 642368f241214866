//! The control loop: one thread that waits for the supervisor, for IKE messages and for deadlines.

mod lanes;
mod news;
mod orders;
mod outputs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_crypto::SystemRandom;
use adit_dataplane::{Config, IkeQueue, Owner, Userspace};
use adit_ike::{
    ChildKey, Command, ConnectionConfig, ConnectionKey, Encapsulation, Endpoint, EndpointConfig,
    Polled,
};
use adit_model::OuterAddresses;
use adit_model::gateway::MAX_TUNNELS;
use adit_model::observed::Drops;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use time::OffsetDateTime;

use crate::conversion;
use crate::descriptors::{Descriptors, IkeSockets, Lost};
use crate::error::{WorkerError, failed};
use crate::flood::Flood;
use crate::forwarder::Forwarded;
use crate::keepalive::Keepalives;
use crate::privileges;
use crate::protocol::{FromWorker, RECORDED, RECORDED_OF_ALL};
use crate::run::lanes::Lanes;
use crate::run::news::LOOK;
use crate::run::orders::{Lead, Order};
use crate::tunnel::Tunnel;
use crate::wiping::Incoming;

/// Receives on port 500 before messages get their turn.
const RECEIVES_AT_ONCE: usize = 256;

/// How many datagrams of port 500 are taken before anything else gets its turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// The most Child SAs at a time: one of each tunnel, its replacement, and as many for tunnels of several blocks.
const MAX_CHILDREN: usize = 4 * MAX_TUNNELS;

/// Runs a worker on its control socket until the supervisor ends it or goes away. Where it is root, it becomes `user`,
/// who should be nobody else. `encapsulation`: whether its tunnels' packets go in UDP.
///
/// # Errors
/// A descriptor does not work, privileges can't be dropped, or the supervisor goes away.
pub fn run(
    control: UnixStream,
    user: u32,
    encapsulation: Encapsulation,
) -> Result<(), WorkerError> {
    let descriptors = Descriptors::receive(&control)?;
    privileges::drop_all(&control, user).map_err(failed("giving up privileges"))?;
    let mut worker = start(control, descriptors, encapsulation)?;
    worker.tell(&FromWorker::Ready);
    let outcome = worker.serve();
    worker.dataplane.stop();
    outcome
}

/// A worker without tunnels, whose data plane runs.
fn start(
    control: UnixStream,
    descriptors: Descriptors,
    encapsulation: Encapsulation,
) -> Result<Worker, WorkerError> {
    let Descriptors { tun, first, other } = descriptors;
    let (udp, raw) = other
        .map(|ports| ((ports.ike, ports.nat), (ports.esp, ports.ah)))
        .unzip();
    let ((other_ike, other_nat), (other_esp, other_ah)) = (udp.unzip(), raw.unzip());
    let ike = IkeSockets::new([first.ike].into_iter().chain(other_ike));
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
        udp: first.nat,
        udp_other: other_nat,
        esp: [first.esp].into_iter().chain(other_esp).collect(),
        ah: [first.ah].into_iter().chain(other_ah).collect(),
        outer_mtu: 1500,
        max_children: MAX_CHILDREN,
        clamp_mss: true,
    };
    let dataplane = Userspace::start(config, Arc::clone(&queue), move || {
        // A full pipe means that a wake-up is under way already.
        let _ = (&wake).write(&[1]);
    })
    .map_err(failed("starting the data plane"))?;
    let started = Instant::now();
    let random = Box::new(SystemRandom);
    let limits = EndpointConfig::default();
    let mut endpoint = Endpoint::new(adit_ike::Instant::ZERO, limits, random);
    endpoint.record(RECORDED, RECORDED_OF_ALL);
    Ok(Worker {
        endpoint,
        started,
        control,
        ike,
        woken,
        queue,
        lost: Lost::default(),
        dataplane,
        encapsulation,
        addresses: None,
        tunnels: BTreeMap::new(),
        changed: BTreeSet::new(),
        later: BTreeSet::new(),
        again: BTreeSet::new(),
        configured: HashMap::new(),
        holding: BTreeSet::new(),
        met: BTreeMap::new(),
        lanes: BTreeMap::new(),
        next_watch: None,
        leads: BTreeMap::new(),
        children: BTreeMap::new(),
        owners: HashMap::new(),
        children_of: BTreeSet::new(),
        incoming: Incoming::default(),
        outgoing: Vec::new(),
        next_look: started + LOOK,
        looks: 0,
        keepalives: Keepalives::default(),
        load_told: Default::default(),
        flood: Flood::default(),
    })
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
    encapsulation: Encapsulation,
    addresses: Option<OuterAddresses>,
    tunnels: BTreeMap<ConnectionKey, Tunnel>,
    /// Those of which something other than counters may be worth telling.
    changed: BTreeSet<ConnectionKey>,
    /// Those to look at when counters are told next.
    later: BTreeSet<ConnectionKey>,
    /// Those to look at then from some time on, when what is so still will be worth telling.
    again: BTreeSet<(OffsetDateTime, ConnectionKey)>,
    configured: HashMap<ConnectionKey, ConnectionConfig>,
    /// The connections whose packets wait while there is no SA.
    holding: BTreeSet<ConnectionKey>,
    /// Where peers are that may be at any address.
    met: BTreeMap<ConnectionKey, IpAddr>,
    /// Of the connections with a tunnel from each of the gateway's addresses.
    lanes: BTreeMap<Owner, Lanes>,
    /// When to look whether peers that are silent answer, if any is.
    next_watch: Option<Instant>,
    /// Of every connection, also of those that are set down or can't be: their packets take no other way.
    leads: BTreeMap<ConnectionKey, Lead>,
    children: BTreeMap<ChildKey, Forwarded>,
    owners: HashMap<ChildKey, ConnectionKey>,
    children_of: BTreeSet<(ConnectionKey, ChildKey)>,
    incoming: Incoming,
    outgoing: Vec<u8>,
    next_look: Instant,
    looks: u32,
    keepalives: Keepalives,
    load_told: (Drops, u64),
    flood: Flood,
}

impl Worker {
    fn now(&self) -> adit_ike::Instant {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        adit_ike::Instant::from_micros(micros)
    }

    fn serve(&mut self) -> Result<(), WorkerError> {
        let mut buffer = vec![0; 65_536];
        loop {
            self.tell_time();
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
            } else if self.next_watch.is_some_and(|at| Instant::now() >= at) {
                self.look_at_busy();
                self.watch();
            }
        }
    }

    /// Says how late it is, which certificates are judged by.
    fn tell_time(&mut self) {
        let seconds = OffsetDateTime::now_utc().unix_timestamp();
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let now = self.now();
        self.endpoint.set_time_of_day(now, seconds);
    }

    /// Sleeps until something comes in or is due.
    fn wait(&self, deadline: Option<adit_ike::Deadline>) -> Result<(), WorkerError> {
        let next = self
            .next_watch
            .map_or(self.next_look, |at| at.min(self.next_look));
        let mut timeout = next.saturating_duration_since(Instant::now());
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
        for owner in self.dataplane.take_wanted() {
            for key in conversion::keys(owner) {
                self.command(Command::Traffic(key));
            }
        }
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
}
