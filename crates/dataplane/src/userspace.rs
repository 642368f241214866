//! The userspace data plane: two threads that run to completion, and the handle that commands them.
//!
//! Each direction of an SA belongs to one thread, so that sequence numbers and replay windows are plain integers.
//! Both threads sleep while there is nothing to do.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use adit_esp::Protocol;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::children::{InboundCommand, InboundTable, OutboundCommand, OutboundTable, Register};
use crate::coalesce::Coalescer;
use crate::command::CommandQueue;
use crate::counters::{ChildCounters, Counters, Totals};
use crate::inbound::{InboundLoop, KEEPALIVE, NON_ESP_MARKER};
use crate::outbound::{Batch, OutboundLoop};
use crate::raw::RawPorts;
use crate::trap::{Traps, Wanted};
use crate::udp::UdpPorts;
use crate::{ChildId, ChildSa, Dataplane, IkeQueue, InstallError, Owner, RouteChange, Sharing};

/// The smallest path MTU there is reason to configure: what every IPv4 host takes.
const MIN_OUTER_MTU: u16 = 576;

/// What the data plane works on. It opens nothing itself.
#[derive(Debug)]
pub struct Config {
    /// A TUN device opened with `IFF_TUN | IFF_NO_PI | IFF_VNET_HDR`, its vnet header 10 octets long (the default),
    /// and, for speed, `TUNSETOFFLOAD` with `TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6`. It is made non-blocking.
    pub tun: OwnedFd,
    /// A UDP socket bound to the gateway's address and port 4500. It is made non-blocking.
    pub udp: OwnedFd,
    /// One on another address of the gateway's, if it has two.
    pub udp_other: Option<OwnedFd>,
    /// Raw sockets of ESP (IP protocol 50), each bound to an address of the gateway. They are made non-blocking. Without one, no ESP goes but in UDP.
    pub esp: Vec<OwnedFd>,
    /// The same of AH (IP protocol 51); IPv4's with `IP_HDRINCL`. Without one there is no AH.
    pub ah: Vec<OwnedFd>,
    /// Octets of the largest IP packet on the way to peers, usually 1500. At least 576.
    pub outer_mtu: u16,
    /// The most Child SAs there may be at a time, rekeying ones included.
    pub max_children: usize,
    /// Whether to lower the MSS of TCP connections, in both directions, to what fits the tunnel.
    pub clamp_mss: bool,
}

/// A running userspace data plane; it stops when dropped.
pub struct Userspace {
    outer_mtu: u16,
    udp: Arc<UdpPorts>,
    totals: Arc<Totals>,
    inbound: Arc<CommandQueue<InboundCommand>>,
    outbound: Arc<CommandQueue<OutboundCommand>>,
    /// `None` once stopped. Locked while commands are queued, so that both loops see them in one order.
    register: Mutex<Option<Register>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    wanted: Arc<Wanted>,
}

