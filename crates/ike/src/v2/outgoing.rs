//! A message of ours, in as many datagrams as it takes.

use alloc::vec::Vec;

use adit_crypto::{Random, Secret};
use adit_ike_wire::{Header, PayloadType};

use crate::codec::record;
use crate::v2::protection::Protection;

/// A message of ours. Repeated it is the same, octet for octet, unless its datagrams have to become smaller.
#[derive(Clone, Default)]
pub(crate) struct Outgoing {
    pub(crate) datagrams: Vec<Vec<u8>>,
    source: Option<Source>,
}

/// What a sealed message is made of.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) header: Header,
    /// The type of the first payload.
    pub(crate) first: PayloadType,
    /// The payloads.
    pub(crate) plain: Secret,
}

record!(Source {
    header,
    first,
    plain
});
record!(Outgoing { datagrams, source });

impl core::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Outgoing({} datagrams)", self.datagrams.len())
    }
}

impl Outgoing {
    /// A message in clear, which is one datagram.
    pub(crate) fn in_clear(octets: Vec<u8>) -> Self {
        Self {
            datagrams: alloc::vec![octets],
            source: None,
        }
    }

    /// A sealed message, with what it is made of where it may be cut up.
    pub(crate) const fn sealed(datagrams: Vec<Vec<u8>>, source: Option<Source>) -> Self {
        Self { datagrams, source }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Whether it has a datagram longer than this, and may be cut up.
    pub(crate) fn could_be_smaller(&self, limit: usize) -> bool {
        let mut datagrams = self.datagrams.iter();
        self.source.is_some() && datagrams.any(|datagram| datagram.len() > limit)
    }

    /// Cuts it into datagrams of at most `limit` octets.
    pub(crate) fn cut(&mut self, limit: usize, by: &mut Protection, random: &mut dyn Random) {
        if let Some(source) = &self.source {
            self.datagrams = by.seal_within(source, Some(limit), random);
        }
    }
}
