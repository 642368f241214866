//! Messages in fragments (RFC 7383): how long a datagram may be, and messages that come in pieces.
//!
//! Each fragment is sealed by itself, so nothing is kept that is not the peer's. What is kept of a message is no more
//! than a whole one may be, and there is one such message at most for each window.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use adit_ike_wire::v2::encrypted::FragmentNumber;
use adit_ike_wire::v2::message::MAX_MESSAGE_LEN;
use adit_ike_wire::{Header, PayloadType};

use crate::codec::{Field, Reader, Unreadable, Writer};
use crate::sa::DropReason;
use crate::v2::protection::Opened;

/// The most fragments that a message may come in.
const MAX_FRAGMENTS: u16 = 64;

/// The length of a UDP header, and of the non-ESP marker behind it (RFC 3948 section 2.2).
const UDP_AND_MARKER: usize = 8 + 4;

/// How long a message may be in one datagram: what IPv6 carries everywhere (RFC 8200 section 5), and few paths of IPv4
/// don't.
pub(crate) const fn usual_limit(remote: IpAddr) -> usize {
    match remote {
        IpAddr::V4(_) => 1_280 - 20 - UDP_AND_MARKER,
        IpAddr::V6(_) => 1_280 - 40 - UDP_AND_MARKER,
    }
}

/// The same after trouble (RFC 7383 section 2.5.2): what every host takes by IPv4 (RFC 791).
pub(crate) const fn smallest_limit(remote: IpAddr) -> usize {
    match remote {
        IpAddr::V4(_) => 576 - 20 - UDP_AND_MARKER,
        IpAddr::V6(_) => usual_limit(remote),
    }
}

/// A fragment that was opened.
pub(crate) struct Fragment {
    pub(crate) place: FragmentNumber,
    /// The type of the message's first payload; of the first fragment alone.
    pub(crate) first: PayloadType,
    pub(crate) plain: Vec<u8>,
    /// The octets of its datagram.
    pub(crate) len: usize,
    /// Its header, as it came.
    pub(crate) header: [u8; Header::LEN],
}

/// A message of which some fragments are there.
pub(crate) struct Assembly {
    message_id: u32,
    total: u16,
    parts: BTreeMap<u16, Vec<u8>>,
    begins: Option<([u8; Header::LEN], PayloadType)>,
    longest: usize,
}

impl Assembly {
    const fn new(message_id: u32, total: u16) -> Self {
        Self {
            message_id,
            total,
            parts: BTreeMap::new(),
            begins: None,
            longest: 0,
        }
    }

    fn octets(&self) -> usize {
        self.parts.values().map(Vec::len).sum()
    }

    fn opened(&self) -> Option<Opened> {
        if self.parts.len() < usize::from(self.total) {
            return None;
        }
        let (header, first) = self.begins?;
        let plain: Vec<_> = self.parts.values().flatten().copied().collect();
        Some(Opened::whole(header, first, &plain))
    }
}

/// What an SA has of fragments: whether both ends can, how long they are, and what has come of messages.
#[derive(Default)]
pub(crate) struct Fragmentation {
    /// Both ends have said that they can.
    pub(crate) agreed: bool,
    /// A message went unanswered; smaller datagrams may arrive.
    in_trouble: bool,
    requests: Option<Assembly>,
    responses: Option<Assembly>,
}

/// What has come of messages is not written down: the peer sends it again.
impl Field for Fragmentation {
    fn put(&self, to: &mut Writer) {
        (self.agreed, self.in_trouble).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (agreed, in_trouble) = Field::take(from)?;
        Ok(Self {
            agreed,
            in_trouble,
            ..Self::default()
        })
    }
}

/// A message that has all its fragments.
pub(crate) struct Assembled {
    pub(crate) opened: Opened,
    /// The octets of the longest datagram.
    pub(crate) longest: usize,
}

impl Fragmentation {
    /// That of an SA that takes the place of this one (RFC 7383 section 2.3).
    pub(crate) fn inherit(&self) -> Self {
        Self {
            agreed: self.agreed,
            in_trouble: self.in_trouble,
            ..Self::default()
        }
    }

    /// How long a datagram to there may be; nothing where a message is always one.
    pub(crate) fn limit(&self, remote: IpAddr) -> Option<usize> {
        let limit = if self.in_trouble {
            smallest_limit(remote)
        } else {
            usual_limit(remote)
        };
        self.agreed.then_some(limit)
    }

    /// Notes that datagrams of the usual length may not arrive.
    pub(crate) const fn meet_trouble(&mut self) {
        self.in_trouble = true;
    }

