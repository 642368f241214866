//! What a worker is given: a TUN device, and four sockets on each of the gateway's addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use adit_dataplane::{DropCause, IkeDatagram, IkeQueue, UdpPort, control_buffer};

use crate::WorkerError;

/// The descriptors, in the order in which they come.
#[derive(Debug)]
pub(crate) struct Descriptors {
    pub(crate) tun: OwnedFd,
    pub(crate) first: Ports,
    /// On another address, if it has one.
    pub(crate) other: Option<Ports>,
}

/// Sockets on one address.
#[derive(Debug)]
pub(crate) struct Ports {
    /// Port 500.
    pub(crate) ike: OwnedFd,
    /// Port 4500.
    pub(crate) nat: OwnedFd,
    /// ESP without UDP, IP protocol 50.
    pub(crate) esp: OwnedFd,
    /// AH, IP protocol 51.
    pub(crate) ah: OwnedFd,
}

/// The most there are.
const MOST: usize = 9;

impl Descriptors {
    /// Receives those that come with the first octet.
    pub(crate) fn receive(control: &UnixStream) -> Result<Self, WorkerError> {
        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut octet = [0];
        let mut parts = [io::IoSliceMut::new(&mut octet)];
        recvmsg(control, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).map_err(|error| {
            WorkerError::Io {
                doing: "receiving descriptors",
                source: error.into(),
            }
        })?;
        let mut received = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                received.extend(descriptors);
            }
        }
        Self::of(received).ok_or(WorkerError::Descriptors)
    }

    fn of(received: Vec<OwnedFd>) -> Option<Self> {
        let mut received = received.into_iter();
        let tun = received.next()?;
        let first = Ports::of(&mut received)?;
        let other = match received.len() {
            0 => None,
            _ => Some(Ports::of(&mut received)?),
        };
        let all = Self { tun, first, other };
        received.next().is_none().then_some(all)
    }
}

impl Ports {
    fn of(received: &mut impl Iterator<Item = OwnedFd>) -> Option<Self> {
        let (ike, nat) = (received.next()?, received.next()?);
        let (esp, ah) = (received.next()?, received.next()?);
        Some(Self { ike, nat, esp, ah })
    }
}

/// The sockets on port 500, one on each of the gateway's addresses.
#[derive(Debug)]
pub(crate) struct IkeSockets(Vec<UdpPort>);

/// What was left behind of what came in on port 500.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Lost {
    /// The kernel had no room for them.
    pub(crate) socket_full: u64,
    /// The queue had no place for them: from configured peers' addresses.
    pub(crate) queue_full: u64,
    /// And from others.
    pub(crate) stranger: u64,
}

impl Lost {
    fn add(&mut self, cause: DropCause) {
        match cause {
            DropCause::IkeStranger => self.stranger += 1,
            _ => self.queue_full += 1,
        }
    }
}

impl IkeSockets {
    /// Takes bound sockets, and makes them non-blocking.
    pub(crate) fn new(sockets: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let ports = sockets.into_iter().map(UdpPort::new);
        Ok(Self(ports.collect::<io::Result<_>>()?))
    }

    /// To wait for.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|port| port.socket().as_fd())
    }

    pub(crate) fn send(&self, octets: &[u8], from: IpAddr, to: SocketAddr) -> io::Result<()> {
        let mut ports = self.0.iter();
        let own = ports.find(|port| port.local().ip() == from);
        let port = own.ok_or(io::ErrorKind::AddrNotAvailable)?;
        port.socket().send_to(octets, to).map(drop)
    }

    /// Puts what has come in by each into the queue, after so many receives at most. Those that the queue has no
    /// place for cost no more than being read.
    pub(crate) fn receive(
        &self,
        most: usize,
        buffer: &mut [u8],
        queue: &IkeQueue,
        lost: &mut Lost,
    ) {
        let mut control = control_buffer();
        for port in &self.0 {
            for _ in 0..most {
                let Ok(received) = port.receive(buffer, &mut control) else {
                    break;
                };
                lost.socket_full += u64::from(received.lost);
                let octets = buffer.get(..received.len).unwrap_or_default();
                for message in octets.chunks(received.segment.max(1)) {
                    let (from, local) = (received.from, port.local());
                    let message = || IkeDatagram {
                        from,
                        local,
                        bytes: message.to_vec(),
                    };
                    if let Err(cause) = queue.push(from, message) {
                        lost.add(cause);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn some(count: usize) -> Vec<OwnedFd> {
        let one = || UnixStream::pair().unwrap().0.into();
        (0..count).map(|_| one()).collect()
    }

    #[test]
    fn five_descriptors_are_one_address_and_nine_are_two() {
        let known = |count| Descriptors::of(some(count)).map(|given| given.other.is_some());
        let known: Vec<_> = (0..=10).map(known).collect();
        let none = None;
        assert_eq!(
            known,
            [
                none,
                none,
                none,
                none,
                none,
                Some(false),
                none,
                none,
                none,
                Some(true),
                none
            ]
        );
    }

    #[test]
    fn a_message_goes_by_the_socket_on_the_address_it_is_from() {
        let open = |at: &str| UdpSocket::bind(at).unwrap();
        let peers = [open("127.0.0.1:0"), open("[::1]:0")];
        let own = [open("127.0.0.1:0"), open("[::1]:0")];
        let addresses = [&own[0], &own[1]].map(|socket| socket.local_addr().unwrap());
        let sockets = IkeSockets::new(own.map(OwnedFd::from)).unwrap();
        for (peer, address) in peers.iter().zip(addresses) {
            peer.set_read_timeout(Some(Duration::from_secs(9))).unwrap();
            let to = peer.local_addr().unwrap();
            sockets.send(b"out", address.ip(), to).unwrap();
            let (_, from) = peer.recv_from(&mut [0; 9]).unwrap();
            assert_eq!(from, address);
            peer.send_to(b"in", address).unwrap();
        }
        let (queue, mut heard) = (IkeQueue::default(), Vec::new());
        while heard.len() < 2 {
            sockets.receive(8, &mut [0; 9], &queue, &mut Lost::default());
            while let Some(message) = queue.pop() {
                assert_eq!(message.bytes, b"in");
                heard.push((message.local, message.from));
            }
        }
        heard.sort_by_key(|(local, _)| local.is_ipv6());
        let peers = peers.map(|peer| peer.local_addr().unwrap());
        assert_eq!(heard, [(addresses[0], peers[0]), (addresses[1], peers[1])]);
        let alone = IkeSockets::new([open("127.0.0.1:0").into()]).unwrap();
        let nowhere = addresses[1].ip();
        assert!(alone.send(b"out", nowhere, peers[1]).is_err());
    }
}
