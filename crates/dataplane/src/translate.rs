//! Addresses that the two ends of a connection know by others: blocks in whose place the opposite end sees blocks of the
//! same size, address by address, by IPv4.
//!
//! What goes out has our names, and gets the peer's before an SA is looked for; what was opened has the peer's, and gets
//! ours before it is known whose it is. Nothing is remembered of any packet: an address says what the other one is. ICMP
//! errors are translated with what they quote, which went the other way. A connection without translations costs a look
//! into an empty table.

use std::net::{IpAddr, Ipv4Addr};

use adit_esp::InnerHeader;
use ipnet::IpNet;

use crate::checksum::{Sum, put, word_at};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const UDP_LITE: u8 = 136;

/// Where an IPv4 header has what is changed of it.
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

/// A block by the name that it has at our end, and by that of the peer's; both of one size. Of IPv6 nothing is
/// translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// As our side knows it.
    pub ours: IpNet,
    /// As the peer's side does.
    pub theirs: IpNet,
}

/// All that is known by two names of a connection. No two blocks of one name share addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Translations {
    local: Names,
    remote: Names,
}

/// The two names of one end's blocks, each in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Names {
    to_theirs: Vec<Shift>,
    to_ours: Vec<Shift>,
}

/// Addresses, and what the first of them is on the other side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Shift {
    first: u32,
    last: u32,
    to: u32,
}

