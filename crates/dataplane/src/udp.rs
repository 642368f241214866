//! The UDP sockets, one for each of the gateway's addresses: many datagrams by one call in both directions (UDP_SEGMENT,
//! UDP_GRO), and one by one where the kernel or the device cannot.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::UdpGroSegment;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
};

use crate::path;
use crate::socket::{Class, ask, await_room};

/// Datagrams in one send; the kernel's limit on segments.
pub(crate) const MAX_SEGMENTS: usize = 64;
/// Octets in one send: what a UDP datagram over IPv4 can hold, which is less than over IPv6.
pub(crate) const MAX_SEND: usize = 65_507;

/// A socket, shared by the loops and the sender of IKE messages.
#[derive(Debug)]
pub struct UdpPort {
    socket: UdpSocket,
    local: SocketAddr,
    segmenting: AtomicBool,
    /// How many datagrams the kernel has said that it had no room for.
    lost: AtomicU32,
}

/// What one receive has brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Octets in the buffer.
    pub len: usize,
    /// Octets of each datagram; the last may be shorter.
    pub segment: usize,
    /// DSCP and ECN of all of them: the kernel joins only what has the same.
    pub class: u8,
    /// The sender.
    pub from: SocketAddr,
    /// Datagrams since the receive before that the kernel had no room for, at most 2³².
    pub lost: u32,
}

/// The sockets of a gateway, one on each of its addresses.
pub(crate) struct UdpPorts {
    first: UdpPort,
    second: Option<UdpPort>,
}

impl UdpPorts {
    /// Takes bound sockets.
    ///
    /// # Errors
    /// One is none, or both are on one address.
    pub(crate) fn new(first: OwnedFd, second: Option<OwnedFd>) -> io::Result<Self> {
        let first = UdpPort::new(first)?;
        let second = second.map(UdpPort::new).transpose()?;
        for port in [Some(&first), second.as_ref()].into_iter().flatten() {
            path::listen(port.socket.as_fd());
        }
        let at_once = |second: &UdpPort| second.local.ip() == first.local.ip();
        if second.as_ref().is_some_and(at_once) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "both sockets are on one address",
            ));
        }
        Ok(Self { first, second })
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &UdpPort> {
        [&self.first].into_iter().chain(&self.second)
    }

    /// The one on this address.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn at(&self, local: IpAddr) -> io::Result<&UdpPort> {
        let mut ports = self.iter();
        let port = ports.find(|port| port.local.ip() == local);
        port.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

impl UdpPort {
    /// Takes a bound socket, makes it non-blocking and asks for coalesced receives.
    ///
    /// # Errors
    /// It is none.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let socket = UdpSocket::from(fd);
        socket.set_nonblocking(true)?;
        // Without it every receive brings one datagram; slower, not wrong.
        let _ = setsockopt(&socket, UdpGroSegment, &true);
        ask(socket.as_fd());
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            segmenting: AtomicBool::new(true),
            lost: AtomicU32::new(0),
        })
    }

    /// The socket itself.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The address and port that it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends datagrams of `segment` octets each, the last of them maybe shorter, with this DSCP and ECN. Answers how many
    /// calls it took.
    pub(crate) fn send(
        &self,
        datagrams: &[u8],
        segment: usize,
        to: SocketAddr,
        class: u8,
    ) -> io::Result<u64> {
        let to = SockaddrStorage::from(to);
        if datagrams.len() > segment && self.segmenting.load(Ordering::Relaxed) {
            match self.send_once(datagrams, Some(segment as u16), &to, class) {
                // EIO: the device has no checksum offload. EINVAL: an old kernel, or a segment over the MTU.
                Err(Errno::EIO | Errno::EINVAL) => self.segmenting.store(false, Ordering::Relaxed),
                // The path is narrower than configured; one by one, IP may fragment them.
                Err(Errno::EMSGSIZE) => {}
                result => return Ok(result.map(|()| 1)?),
            }
        }
        let mut sends = 0;
        let mut failure = None;
        for datagram in datagrams.chunks(segment.max(1)) {
            match self.send_once(datagram, None, &to, class) {
                Ok(()) => sends += 1,
                Err(errno) => failure = Some(errno),
            }
        }
        failure.map_or(Ok(sends), |errno| Err(errno.into()))
    }

    fn send_once(
        &self,
        octets: &[u8],
        segment: Option<u16>,
        to: &SockaddrStorage,
        class: u8,
    ) -> nix::Result<()> {
        let iov = [IoSlice::new(octets)];
        let offload = segment.as_ref().map(ControlMessage::UdpGsoSegments);
        let class = Class::new(class);
        let class = class.message(self.local.is_ipv4());
        let both;
        let control = match (&offload, &class) {
            (Some(offload), Some(class)) => {
                both = [*offload, *class];
                &both[..]
            }
            (Some(_), None) => offload.as_slice(),
            (None, _) => class.as_slice(),
        };
        let (mut waited, mut told) = (false, false);
        loop {
            match sendmsg(
                self.socket.as_raw_fd(),
                &iov,
                control,
                MsgFlags::empty(),
                Some(to),
            ) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if !waited => {
                    waited = true;
                    await_room(&self.socket);
                }
                // What the network said of an earlier packet to anybody, told once.
                Err(errno) if !told && !matches!(errno, Errno::EIO | Errno::EINVAL) => told = true,
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Receives into `buf`, which should hold 64 KiB. `control` is [`control_buffer`]'s.
    ///
    /// # Errors
    /// What the kernel answers; `EAGAIN` when nothing is there.
    pub fn receive(&self, buf: &mut [u8], control: &mut [u8]) -> nix::Result<Received> {
        let mut iov = [IoSliceMut::new(buf)];
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut iov,
            Some(control),
            MsgFlags::empty(),
        )?;
        let mut segment = message.bytes;
        let (mut lost, mut class) = (0, 0);
        for control in message.cmsgs().into_iter().flatten() {
            match control {
                ControlMessageOwned::UdpGroSegments(len) => {
                    segment = usize::try_from(len).unwrap_or(segment);
                }
                // The kernel counts from the socket's beginning, modulo 2³².
                ControlMessageOwned::RxqOvfl(all) => {
                    lost = all.wrapping_sub(self.lost.swap(all, Ordering::Relaxed));
                }
                ControlMessageOwned::Ipv4Tos(found) => class = found,
                ControlMessageOwned::Ipv6TClass(found) => class = found as u8,
                _ => {}
            }
        }
        let from = message
            .address
            .as_ref()
            .and_then(socket_address)
            .ok_or(Errno::EAFNOSUPPORT)?;
        Ok(Received {
            len: message.bytes,
            segment,
            class,
            from,
            lost,
        })
    }
}

/// Room for the three control messages that are asked for.
#[must_use]
pub fn control_buffer() -> Vec<u8> {
    cmsg_space!(i32, u32, i32)
}

pub(crate) fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6((*v6).into()))
}