impl Userspace {
    /// Starts the loops. IKE messages go to `ike`, and are dropped while that has no place for them; `wake` is called
    /// after each, and when packets begin to wait for an SA, from the loops' threads. It must not block.
    ///
    /// # Errors
    /// If the MTU is too small, a descriptor is not what it should be, or a thread cannot be started.
    pub fn start(
        config: Config,
        ike: Arc<IkeQueue>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let Config {
            tun,
            udp,
            udp_other,
            esp,
            ah,
            outer_mtu,
            max_children,
            clamp_mss,
        } = config;
        if outer_mtu < MIN_OUTER_MTU {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "path MTU is below 576",
            ));
        }
        let flags = OFlag::from_bits_retain(fcntl(&tun, FcntlArg::F_GETFL)?);
        fcntl(&tun, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        let device = Arc::new(File::from(tun));
        let udp = Arc::new(UdpPorts::new(udp, udp_other)?);
        let esp = Arc::new(RawPorts::new(Protocol::Esp, esp)?);
        let ah = Arc::new(RawPorts::new(Protocol::Ah, ah)?);
        let this = Self {
            outer_mtu,
            udp: Arc::clone(&udp),
            totals: Arc::default(),
            inbound: Arc::new(CommandQueue::new()?),
            outbound: Arc::new(CommandQueue::new()?),
            register: Mutex::new(Some(Register::new(max_children))),
            threads: Mutex::default(),
            wanted: Arc::default(),
        };
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let outbound = OutboundLoop {
            device: Arc::clone(&device),
            udp: Arc::clone(&udp),
            esp: Arc::clone(&esp),
            ah: Arc::clone(&ah),
            commands: Arc::clone(&this.outbound),
            totals: Arc::clone(&this.totals),
            clamp_mss,
            children: OutboundTable::default(),
            batch: Batch::new(),
            traps: Traps::new(Arc::clone(&this.wanted)),
            wake: Arc::clone(&wake),
        };
        let inbound = InboundLoop {
            device,
            udp,
            esp,
            ah,
            commands: Arc::clone(&this.inbound),
            totals: Arc::clone(&this.totals),
            clamp_mss,
            ike,
            wake,
            children: InboundTable::default(),
            outbound: Arc::clone(&this.outbound),
            coalescer: Coalescer::new(),
        };
        // If the second thread fails to start, dropping `this` ends the first.
        this.spawn("adit-outbound", || outbound.run())?;
        this.spawn("adit-inbound", || inbound.run())?;
        Ok(this)
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }

    /// Sends an IKE message from one of the gateway's addresses, with the non-ESP marker before it.
    ///
    /// # Errors
    /// What the socket answers; a message that is lost this way is repeated like any other.
    pub fn send_ike(&self, from: IpAddr, to: SocketAddr, message: &[u8]) -> io::Result<()> {
        let octets = [&NON_ESP_MARKER, message].concat();
        let port = self.udp.at(from)?;
        port.send(&octets, octets.len(), to, 0).map(|_| ())
    }

    /// Sends a NAT keepalive from one of the gateway's addresses.
    ///
    /// # Errors
    /// What the socket answers.
    pub fn send_keepalive(&self, from: IpAddr, to: SocketAddr) -> io::Result<()> {
        let socket = self.udp.at(from)?.socket();
        socket.send_to(&KEEPALIVE, to).map(|_| ())
    }

    /// Whether packets of a connection wait while it has no SA that carries them, a bounded number of them and for a
    /// while; otherwise they are dropped.
    pub fn hold(&self, owner: Owner, holds: bool) {
        self.outbound.push(OutboundCommand::Hold(owner, holds));
    }

    /// The connections of which packets began to wait, or still do, since this was asked before.
    pub fn take_wanted(&self) -> Vec<Owner> {
        self.wanted.take().into_iter().collect()
    }

    /// Ends both loops and waits for them. Keys are wiped; a second call does nothing.
    pub fn stop(&self) {
        self.register().take();
        self.inbound.stop();
        self.outbound.stop();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic there is a bug that the hook has reported.
            let _ = thread.join();
        }
        // Nobody takes these any more, and they may hold keys.
        drop((self.inbound.take(), self.outbound.take()));
    }

    fn register(&self) -> MutexGuard<'_, Option<Register>> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dataplane for Userspace {
    fn install(&self, child: ChildSa) -> Result<(), InstallError> {
        let mut register = self.register();
        let (inbound, outbound) = register
            .as_mut()
            .ok_or(InstallError::Stopped)?
            .admit(child, self.outer_mtu)?;
        self.inbound
            .push(InboundCommand::Install(Box::new(inbound)));
        self.outbound
            .push(OutboundCommand::Install(Box::new(outbound)));
        Ok(())
    }

    fn expect(&self, spi: u32) {
        if let Ok(spi) = spi.try_into() {
            self.inbound.push(InboundCommand::Expect(spi));
        }
    }

    fn change_routes(&self, change: RouteChange) {
        let change = Arc::new(change);
        let _register = self.register();
        self.inbound
            .push(InboundCommand::Routes(Arc::clone(&change)));
        self.outbound.push(OutboundCommand::Routes(change));
    }

    fn share(&self, owner: Owner, sharing: Option<Sharing>) {
        self.outbound.push(OutboundCommand::Share(owner, sharing));
    }

    fn activate_outbound(&self, id: ChildId) {
        self.outbound.push(OutboundCommand::Activate(id));
    }

    fn stop_outbound(&self, id: ChildId) {
        self.outbound.push(OutboundCommand::Remove(id));
    }

    fn remove(&self, id: ChildId) {
        if let Some(register) = &mut *self.register() {
            register.remove(id);
            self.inbound.push(InboundCommand::Remove(id));
            self.outbound.push(OutboundCommand::Remove(id));
        }
    }

    fn move_endpoint(&self, id: ChildId, remote: SocketAddr) {
        self.outbound.push(OutboundCommand::Move(id, remote));
    }

    fn set_mtu(&self, id: ChildId, mtu: Option<u16>) {
        // Both loops see it in the same order as an installation.
        let _register = self.register();
        self.inbound.push(InboundCommand::Limit(id, mtu));
        self.outbound.push(OutboundCommand::Limit(id, mtu));
    }

    fn counters(&self) -> Counters {
        self.totals.snapshot()
    }

    fn take_busy(&self) -> Vec<ChildId> {
        let register = self.register();
        register
            .as_ref()
            .map(Register::take_busy)
            .unwrap_or_default()
    }

    fn child_counters(&self, id: ChildId) -> Option<ChildCounters> {
        self.register().as_ref()?.counters(id)
    }
}

impl Drop for Userspace {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Userspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Userspace")
            .field("outer_mtu", &self.outer_mtu)
            .finish_non_exhaustive()
    }
}
