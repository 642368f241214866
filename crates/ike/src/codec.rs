//! Writing state down and reading it again: what a handover and a recording are made of.
//!
//! A [`Field`] is written and read by the same list of its parts ([`record!`], [`choice!`]), so that the two can't
//! differ. What is read may be anything: nothing here panics, and what is allocated is bounded by what there is to read.
//!
//! Times are written as what is left until them, or has passed since, so that another clock can go on with them. Names
//! of SAs are written as ranks among those that are handed over, so that they can be others elsewhere.

mod words;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::Secret;

use crate::time::Instant;

/// Why octets could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// The counter-mode IVs would repeat those of whoever wrote it.
    Epoch,
    /// They are none of ours, or of a later version.
    Malformed,
}

/// Something that can be written down.
pub(crate) trait Field: Sized {
    /// Writes it.
    fn put(&self, to: &mut Writer);

    /// Reads one.
    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable>;
}

/// Where it is written to. What was written is wiped.
pub(crate) struct Writer {
    octets: Vec<u8>,
    now: Instant,
    /// In their order.
    names: Vec<u64>,
}

impl Writer {
    /// Nothing yet. Times are told from `now` on; `names` are those of all that will be written.
    pub(crate) fn new(now: Instant, mut names: Vec<u64>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self {
            octets: Vec::with_capacity(1024),
            now,
            names,
        }
    }

    /// Nothing yet, with the same time and names.
    pub(crate) fn like(other: &Self) -> Self {
        Self::new(other.now, other.names.clone())
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        let len = self.octets.len() + octets.len();
        if len > self.octets.capacity() {
            // Growing in place would leave keys behind in memory that is given back.
            let mut larger = Vec::with_capacity(2 * len);
            larger.extend_from_slice(&self.octets);
            drop(Secret::new(core::mem::replace(&mut self.octets, larger)));
        }
        self.octets.extend_from_slice(octets);
    }

    /// A name; one that is not among those that are written is nobody's.
    pub(crate) fn name(&mut self, name: u64) {
        let rank = self.names.binary_search(&name).map_or(0, |index| index + 1);
        self.rank(rank);
    }

    /// The highest of the names up to this number.
    pub(crate) fn name_up_to(&mut self, number: u64) {
        let rank = self.names.partition_point(|name| *name <= number);
        self.rank(rank);
    }

    /// How many names there are.
    pub(crate) const fn names(&self) -> usize {
        self.names.len()
    }

    fn rank(&mut self, rank: usize) {
        u32::try_from(rank).unwrap_or(0).put(self);
    }

    pub(crate) fn finish(mut self) -> Secret {
        Secret::new(core::mem::take(&mut self.octets))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(Secret::new(core::mem::take(&mut self.octets)));
    }
}

/// Where it is read from.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    now: Instant,
    /// What every counter-mode IV begins with from now on.
    pub(crate) epoch: u16,
    /// The number of the name that nobody has, and how many come after it.
    names: (u64, u32),
}

impl<'a> Reader<'a> {
    /// Reads `octets`, whose times are told from `now` on.
    pub(crate) const fn new(octets: &'a [u8], now: Instant, epoch: u16) -> Self {
        Self {
            rest: octets,
            now,
            epoch,
            names: (0, 0),
        }
    }

    /// Has the names be the `count` numbers after `nobody` from now on.
    pub(crate) const fn set_names(&mut self, nobody: u64, count: u32) {
        self.names = (nobody, count);
    }

    pub(crate) fn octets(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (head, tail) = self
            .rest
            .split_at_checked(len)
            .ok_or(Unreadable::Malformed)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let octets = self.octets(N)?;
        octets.try_into().map_err(|_| Unreadable::Malformed)
    }

    pub(crate) fn name(&mut self) -> Result<u64, Unreadable> {
        let (nobody, count) = self.names;
        let rank = u32::take(self)?;
        let is_one = rank <= count;
        let name = nobody.checked_add(rank.into()).filter(|_| is_one);
        name.ok_or(Unreadable::Malformed)
    }

    /// That nothing is left.
    pub(crate) const fn end(&self) -> Result<(), Unreadable> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Unreadable::Malformed)
        }
    }
}

/// A structure whose parts are written one after the other.
macro_rules! record {
    ($type:ty { $($part:ident),+ $(,)? }) => {
        impl $crate::codec::Field for $type {
            fn put(&self, to: &mut $crate::codec::Writer) {
                $($crate::codec::Field::put(&self.$part, to);)+
            }

            fn take(
                from: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::Unreadable> {
                Ok(Self { $($part: $crate::codec::Field::take(from)?),+ })
            }
        }
    };
}

/// One of several values without parts, each with a number that stays.
macro_rules! choice {
    ($type:ty { $($number:literal => $value:ident),+ $(,)? }) => {
        impl $crate::codec::Field for $type {
            fn put(&self, to: &mut $crate::codec::Writer) {
                let number: u8 = match self { $(Self::$value => $number),+ };
                number.put(to);
            }

            fn take(
                from: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::Unreadable> {
                match u8::take(from)? {
                    $($number => Ok(Self::$value),)+
                    _ => Err($crate::codec::Unreadable::Malformed),
                }
            }
        }
    };
}

pub(crate) use {choice, record};

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn put(&self, to: &mut Writer) {
                to.octets(&self.to_be_bytes());
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                from.array().map(Self::from_be_bytes)
            }
        }
    )+};
}