    /// Takes a fragment of a message that is due; the message, once it is whole.
    pub(crate) fn take(
        &mut self,
        header: &Header,
        fragment: Fragment,
    ) -> Result<Option<Assembled>, DropReason> {
        let slot = if header.flags.response {
            &mut self.responses
        } else {
            &mut self.requests
        };
        let FragmentNumber { number, total } = fragment.place;
        if !self.agreed || total > MAX_FRAGMENTS {
            return Err(DropReason::Malformed);
        }
        let (id, known) = (header.message_id, slot.take());
        let known = known.filter(|known| known.message_id == id && known.total >= total);
        let mut assembly = known.unwrap_or_else(|| Assembly::new(id, total));
        if assembly.total == total && !assembly.parts.contains_key(&number) {
            if number == 1 {
                assembly.begins = Some((fragment.header, fragment.first));
            }
            assembly.longest = assembly.longest.max(fragment.len);
            assembly.parts.insert(number, fragment.plain);
        }
        if assembly.octets() > MAX_MESSAGE_LEN {
            return Err(DropReason::Malformed);
        }
        let longest = assembly.longest;
        Ok(match assembly.opened() {
            Some(opened) => Some(Assembled { opened, longest }),
            None => {
                *slot = Some(assembly);
                None
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use adit_ike_wire::{ExchangeType, Flags, Spi};

    use super::*;

    const HEADER: Header = Header {
        initiator_spi: Spi(1),
        responder_spi: Spi(2),
        next_payload: PayloadType(53),
        major_version: 2,
        minor_version: 0,
        exchange: ExchangeType(35),
        flags: Flags {
            encryption: false,
            initiator: true,
            version: false,
            response: false,
        },
        message_id: 1,
        length: 0,
    };

    fn able() -> Fragmentation {
        Fragmentation {
            agreed: true,
            ..Fragmentation::default()
        }
    }

    fn fragment(number: u16, total: u16, plain: &[u8]) -> Fragment {
        Fragment {
            place: FragmentNumber { number, total },
            first: PayloadType(if number == 1 { 41 } else { 0 }),
            plain: plain.to_vec(),
            len: plain.len(),
            header: [0; Header::LEN],
        }
    }

    fn covered(of: Option<Assembled>) -> Option<Vec<u8>> {
        Some(of?.opened.covered().split_off(Header::LEN + 4))
    }

    #[test]
    fn a_message_is_whole_when_all_fragments_are_there_in_any_order_and_often() {
        let mut fragments = able();
        for number in [3, 1, 3, 1] {
            let part = fragment(number, 3, &[u8::try_from(number).unwrap(); 2]);
            assert!(fragments.take(&HEADER, part).unwrap().is_none());
        }
        let whole = fragments.take(&HEADER, fragment(2, 3, &[2; 4])).unwrap();
        assert_eq!(covered(whole).unwrap(), alloc::vec![1, 1, 2, 2, 2, 2, 3, 3]);
        assert!(fragments.requests.is_none());
    }

    #[test]
    fn fragments_of_more_take_the_place_of_those_of_fewer_and_not_the_other_way_round() {
        let mut fragments = able();
        for part in [
            fragment(1, 2, &[1]),
            fragment(1, 3, &[7]),
            fragment(2, 2, &[2]),
            fragment(2, 3, &[8]),
        ] {
            assert!(fragments.take(&HEADER, part).unwrap().is_none());
        }
        let whole = fragments.take(&HEADER, fragment(3, 3, &[9])).unwrap();
        assert_eq!(covered(whole).unwrap(), alloc::vec![7, 8, 9]);
    }

    #[test]
    fn another_message_takes_the_place_of_one_that_was_never_whole() {
        let mut fragments = able();
        let next = Header {
            message_id: 2,
            ..HEADER
        };
        assert!(
            fragments
                .take(&HEADER, fragment(1, 2, &[1]))
                .unwrap()
                .is_none()
        );
        assert!(
            fragments
                .take(&next, fragment(2, 2, &[2]))
                .unwrap()
                .is_none()
        );
        assert!(
            fragments
                .take(&HEADER, fragment(2, 2, &[2]))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_is_kept_of_a_message_is_bounded() {
        let mut fragments = able();
        let most = u16::try_from(MAX_MESSAGE_LEN / 1_000).unwrap();
        for number in 1..=most {
            let part = fragment(number, MAX_FRAGMENTS, &[0; 1_000]);
            assert!(fragments.take(&HEADER, part).is_ok());
        }
        let part = fragment(most + 1, MAX_FRAGMENTS, &[0; 1_000]);
        assert_eq!(
            fragments.take(&HEADER, part).err(),
            Some(DropReason::Malformed)
        );
        assert!(fragments.requests.is_none());
        let part = fragment(1, MAX_FRAGMENTS + 1, &[0]);
        assert_eq!(
            fragments.take(&HEADER, part).err(),
            Some(DropReason::Malformed)
        );
    }

    #[test]
    fn a_peer_that_was_not_told_sends_none() {
        let mut fragments = Fragmentation::default();
        let part = fragment(1, 1, &[0]);
        assert_eq!(
            fragments.take(&HEADER, part).err(),
            Some(DropReason::Malformed)
        );
        assert_eq!(fragments.limit([192, 0, 2, 1].into()), None);
    }
}
