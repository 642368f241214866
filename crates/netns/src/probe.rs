//! Echo requests (RFC 792, RFC 4443) from a router: whether what is behind it can reach an address.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use adit_model::RouterId;
use nix::sys::socket::{getsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::NetworkError;
use crate::provider::Network;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the answer to a large one is waited for, once a small one was answered.
const PATIENCE_FOR_LARGE: Duration = Duration::from_millis(500);

/// How many sizes are tried.
const SIZES: u32 = 6;

/// The size of the first request, and of the largest, in octets, with the IP header.
const SMALL: u16 = 84;
const LARGE: u16 = 1500;

/// The least that a path carries whole (RFC 791, RFC 8200), in octets.
const LEAST: [u16; 2] = [576, 1280];

/// The header of an echo request or its answer, in octets.
const HEADER: usize = 8;

/// An answer to an echo request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EchoReply {
    /// Who answered.
    pub from: IpAddr,
    /// After how long.
    pub after: Duration,
    /// The largest request that was answered, in octets with its IP header; none of it was broken up on its way.
    pub path_mtu: Option<u16>,
}

impl Network {
    /// Sends an echo request from an address of a router to one address after another until one answers.
    ///
    /// # Errors
    /// The router was not applied, or has no such address.
    pub async fn probe(
        &self,
        router: RouterId,
        from: IpAddr,
        to: Vec<IpAddr>,
    ) -> Result<Option<EchoReply>, NetworkError> {
        let router = self.router(router).await?;
        let ask = move || {
            for target in to {
                if let Some(reply) = Asker::new(from, target)?.ask()? {
                    return Ok(Some(reply));
                }
            }
            Ok(None)
        };
        router.namespace.inside("sending echo requests", ask).await
    }
}

/// A socket that asks one address.
struct Asker {
    socket: Socket,
    target: IpAddr,
    /// Answers repeat it: those to another asker's are not its own.
    id: u16,
    sequence: u16,
}

impl Asker {
    fn new(from: IpAddr, target: IpAddr) -> io::Result<Self> {
        let address = SocketAddr::new(from, 0);
        let protocol = match target {
            IpAddr::V4(_) => Protocol::ICMPV4,
            IpAddr::V6(_) => Protocol::ICMPV6,
        };
        let socket = Socket::new(Domain::for_address(address), Type::RAW, Some(protocol))?;
        socket.bind(&address.into())?;
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let [.., one, two] = since.as_nanos().to_be_bytes();
        Ok(Self {
            socket,
            target,
            id: u16::from_be_bytes([one, two]),
            sequence: 0,
        })
    }

    fn ask(&mut self) -> io::Result<Option<EchoReply>> {
        // An address that nothing leads to refuses at once, and is as silent as any other.
        if self
            .socket
            .connect(&SocketAddr::new(self.target, 0).into())
            .is_err()
        {
            return Ok(None);
        }
        let Some(after) = self.echo(SMALL, PATIENCE)? else {
            return Ok(None);
        };
        Ok(Some(EchoReply {
            from: self.target,
            after,
            path_mtu: self.path_mtu()?,
        }))
    }

    /// The largest size that is answered. The kernel breaks nothing up that fits what it knows of the path, and learns
    /// from what is told to it.
    fn path_mtu(&mut self) -> io::Result<Option<u16>> {
        let mut size = LARGE;
        for _ in 0..SIZES {
            let known = self.known_mtu();
            size = size.min(known);
            if self.echo(size, PATIENCE_FOR_LARGE)?.is_some() && self.known_mtu() >= size {
                return Ok(Some(size));
            }
            let [least_v4, least_v6] = LEAST;
            let least = match self.target {
                IpAddr::V4(_) => least_v4,
                IpAddr::V6(_) => least_v6,
            };
            if size <= least {
                break;
            }
            // Nobody said how much is too much.
            if self.known_mtu() >= size {
                size = size.saturating_sub(60).max(least);
            }
        }
        Ok(None)
    }

