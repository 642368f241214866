//! What the network tells of the way to peers: that packets of ours were larger than it takes (RFC 1191, RFC 8201).
//!
//! Anybody can send such news. The kernel has compared addresses and ports; what is left to compare is the SPI, which
//! the packet that the news is about quotes, and which nobody knows who does not see our packets (RFC 4301 section 8.2).
//! News without it changes nothing here; the kernel fragments the outer packets then.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{EMSGSIZE, sock_extended_err, sockaddr_in6};
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

use crate::udp::socket_address;

/// For how long news counts (RFC 1191 section 6.3). Then a larger packet finds out whether it is still so.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// News at one look: the rest waits, so that a flood of it delays nothing.
const MOST_AT_ONCE: usize = 32;

/// The most peers that news is kept of.
const MOST_PEERS: usize = 4096;

/// One piece of news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PathNews {
    /// The peer the packet was for.
    pub(crate) to: IpAddr,
    /// The SPI it had, as it is quoted.
    pub(crate) spi: u32,
    /// Octets of the largest IP packet that would have passed.
    pub(crate) mtu: u16,
}

/// Has a socket keep such news. Without it there is none, and the kernel fragments.
pub(crate) fn listen(socket: BorrowedFd<'_>) {
    // Each family has one of the two.
    let _ = setsockopt(&socket, Ipv4RecvErr, &true);
    let _ = setsockopt(&socket, Ipv6RecvErr, &true);
}

/// Takes a socket's news, of which some may be of no interest: whether there was any, and what is. `spi_at`: where in
/// a quoted packet its SPI is.
pub(crate) fn take(socket: BorrowedFd<'_>, spi_at: usize) -> (bool, Vec<PathNews>) {
    let mut news = Vec::new();
    let mut any = false;
    // With room for what else is asked for.
    let mut control = nix::cmsg_space!(sock_extended_err, sockaddr_in6, [u8; 128]);
    for _ in 0..MOST_AT_ONCE {
        let mut quote = [0; 64];
        let mut iov = [IoSliceMut::new(&mut quote)];
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut iov,
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        );
        let message = match message {
            Ok(message) => message,
            Err(Errno::EINTR) => continue,
            Err(_) => break,
        };
        any = true;
        let to = message.address.as_ref().and_then(socket_address);
        let len = message.bytes;
        let mut errors = message.cmsgs().into_iter().flatten();
        let told = errors.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, _)
            | ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error),
            _ => None,
        });
        let quote = quote.get(spi_at..len).and_then(|quote| quote.first_chunk());
        if let (Some(to), Some(told), Some(spi)) = (to, told, quote)
            && told.ee_errno == EMSGSIZE as u32
        {
            news.push(PathNews {
                to: to.ip(),
                spi: u32::from_be_bytes(*spi),
                mtu: u16::try_from(told.ee_info).unwrap_or(u16::MAX),
            });
        }
    }
    (any, news)
}

/// The paths that are known to be narrower than configured.
#[derive(Default)]
pub(crate) struct Paths {
    known: HashMap<IpAddr, (u16, Instant)>,
    /// When the first of them is too old.
    due: Option<Instant>,
}

impl Paths {
    /// What the path to a peer takes, if that is less than `configured`.
    pub(crate) fn mtu(&self, to: SocketAddr, configured: u16) -> u16 {
        let known = self.known.get(&to.ip());
        known.map_or(configured, |(mtu, _)| configured.min(*mtu))
    }

    /// Notes credible news; whether anything has changed.
    pub(crate) fn note(&mut self, news: &PathNews, now: Instant) -> bool {
        // What every path takes (RFC 791, RFC 8200 section 5).
        let least = if news.to.is_ipv4() { 576 } else { 1280 };
        let mtu = news.mtu.max(least);
        let known = self.known.get(&news.to);
        if known.is_some_and(|(known, _)| *known <= mtu)
            || (known.is_none() && self.known.len() >= MOST_PEERS)
        {
            return false;
        }
        let until = now + GOOD_FOR;
        self.known.insert(news.to, (mtu, until));
        self.due = Some(self.due.map_or(until, |due| due.min(until)));
        true
    }

    /// Forgets what is too old; those it was about. Looks at the clock only if there is anything to forget one day.
    pub(crate) fn expire(&mut self, now: impl FnOnce() -> Instant) -> Vec<IpAddr> {
        let Some(due) = self.due else {
            return Vec::new();
        };
        let now = now();
        if now < due {
            return Vec::new();
        }
        let old = self.known.extract_if(|_, (_, until)| *until <= now);
        let old = old.map(|(to, _)| to).collect();
        self.due = self.known.values().map(|(_, until)| *until).min();
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_news_counts_for_ten_minutes_and_nothing_below_what_every_path_takes() {
        let (v4, v6) = ("192.0.2.1", "2001:db8::1");
        let peers = [v4, v6].map(|text| SocketAddr::new(text.parse().unwrap(), 4500));
        let news = |to: SocketAddr, mtu| PathNews {
            to: to.ip(),
            spi: 256,
            mtu,
        };
        let (mut paths, start) = (Paths::default(), Instant::now());
        let [v4, v6] = peers;
        assert_eq!(paths.mtu(v4, 1500), 1500);
        assert!(paths.note(&news(v4, 1400), start));
        assert!(!paths.note(&news(v4, 1450), start));
        assert!(paths.note(&news(v4, 0), start) && paths.note(&news(v6, 0), start));
        assert_eq!((paths.mtu(v4, 1500), paths.mtu(v6, 1500)), (576, 1280));
        assert_eq!(paths.mtu(v4, 500), 500, "no news widens it");
        assert!(paths.expire(|| start + GOOD_FOR / 2).is_empty());
        assert_eq!(paths.expire(|| start + GOOD_FOR).len(), 2);
        assert_eq!(paths.mtu(v4, 1500), 1500);
    }
}
