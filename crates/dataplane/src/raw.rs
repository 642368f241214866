//! Raw sockets, one for each of the gateway's addresses: packets of an IP protocol of its own, several by one call in both
//! directions. The kernel makes and takes off the outer IP header, and joins fragments of it; for AH over IPv4, which
//! covers that header, it is in the packets themselves both ways.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use adit_esp::{InnerHeader, Protocol};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, getsockname, recvmmsg, sendmmsg,
};

use crate::checksum::put;
use crate::path;
use crate::socket::{Class, ask, await_room};
use crate::too_big::Fragments;
use crate::udp::socket_address;

/// Packets in one receive.
pub(crate) const RECEIVES: usize = 16;
/// Octets that one of them may have, with its IPv4 header.
pub(crate) const RECEIVE_LEN: usize = 65_535;
/// Octets of an IPv4 header without options.
const V4_HEADER_LEN: usize = 20;
/// Where in it the flags are, and the one that forbids fragments.
const FLAGS_AT: usize = 6;
const DONT_FRAGMENT: u16 = 0x4000;

/// A raw socket, shared by the loops.
#[derive(Debug)]
pub(crate) struct RawPort {
    socket: OwnedFd,
    local: IpAddr,
    protocol: Protocol,
    /// How many packets the kernel has said that it had no room for.
    lost: AtomicU32,
}

/// The raw sockets of a gateway for one protocol, one on each of its addresses.
#[derive(Debug, Default)]
pub(crate) struct RawPorts(Vec<RawPort>);

/// What one receive has brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Batch {
    /// Octets of each packet, and its DSCP and ECN, in the order of the buffers.
    pub(crate) packets: Vec<(usize, u8)>,
    /// Packets since the receive before that the kernel had no room for, at most 2³².
    pub(crate) lost: u32,
}