    /// What the kernel knows of the path; of IPv6's it does not say.
    fn known_mtu(&self) -> u16 {
        let known = match self.target {
            IpAddr::V4(_) => getsockopt(&self.socket, sockopt::IpMtu).ok(),
            IpAddr::V6(_) => None,
        };
        known.and_then(|mtu| mtu.try_into().ok()).unwrap_or(LARGE)
    }

    /// Sends a request of this size, its IP header included; how long its answer took, if one came.
    fn echo(&mut self, size: u16, patience: Duration) -> io::Result<Option<Duration>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(self.target, self.id, self.sequence, size);
        let began = Instant::now();
        if self.socket.send(&request).is_err() {
            // Too large for what is known of the path by now, or there is no way at the moment.
            return Ok(None);
        }
        let mut buffer = [0; LARGE as usize + 64];
        while let Some(left) = patience
            .checked_sub(began.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.socket.set_read_timeout(Some(left))?;
            // What is told of the path comes as an error, too.
            let received = (&self.socket).read(&mut buffer);
            let received = received.ok().and_then(|length| buffer.get(..length));
            if received.is_some_and(|packet| is_reply(self.target, packet, &request)) {
                return Ok(Some(began.elapsed()));
            }
        }
        Ok(None)
    }
}

/// A request of this size, its IP header included, which the kernel writes.
fn request(target: IpAddr, id: u16, sequence: u16, size: u16) -> Vec<u8> {
    let (kind, ip_header) = match target {
        IpAddr::V4(_) => (8, 20),
        IpAddr::V6(_) => (128, 40),
    };
    let length = usize::from(size).saturating_sub(ip_header).max(HEADER);
    let mut request = vec![kind, 0, 0, 0];
    request.extend(id.to_be_bytes());
    request.extend(sequence.to_be_bytes());
    request.resize(length, 0);
    if target.is_ipv4() {
        // Of IPv6's the kernel writes it, since it covers the addresses.
        let sum = checksum(&request).to_be_bytes();
        if let Some(place) = request.get_mut(2..4) {
            place.copy_from_slice(&sum);
        }
    }
    request
}

/// RFC 1071.
fn checksum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|two| match *two {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Whether a packet is the answer to a request: the same identifier, number and data.
fn is_reply(target: IpAddr, packet: &[u8], request: &[u8]) -> bool {
    let (kind, header) = match target {
        // Its IP header is before it.
        IpAddr::V4(_) => (0, usize::from(packet.first().unwrap_or(&0) & 0x0f) * 4),
        IpAddr::V6(_) => (129, 0),
    };
    let Some(reply) = packet.get(header..) else {
        return false;
    };
    reply.first() == Some(&kind) && reply.get(4..) == request.get(4..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_size_and_a_checksum_that_holds() {
        let target = IpAddr::from([192, 0, 2, 1]);
        for size in [28, 84, 85, 1500] {
            let request = request(target, 7, 9, size);
            assert_eq!(request.len(), usize::from(size) - 20);
            assert_eq!(checksum(&request), 0);
        }
        let v6 = "2001:db8::1".parse().unwrap();
        assert_eq!(request(v6, 7, 9, 1280).len(), 1240);
    }

    #[test]
    fn an_answer_is_known_by_what_was_asked() {
        let target = IpAddr::from([192, 0, 2, 1]);
        let asked = request(target, 7, 9, 84);
        let mut reply = vec![0x45; 20];
        reply.extend(&asked);
        reply[20] = 0;
        assert!(is_reply(target, &reply, &asked));
        let other = request(target, 7, 10, 84);
        assert!(!is_reply(target, &reply, &other));
        // Oneself's own request is none, nor is half of an answer.
        reply[20] = 8;
        assert!(!is_reply(target, &reply, &asked));
        for length in 0..reply.len() {
            assert!(!is_reply(target, &reply[..length], &asked));
        }
    }
}