number!(u8, u16, u32, u64, u128, i64);

impl Field for usize {
    fn put(&self, to: &mut Writer) {
        u32::try_from(*self).unwrap_or(u32::MAX).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Self::try_from(u32::take(from)?).map_err(|_| Unreadable::Malformed)
    }
}

impl Field for bool {
    fn put(&self, to: &mut Writer) {
        u8::from(*self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable::Malformed),
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, to: &mut Writer) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        bool::take(from)?.then(|| T::take(from)).transpose()
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        for one in self {
            one.put(to);
        }
    }

    /// Each takes an octet at least, so that there are no more than octets are left.
    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let count = usize::take(from)?;
        if count > from.rest.len() {
            return Err(Unreadable::Malformed);
        }
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl Field for String {
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        to.octets(self.as_bytes());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let len = usize::take(from)?;
        let octets = from.octets(len)?.to_vec();
        Self::from_utf8(octets).map_err(|_| Unreadable::Malformed)
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl Field for Secret {
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        to.octets(self.as_slice());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let len = usize::take(from)?;
        Ok(Self::new(from.octets(len)?.to_vec()))
    }
}

/// In microseconds, which is what the clock counts.
impl Field for Duration {
    fn put(&self, to: &mut Writer) {
        u64::try_from(self.as_micros()).unwrap_or(u64::MAX).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u64::take(from).map(Self::from_micros)
    }
}

/// What is left until then. A time before the other clock's start is its start.
impl Field for Instant {
    fn put(&self, to: &mut Writer) {
        let (at, now) = (self.as_micros(), to.now.as_micros());
        let left = if *self == Self::NEVER {
            i64::MAX
        } else {
            let left = i64::try_from(at.abs_diff(now)).unwrap_or(i64::MAX);
            if at < now {
                -left
            } else {
                left.min(i64::MAX - 1)
            }
        };
        left.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match i64::take(from)? {
            i64::MAX => Self::NEVER,
            left => Self::from_micros(from.now.as_micros().saturating_add_signed(left)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> Secret {
        let mut writer = Writer::new(Instant::from_micros(1_000), alloc::vec![40, 7, 9]);
        write(&mut writer);
        writer.finish()
    }

    #[test]
    fn times_are_as_far_from_now_on_another_clock() {
        let octets = written(|to| {
            for at in [0, 999, 1_000, 1_500] {
                Instant::from_micros(at).put(to);
            }
            Instant::NEVER.put(to);
        });
        let mut reader = Reader::new(octets.as_slice(), Instant::from_micros(100), 0);
        let mut next = || Instant::take(&mut reader).unwrap();
        assert_eq!(
            [next(), next(), next(), next(), next()],
            [0, 99, 100, 600, u64::MAX].map(Instant::from_micros)
        );
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn names_keep_their_order_and_strangers_are_nobody() {
        let octets = written(|to| {
            assert_eq!(to.names(), 3);
            for name in [9, 40, 8] {
                to.name(name);
            }
            to.name_up_to(39);
            to.name_up_to(6);
        });
        let mut reader = Reader::new(octets.as_slice(), Instant::ZERO, 0);
        reader.set_names(100, 3);
        let mut next = || reader.name().unwrap();
        assert_eq!(
            [next(), next(), next(), next(), next()],
            [102, 103, 100, 102, 100]
        );
        let mut reader = Reader::new(octets.as_slice(), Instant::ZERO, 0);
        reader.set_names(100, 1);
        assert_eq!(reader.name(), Err(Unreadable::Malformed));
    }

    #[test]
    fn what_is_long_is_written_whole_and_what_says_it_is_longer_is_not_read() {
        let long = alloc::vec![7_u8; 5_000];
        let octets = written(|to| (long.clone(), Some(Secret::new(long.clone()))).put(to));
        let mut reader = Reader::new(octets.as_slice(), Instant::ZERO, 0);
        let (one, other) = <(Vec<u8>, Option<Secret>)>::take(&mut reader).unwrap();
        assert_eq!((&one, other.unwrap().as_slice()), (&long, long.as_slice()));
        for len in 0..octets.len() {
            let cut = octets.as_slice().get(..len).unwrap();
            let mut reader = Reader::new(cut, Instant::ZERO, 0);
            assert!(<(Vec<u8>, Option<Secret>)>::take(&mut reader).is_err());
        }
        let mut reader = Reader::new(&[0xFF; 8], Instant::ZERO, 0);
        assert_eq!(Vec::<u8>::take(&mut reader), Err(Unreadable::Malformed));
    }
}
