//! Packets that come before the Child SA they were sent on.
//!
//! Who answers a request for a Child SA may send on it right behind its answer, which takes longer to be understood than
//! a packet does to arrive. What has the SPI that was offered in a request waits, a bounded number and for a moment;
//! SPIs are told to the peer under encryption, so nobody else can fill it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use adit_esp::{Protocol, Spi};

use crate::counters::DropCause;
use crate::sealed::Sealed;

/// How much waits for one SPI at most.
const EACH: usize = 64;
const EACH_OCTETS: usize = 128 * 1024;

/// And for all.
const ALL_OCTETS: usize = 4 * 1024 * 1024;

/// How many SPIs are expected at most; the oldest go first.
const EXPECTED: usize = 4096;

/// How long an SPI is expected: as long as a request is repeated, about.
const UNANSWERED: Duration = Duration::from_secs(30);

/// How long a packet waits: an answer that was lost has been asked for again by then.
const TOO_OLD: Duration = Duration::from_secs(3);

/// A sealed packet that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    since: Instant,
    /// From its SPI on; of AH over IPv4 from the outer header on.
    packet: Vec<u8>,
    protocol: Protocol,
    /// The peer's address and port, of one that came in UDP.
    from: Option<SocketAddr>,
    is_ipv4: bool,
    /// DSCP and ECN of the outer header.
    pub(crate) class: u8,
}

impl Parked {
    pub(crate) fn new(since: Instant, sealed: &Sealed<'_>, class: u8) -> Self {
        Self {
            since,
            packet: sealed.packet.to_vec(),
            protocol: sealed.protocol,
            from: sealed.from,
            is_ipv4: sealed.is_ipv4,
            class,
        }
    }

    /// It, to be opened.
    pub(crate) fn sealed(&mut self) -> Result<Sealed<'_>, DropCause> {
        let (packet, from) = (self.packet.as_mut_slice(), self.from);
        match self.protocol {
            Protocol::Ah => Sealed::ah(packet, self.is_ipv4),
            Protocol::Esp => Sealed::esp(packet, from),
        }
    }
}

#[derive(Debug)]
struct Expected {
    since: Instant,
    packets: Vec<Parked>,
    octets: usize,
}

/// What waits, by SPI.
#[derive(Default, Debug)]
pub(crate) struct Parking {
    expected: HashMap<Spi, Expected>,
    octets: usize,
}

impl Parking {
    /// Has packets of an SPI wait from now on.
    pub(crate) fn expect(&mut self, now: Instant, spi: Spi) {
        let is_old = |one: &Expected| now.saturating_duration_since(one.since) >= UNANSWERED;
        let mut gone: Vec<_> = self
            .expected
            .iter()
            .filter(|(_, one)| is_old(one))
            .collect();
        if gone.len() < self.expected.len() && self.expected.len() >= EXPECTED + gone.len() {
            gone.extend(self.expected.iter().min_by_key(|(_, one)| one.since));
        }
        for spi in gone.into_iter().map(|(spi, _)| *spi).collect::<Vec<_>>() {
            self.forget(spi);
        }
        self.expected.entry(spi).or_insert(Expected {
            since: now,
            packets: Vec::new(),
            octets: 0,
        });
    }

    /// Whether a packet of an SPI without a Child SA may wait.
    pub(crate) fn has_room(&self, now: Instant, spi: Spi, len: usize) -> bool {
        self.expected.get(&spi).is_some_and(|one| {
            now.saturating_duration_since(one.since) < UNANSWERED
                && one.packets.len() < EACH
                && one.octets + len <= EACH_OCTETS
                && self.octets + len <= ALL_OCTETS
        })
    }

    /// Keeps a packet for which there is room.
    pub(crate) fn park(&mut self, spi: Spi, parked: Parked) {
        if let Some(one) = self.expected.get_mut(&spi) {
            one.octets += parked.packet.len();
            self.octets += parked.packet.len();
            one.packets.push(parked);
        }
    }

    /// The packets of an SPI that has a Child SA now, in their order; those that have waited too long are left out. It is
    /// not expected any more.
    pub(crate) fn release(&mut self, now: Instant, spi: Spi) -> Vec<Parked> {
        let mut packets = self.forget(spi);
        packets.retain(|one| now.saturating_duration_since(one.since) < TOO_OLD);
        packets
    }

    fn forget(&mut self, spi: Spi) -> Vec<Parked> {
        let Some(one) = self.expected.remove(&spi) else {
            return Vec::new();
        };
        self.octets -= one.octets;
        one.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spi(number: u32) -> Spi {
        number.try_into().unwrap()
    }

    fn offer(parking: &mut Parking, now: Instant, number: u32, len: usize) -> bool {
        let fits = parking.has_room(now, spi(number), len);
        if fits {
            let mut packet = vec![7; len];
            let sealed = Sealed::esp(&mut packet, None).unwrap();
            let parked = Parked::new(now, &sealed, 0);
            parking.park(spi(number), parked);
        }
        fits
    }

    #[test]
    fn what_was_announced_waits_for_a_moment_and_nothing_else_does() {
        let mut parking = Parking::default();
        let start = Instant::now();
        assert!(!offer(&mut parking, start, 1000, 100));
        parking.expect(start, spi(1000));
        assert!(!offer(&mut parking, start, 1001, 100));
        assert!(offer(&mut parking, start, 1000, 100));
        assert!(offer(&mut parking, start + TOO_OLD, 1000, 200));
        let released = parking.release(start + TOO_OLD, spi(1000));
        assert_eq!(released.len(), 1, "the first has waited too long");
        assert_eq!((released[0].packet.len(), parking.octets), (200, 0));
        assert!(!offer(&mut parking, start, 1000, 100), "it has a Child SA");
        parking.expect(start, spi(1002));
        assert!(!offer(&mut parking, start + UNANSWERED, 1002, 100));
    }

    #[test]
    fn what_waits_is_bounded_for_each_and_for_all() {
        let mut parking = Parking::default();
        let start = Instant::now();
        parking.expect(start, spi(1000));
        let taken = (0..1000).filter(|_| offer(&mut parking, start, 1000, 100));
        assert_eq!(taken.count(), EACH);
        for number in 2000..2200 {
            parking.expect(start, spi(number));
            while offer(&mut parking, start, number, 9_000) {}
        }
        assert!(parking.octets <= ALL_OCTETS && parking.octets > ALL_OCTETS - 9_000);
        for number in 10_000..30_000 {
            parking.expect(start + Duration::from_millis(number.into()), spi(number));
        }
        assert!(parking.expected.len() <= EXPECTED);
        parking.expect(start + Duration::from_secs(1_000), spi(1000));
        assert_eq!((parking.expected.len(), parking.octets), (1, 0));
    }
}
