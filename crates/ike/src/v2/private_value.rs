//! Private values of key exchanges that can be made again elsewhere, of what was drawn for them.

use alloc::boxed::Box;
use core::ops::Deref;

use adit_crypto::{Group, KeyExchange, Random, Secret};

use crate::codec::{Field, Reader, Unreadable, Writer};

/// More octets than any group draws.
const MAX_DRAWN: usize = 4096;

/// Our side of a key exchange whose answer is awaited.
pub(crate) struct PrivateValue {
    exchange: Box<dyn KeyExchange>,
    drawn: Secret,
}

impl PrivateValue {
    /// Makes one.
    pub(crate) fn generate(group: Group, random: &mut dyn Random) -> Self {
        let mut note = Note {
            random,
            drawn: Secret::default(),
        };
        let exchange = group.generate(&mut note);
        Self {
            exchange,
            drawn: note.drawn,
        }
    }
}

impl Deref for PrivateValue {
    type Target = dyn KeyExchange;

    fn deref(&self) -> &Self::Target {
        &*self.exchange
    }
}

impl Field for PrivateValue {
    fn put(&self, to: &mut Writer) {
        self.group().put(to);
        self.drawn.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (group, drawn) = <(Group, Secret)>::take(from)?;
        if drawn.len() > MAX_DRAWN {
            return Err(Unreadable::Malformed);
        }
        let mut again = Again {
            rest: drawn.as_slice(),
            beyond: 0,
        };
        let exchange = group.generate(&mut again);
        if !again.rest.is_empty() || again.beyond > 0 {
            return Err(Unreadable::Malformed);
        }
        Ok(Self { exchange, drawn })
    }
}

/// Notes what is drawn.
struct Note<'r> {
    random: &'r mut dyn Random,
    drawn: Secret,
}

impl Random for Note<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        self.random.fill(out);
        self.drawn = Secret::new([self.drawn.as_slice(), out].concat());
    }
}

/// Gives again what was drawn. Behind that comes what is of no use, but never ends a search for a good value too late.
struct Again<'d> {
    rest: &'d [u8],
    beyond: u64,
}

impl Random for Again<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        if let Some((head, tail)) = self.rest.split_at_checked(out.len()) {
            out.copy_from_slice(head);
            self.rest = tail;
            return;
        }
        for chunk in out.chunks_mut(32) {
            self.beyond += 1;
            let octets = adit_crypto::sha256(&[&self.beyond.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(octets) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for octet in out {
                self.0 = self.0.wrapping_mul(5).wrapping_add(3);
                *octet = self.0;
            }
        }
    }

    #[test]
    fn a_value_of_every_group_is_the_same_when_it_is_made_again() {
        for group in Group::ALL {
            let value = PrivateValue::generate(*group, &mut Counting(7));
            assert!(value.drawn.len() <= MAX_DRAWN, "{group:?}");
            let mut writer = Writer::new(Instant::ZERO, alloc::vec![]);
            value.put(&mut writer);
            let octets = writer.finish();
            let mut reader = Reader::new(octets.as_slice(), Instant::ZERO, 0);
            let again = PrivateValue::take(&mut reader).unwrap();
            assert_eq!(again.public(), value.public(), "{group:?}");
            assert_eq!(again.group(), *group);
        }
    }

    #[test]
    fn what_was_not_drawn_for_a_group_makes_no_value() {
        for (group, len) in [
            (Group::Curve25519, 31),
            (Group::Curve25519, 33),
            (Group::Ecp256, 0),
            (Group::Modp2048, MAX_DRAWN + 1),
        ] {
            let mut writer = Writer::new(Instant::ZERO, alloc::vec![]);
            (group, Secret::new(alloc::vec![9; len])).put(&mut writer);
            let octets = writer.finish();
            let mut reader = Reader::new(octets.as_slice(), Instant::ZERO, 0);
            assert!(PrivateValue::take(&mut reader).is_err(), "{group:?} {len}");
        }
    }
}