impl Shift {
    fn between(from: IpNet, to: IpNet) -> Option<Self> {
        let (IpNet::V4(from), IpNet::V4(to)) = (from, to) else {
            return None;
        };
        Some(Self {
            first: from.network().to_bits(),
            last: from.broadcast().to_bits(),
            to: to.network().to_bits(),
        })
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

impl Names {
    fn new(pairs: impl Iterator<Item = Pair>) -> Self {
        let mut names = Self::default();
        for Pair { ours, theirs } in pairs {
            names.to_theirs.extend(Shift::between(ours, theirs));
            names.to_ours.extend(Shift::between(theirs, ours));
        }
        names.to_theirs.sort_unstable();
        names.to_ours.sort_unstable();
        names
    }

    /// What an address is on the side to which a packet goes. Nothing, if that name is another one's there: two would
    /// have it.
    fn of(&self, way: Way, address: Ipv4Addr) -> Option<Ipv4Addr> {
        let (names, others) = match way {
            Way::In => (&self.to_ours, &self.to_theirs),
            Way::Out => (&self.to_theirs, &self.to_ours),
        };
        let bits = address.to_bits();
        match find(names, bits) {
            Some(shift) => Some((shift.to + (bits - shift.first)).into()),
            None if find(others, bits).is_some() => None,
            None => Some(address),
        }
    }
}

fn find(shifts: &[Shift], bits: u32) -> Option<&Shift> {
    let after = shifts.partition_point(|shift| shift.first <= bits);
    let shift = shifts.get(after.checked_sub(1)?)?;
    (bits <= shift.last).then_some(shift)
}

impl Translations {
    /// Those of our blocks, and of the peer's.
    #[must_use]
    pub fn new(
        local: impl IntoIterator<Item = Pair>,
        remote: impl IntoIterator<Item = Pair>,
    ) -> Self {
        Self {
            local: Names::new(local.into_iter()),
            remote: Names::new(remote.into_iter()),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The names of source and destination of a packet that goes this way.
    fn ends(&self, way: Way) -> (&Names, &Names) {
        match way {
            Way::In => (&self.remote, &self.local),
            Way::Out => (&self.local, &self.remote),
        }
    }

    /// A packet's header on the side to which it goes; `None` if an address of it has no name there.
    pub(crate) fn header(&self, way: Way, packet: &InnerHeader) -> Option<InnerHeader> {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (packet.source, packet.destination) else {
            return Some(*packet);
        };
        let (sources, destinations) = self.ends(way);
        Some(InnerHeader {
            source: sources.of(way, from)?.into(),
            destination: destinations.of(way, to)?.into(),
            ..*packet
        })
    }

    /// Gives a whole packet with complete checksums the names of the side to which it goes, where its addresses have
    /// some there.
    pub(crate) fn rewrite(&self, way: Way, packet: &mut [u8], inner: &InnerHeader) {
        if !inner.source.is_ipv4() {
            return;
        }
        let (sources, destinations) = self.ends(way);
        readdress(packet, way, sources, destinations);
        let kind = inner.source_port.map(|port| port >> 8);
        // Errors (RFC 792, and redirects and quenches of old): eight octets, then the packet that they are about.
        if inner.protocol == ICMP && matches!(kind, Some(3 | 4 | 5 | 11 | 12)) {
            let message = packet.get_mut(inner.transport_offset..inner.total_len);
            if let Some((head, quoted)) = message.and_then(|it| it.split_at_mut_checked(8)) {
                // It went the other way: its source is where the error goes to.
                let change = readdress(quoted, way, destinations, sources);
                put(head, 2, corrected(word_at(head, 2), change));
            }
        }
    }
}

/// A checksum after a change of what is under it (RFC 1624 section 3).
fn corrected(checksum: u16, change: Sum) -> u16 {
    change.word(!checksum).finish()
}

/// Puts a word, and adds how it changes sums that it is under.
fn change_word(bytes: &mut [u8], at: usize, word: u16, change: Sum) -> Sum {
    let before = word_at(bytes, at);
    put(bytes, at, word);
    change.word(!before).word(word)
}

/// Writes other addresses into a packet, as far as it is there; answers how that changes a sum over all of it.
fn readdress(packet: &mut [u8], way: Way, sources: &Names, destinations: &Names) -> Sum {
    let Some(header) = packet.first_chunk::<20>() else {
        return Sum::default();
    };
    let header_len = usize::from(header[0] & 0x0F) * 4;
    if header[0] >> 4 != 4 || header_len < 20 {
        return Sum::default();
    }
    let (protocol, is_first) = (header[9], word_at(header, 6) & 0x1FFF == 0);
    let mut addresses = Sum::default();
    for (at, names) in [(SOURCE, sources), (DESTINATION, destinations)] {
        let before = u32::from(word_at(packet, at)) << 16 | u32::from(word_at(packet, at + 2));
        let after = names
            .of(way, before.into())
            .map_or(before, Ipv4Addr::to_bits);
        addresses = change_word(packet, at, (after >> 16) as u16, addresses);
        addresses = change_word(packet, at + 2, after as u16, addresses);
    }
    let checksum = corrected(word_at(packet, CHECKSUM), addresses);
    let mut change = change_word(packet, CHECKSUM, checksum, addresses);
    // The pseudo header's addresses are under the checksum of what is carried.
    let field = match protocol {
        TCP => Some(16),
        UDP | DCCP | UDP_LITE => Some(6),
        _ => None,
    };
    let field = field.map(|at| header_len + at);
    if let Some(at) = field.filter(|at| is_first && packet.len() >= at + 2) {
        let before = word_at(packet, at);
        let is_udp = protocol == UDP;
        // A sender of UDP may do without (RFC 768); a computed zero is all ones then.
        if !(is_udp && before == 0) {
            let after = match corrected(before, addresses) {
                0 if is_udp => 0xFFFF,
                after => after,
            };
            change = change_word(packet, at, after, change);
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packets::{Tcp, checksums_hold, ip, udp};

    fn pair(ours: &str, theirs: &str) -> Pair {
        Pair {
            ours: ours.parse().unwrap(),
            theirs: theirs.parse().unwrap(),
        }
    }

    /// Both sides have 10.0.0.0/24 and 10.1.0.0/24: ours is shown as 10.201.0.0/24, and theirs as 10.202.0.0/24.
    fn both() -> Translations {
        Translations::new(
            [pair("10.0.0.0/24", "10.201.0.0/24")],
            [
                pair("10.202.0.0/24", "10.0.0.0/24"),
                pair("10.203.0.9/32", "10.1.0.1/32"),
            ],
        )
    }

    fn addresses(packet: &[u8]) -> [String; 2] {
        let inner = InnerHeader::parse(packet).unwrap();
        [inner.source.to_string(), inner.destination.to_string()]
    }

    fn moved(way: Way, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        let inner = InnerHeader::parse(&packet).unwrap();
        both().rewrite(way, &mut packet, &inner);
        let now = InnerHeader::parse(&packet).unwrap();
        if let Some(known) = both().header(way, &inner) {
            assert_eq!(now, known);
        }
        packet
    }

    fn between(packet: Vec<u8>, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
        // Addresses are changed the plain way: all sums are made anew by whoever builds the packet, so they are turned
        // by the same amount here.
        let mut packet = packet;
        let names = |a: &[u8], b: [u8; 4]| {
            let of = |octets: &[u8]| {
                IpNet::from(IpAddr::from([octets[0], octets[1], octets[2], octets[3]]))
            };
            Names::new(
                [Pair {
                    ours: of(a),
                    theirs: of(&b),
                }]
                .into_iter(),
            )
        };
        let (source, destination) = (names(&packet[12..16], from), names(&packet[16..20], to));
        readdress(&mut packet, Way::Out, &source, &destination);
        packet
    }

    /// An ICMP error about a packet, from a router at the peer's.
    fn error(about: &[u8]) -> Vec<u8> {
        let mut message = vec![3, 4, 0, 0, 0, 0, 5, 0];
        message.extend_from_slice(about);
        let mut packet = ip(false, ICMP, 0, &message, 2);
        // Without a pseudo header, by IPv4.
        put(&mut packet, 22, 0);
        let sum = Sum::default().add(&packet[20..]).finish();
        put(&mut packet, 22, sum);
        between(packet, [10, 0, 0, 1], [10, 201, 0, 5])
    }

    #[test]
    fn packets_have_each_side_s_names_and_their_checksums_hold() {
        for plain in [Tcp::data(1, vec![7; 99]).build(), udp(false, b"hello")] {
            let sent = between(plain, [10, 0, 0, 5], [10, 202, 0, 7]);
            assert!(checksums_hold(&sent));
            let out = moved(Way::Out, &sent);
            assert_eq!(addresses(&out), ["10.201.0.5", "10.0.0.7"]);
            assert!(checksums_hold(&out));
            let back = between(out, [10, 0, 0, 7], [10, 201, 0, 5]);
            let back = moved(Way::In, &back);
            assert_eq!(addresses(&back), ["10.202.0.7", "10.0.0.5"]);
            assert!(checksums_hold(&back));
        }
        let host = between(udp(false, b"x"), [10, 0, 0, 5], [10, 203, 0, 9]);
        assert_eq!(
            addresses(&moved(Way::Out, &host)),
            ["10.201.0.5", "10.1.0.1"]
        );
    }

    #[test]
    fn an_address_whose_name_is_another_one_s_on_the_other_side_goes_nowhere() {
        let known = |way, from, to| {
            let packet = between(udp(false, b"x"), from, to);
            both().header(way, &InnerHeader::parse(&packet).unwrap())
        };
        // The host that is known as 10.203.0.9 here, by its own name.
        assert_eq!(known(Way::Out, [10, 0, 0, 5], [10, 1, 0, 1]), None);
        assert_eq!(known(Way::In, [10, 203, 0, 9], [10, 201, 0, 5]), None);
        assert!(known(Way::Out, [10, 0, 0, 5], [10, 1, 0, 2]).is_some());
    }

    #[test]
    fn an_error_is_translated_with_what_it_quotes() {
        let sent = between(
            Tcp::data(1, vec![7; 99]).build(),
            [10, 0, 0, 5],
            [10, 202, 0, 7],
        );
        let out = moved(Way::Out, &sent);
        let told = moved(Way::In, &error(&out));
        assert_eq!(addresses(&told), ["10.202.0.1", "10.0.0.5"]);
        assert_eq!(Sum::default().add(&told[..20]).partial(), 0xFFFF);
        assert_eq!(Sum::default().add(&told[20..]).partial(), 0xFFFF);
        assert_eq!(told[28..], sent, "what was sent, to the octet");
        // Cut to the eight octets behind the header that old routers quote.
        let short = moved(Way::In, &error(&out[..28]));
        assert_eq!(short[28..], sent[..28]);
        assert_eq!(Sum::default().add(&short[20..]).partial(), 0xFFFF);
    }

    #[test]
    fn a_later_fragment_and_a_datagram_without_checksum_keep_what_they_carry() {
        let mut later = between(udp(false, &[9; 64]), [10, 0, 0, 5], [10, 202, 0, 7]);
        put(&mut later, 6, 3);
        crate::checksum::fill_ipv4(&mut later[..20]);
        let out = moved(Way::Out, &later);
        assert_eq!(addresses(&out), ["10.201.0.5", "10.0.0.7"]);
        assert_eq!(out[20..], later[20..]);
        let mut none = between(udp(false, b"x"), [10, 0, 0, 5], [10, 202, 0, 7]);
        put(&mut none, 26, 0);
        assert_eq!(moved(Way::Out, &none)[20..], none[20..]);
    }

    fn within(block: [u8; 3]) -> impl Strategy<Value = [u8; 4]> {
        any::<u8>().prop_map(move |host| {
            let [a, b, c] = block;
            [a, b, c, host]
        })
    }

    proptest! {
        #[test]
        fn what_goes_out_and_comes_back_is_what_it_was(
            is_tcp in any::<bool>(),
            payload in proptest::collection::vec(any::<u8>(), 0..64),
            from in within([10, 0, 0]),
            to in within([10, 202, 0]),
        ) {
            let plain = match is_tcp {
                true => Tcp::data(1, payload).build(),
                false => udp(false, &payload),
            };
            let sent = between(plain, from, to);
            prop_assert!(checksums_hold(&sent));
            let out = moved(Way::Out, &sent);
            prop_assert!(checksums_hold(&out));
            // Turned round there, it is what it was, but for who sent it.
            let [[_, _, _, theirs], [_, _, _, ours]] = [to, from];
            let back = between(out, [10, 0, 0, theirs], [10, 201, 0, ours]);
            let back = between(moved(Way::In, &back), from, to);
            prop_assert_eq!(back, sent);
        }

        #[test]
        fn whatever_is_quoted_or_cut_is_no_panic(
            mut packet in proptest::collection::vec(any::<u8>(), 0..96),
            is_error in any::<bool>(),
        ) {
            if let [version, .., _] = &mut packet[..] {
                *version = 0x45;
            }
            if packet.len() > 28 {
                let len = packet.len() as u16;
                put(&mut packet, 2, len);
                put(&mut packet, 6, 0);
                packet[9] = if is_error { ICMP } else { TCP };
                packet[20] = 3;
                packet[28] = 0x45;
            }
            if let Ok(inner) = InnerHeader::parse(&packet) {
                let len = packet.len();
                both().rewrite(Way::Out, &mut packet, &inner);
                both().rewrite(Way::In, &mut packet, &inner);
                prop_assert_eq!(packet.len(), len);
            }
        }
    }
}