impl RawPorts {
    /// Takes bound sockets of this protocol, each on another address.
    ///
    /// # Errors
    /// One is none.
    pub(crate) fn new(protocol: Protocol, sockets: Vec<OwnedFd>) -> io::Result<Self> {
        let ports = sockets.into_iter();
        let ports = ports.map(|socket| RawPort::new(protocol, socket));
        Ok(Self(ports.collect::<io::Result<_>>()?))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RawPort> {
        self.0.iter()
    }

    /// The one on this address.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn at(&self, local: IpAddr) -> io::Result<&RawPort> {
        let mut ports = self.0.iter();
        let port = ports.find(|port| port.local == local);
        port.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

impl RawPort {
    fn new(protocol: Protocol, socket: OwnedFd) -> io::Result<Self> {
        let flags = OFlag::from_bits_retain(fcntl(&socket, FcntlArg::F_GETFL)?);
        fcntl(&socket, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        ask(socket.as_fd());
        path::listen(socket.as_fd());
        let local: SockaddrStorage = getsockname(socket.as_raw_fd())?;
        let local = socket_address(&local).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self {
            local: local.ip(),
            protocol,
            socket,
            lost: AtomicU32::new(0),
        })
    }

    /// To wait for.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether its packets have their outer header.
    fn has_headers(&self) -> bool {
        self.is_ipv4() && self.protocol == Protocol::Ah
    }

    /// Where in what the network quotes of a packet of ours its SPI is.
    pub(crate) fn spi_at(&self) -> usize {
        match self.protocol {
            Protocol::Ah if self.is_ipv4() => V4_HEADER_LEN + 4,
            Protocol::Ah => 4,
            Protocol::Esp => 0,
        }
    }

    /// Whether the sockets are IPv4's.
    pub(crate) const fn is_ipv4(&self) -> bool {
        self.local.is_ipv4()
    }

    /// As [`send`](Self::send); packets with their outer header, of which the kernel fragments none, are fragmented
    /// where the path takes no larger ones. Those that fit may not be, so that a narrower path is heard of.
    pub(crate) fn send_within(
        &self,
        packets: &mut [u8],
        segment: usize,
        to: IpAddr,
        class: u8,
        mtu: usize,
    ) -> io::Result<u64> {
        if !self.has_headers() {
            return self.send(packets, segment, to, class);
        }
        if segment <= mtu {
            for packet in packets.chunks_mut(segment.max(1)) {
                put(packet, FLAGS_AT, DONT_FRAGMENT);
            }
            return self.send(packets, segment, to, class);
        }
        let mut sends = 0;
        for packet in packets.chunks(segment.max(1)) {
            let header = InnerHeader::parse(packet).map_err(|_| io::ErrorKind::InvalidInput)?;
            let fragments = Fragments::new(&header, packet, mtu);
            let fragments = fragments.ok_or(io::ErrorKind::InvalidInput)?;
            let lengths: Vec<_> = (0..fragments.count())
                .map(|one| fragments.len(one))
                .collect();
            let mut octets = vec![0; lengths.iter().sum()];
            let mut rest = octets.as_mut_slice();
            for (index, len) in lengths.iter().enumerate() {
                let Some((out, behind)) = rest.split_at_mut_checked(*len) else {
                    break;
                };
                fragments.write(index, out);
                rest = behind;
            }
            sends += self.send(&octets, fragments.len(0), to, class)?;
        }
        Ok(sends)
    }

    /// Sends packets of `segment` octets each, the last of them maybe shorter, with this DSCP and ECN. Answers how many
    /// calls it took.
    pub(crate) fn send(
        &self,
        packets: &[u8],
        segment: usize,
        to: IpAddr,
        class: u8,
    ) -> io::Result<u64> {
        let slices: Vec<_> = packets
            .chunks(segment.max(1))
            .map(|packet| [IoSlice::new(packet)])
            .collect();
        // A raw socket's addresses have no port, and IPv6's refuse one.
        let to = SockaddrStorage::from(SocketAddr::new(to, 0));
        let addresses = vec![Some(to); slices.len()];
        let class = Class::new(class);
        let class = class
            .message(self.is_ipv4())
            .filter(|_| !self.has_headers());
        // The kernel refuses room that nothing is in.
        let space = class.is_some().then(|| nix::cmsg_space!(i32));
        let (mut sent, mut calls) = (0, 0);
        let mut failure = None;
        let (mut waited, mut told) = (false, false);
        while let Some(left) = slices.get(sent..).filter(|left| !left.is_empty()) {
            let mut headers = MultiHeaders::preallocate(left.len(), space.clone());
            let addresses = addresses.get(sent..).unwrap_or_default();
            let outcome = sendmmsg(
                self.socket.as_raw_fd(),
                &mut headers,
                left,
                addresses,
                class.as_slice(),
                MsgFlags::empty(),
            );
            match outcome.map(Iterator::count) {
                Ok(count) => {
                    sent += count.max(1);
                    calls += 1;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if !waited => {
                    waited = true;
                    await_room(&self.socket);
                }
                // What the network said of an earlier packet to anybody, told once.
                Err(_) if !told => told = true,
                // The first of those that are left; the others may still be sent.
                Err(errno) => {
                    failure = Some(errno);
                    sent += 1;
                }
            }
        }
        failure.map_or(Ok(calls), |errno| Err(errno.into()))
    }

    /// Receives into `buf`, a packet to each [`RECEIVE_LEN`] octets of it.
    ///
    /// # Errors
    /// What the kernel answers; `EAGAIN` when nothing is there.
    pub(crate) fn receive(&self, buf: &mut [u8]) -> nix::Result<Batch> {
        let mut slices: Vec<_> = buf
            .chunks_mut(RECEIVE_LEN)
            .map(|packet| [IoSliceMut::new(packet)])
            .collect();
        let space = nix::cmsg_space!(u32, i32);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), Some(space));
        let messages = recvmmsg(
            self.socket.as_raw_fd(),
            &mut headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        let mut batch = Batch::default();
        for message in messages {
            let mut class = 0;
            for control in message.cmsgs().into_iter().flatten() {
                match control {
                    ControlMessageOwned::Ipv4Tos(found) => class = found,
                    ControlMessageOwned::Ipv6TClass(found) => class = found as u8,
                    // The kernel counts from the socket's beginning, modulo 2³².
                    ControlMessageOwned::RxqOvfl(all) => {
                        let before = self.lost.swap(all, Ordering::Relaxed);
                        batch.lost = batch.lost.saturating_add(all.wrapping_sub(before));
                    }
                    _ => {}
                }
            }
            batch.packets.push((message.bytes, class));
        }
        Ok(batch)
    }

    /// What a received packet has behind its IP header, but for AH; IPv6's never comes along. `None` if it is cut short.
    pub(crate) fn payload<'a>(&self, packet: &'a mut [u8]) -> Option<&'a mut [u8]> {
        if !self.is_ipv4() || self.has_headers() {
            return Some(packet);
        }
        let header_len = usize::from(packet.first()? & 0x0F) * 4;
        packet.get_mut(header_len.max(V4_HEADER_LEN)..)
    }
}
