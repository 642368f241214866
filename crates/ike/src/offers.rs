//! What an end offers or accepts, for people: names of algorithms, and how two ends' differ.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What an algorithm is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// AH, where it is not ESP.
    Protocol,
    /// A cipher.
    Encryption,
    /// What shows that nothing was changed; IKEv1's hash.
    Integrity,
    /// A pseudorandom function, of IKEv2.
    PseudorandomFunction,
    /// A Diffie-Hellman group.
    Group,
    /// A key exchange beside the group's (RFC 9370).
    AdditionalExchange,
    /// Whether sequence numbers have 64 bits.
    SequenceNumbers,
    /// Transport mode, where it is not tunnel mode and is told with the algorithms (IKEv1).
    Mode,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Protocol,
        Self::Encryption,
        Self::Integrity,
        Self::PseudorandomFunction,
        Self::Group,
        Self::AdditionalExchange,
        Self::SequenceNumbers,
        Self::Mode,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol (AH or ESP)",
            Self::Encryption => "encryption",
            Self::Integrity => "integrity",
            Self::PseudorandomFunction => "pseudorandom function",
            Self::Group => "key exchange group",
            Self::AdditionalExchange => "additional key exchange",
            Self::SequenceNumbers => "extended sequence numbers",
            Self::Mode => "mode (tunnel or transport)",
        }
    }

    /// Whether having none is a difference from having some. What else one end has alone is within another algorithm
    /// at the other, as integrity is within AEAD ciphers.
    const fn counts_alone(self) -> bool {
        matches!(self, Self::Protocol | Self::Group | Self::Mode)
    }
}

/// The most offers, and the most names of one kind, that are told.
const MOST: (usize, usize) = (8, 16);

/// Sequence numbers of 32 bits, which go without saying.
pub(crate) const SHORT_NUMBERS: &str = "no esn";

/// Algorithms that go together, by kind.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Offer(Vec<(Kind, Vec<String>)>);

impl Offer {
    pub(crate) fn add(&mut self, kind: Kind, name: impl Into<String>) {
        let name = name.into();
        match self.0.iter_mut().find(|(one, _)| *one == kind) {
            Some((_, names)) if names.len() >= MOST.1 || names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => self.0.push((kind, alloc::vec![name])),
        }
    }

    fn names(&self, kind: Kind) -> impl Iterator<Item = &String> {
        let of_kind = self.0.iter().filter(move |(one, _)| *one == kind);
        of_kind.flat_map(|(_, names)| names)
    }
}

/// What an end offers or accepts: one of these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offers {
    list: Vec<Offer>,
    /// Whether there are more than are told.
    more: bool,
    /// Whether each is a whole suite, as in IKEv1, and not a list of each kind.
    are_suites: bool,
}

impl Offers {
    pub(crate) fn suites(all: impl IntoIterator<Item = Offer>) -> Self {
        Self::of(all, true)
    }

    pub(crate) fn proposals(all: impl IntoIterator<Item = Offer>) -> Self {
        Self::of(all, false)
    }

    fn of(all: impl IntoIterator<Item = Offer>, are_suites: bool) -> Self {
        let mut all = all.into_iter();
        let list = all.by_ref().take(MOST.0).collect();
        let more = all.next().is_some();
        Self {
            list,
            more,
            are_suites,
        }
    }

    /// All names of a kind, in the order of preference.
    #[must_use]
    pub fn names(&self, kind: Kind) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.list.iter().flat_map(|offer| offer.names(kind)) {
            if !names.contains(&name.as_str()) {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Kinds of which either has some, as a table has its lines.
    pub fn kinds<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Kind> + 'a {
        let has = |offers: &Self, kind| {
            let mut names = offers.names(kind).into_iter();
            names.any(|name| name != SHORT_NUMBERS)
        };
        let all = Kind::ALL.into_iter();
        all.filter(move |kind| has(self, *kind) || has(other, *kind))
    }

    /// Whether the two have nothing of this kind in common.
    #[must_use]
    pub fn differ_in(&self, other: &Self, kind: Kind) -> bool {
        let (ours, theirs) = (self.names(kind), other.names(kind));
        match (ours.is_empty(), theirs.is_empty()) {
            (true, true) => false,
            (false, false) => !ours.iter().any(|name| theirs.contains(name)),
            (true, false) | (false, true) => kind.counts_alone(),
        }
    }

    /// The first kind of which they have nothing in common.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Kind> {
        let mut all = Kind::ALL.into_iter();
        all.find(|kind| *kind != Kind::AdditionalExchange && self.differ_in(other, *kind))
    }
}

impl fmt::Display for Offers {
    /// Kinds apart by `/` and alternatives by spaces, or a suite's algorithms by `-`; offers by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apart = if self.are_suites { "-" } else { " / " };
        for (index, offer) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            let told = offer.0.iter().filter_map(|(_, names)| {
                let told: Vec<&str> = { names.iter().map(String::as_str) }
                    .filter(|name| *name != SHORT_NUMBERS)
                    .collect();
                (!told.is_empty()).then(|| told.join(" "))
            });
            f.write_str(&told.collect::<Vec<_>>().join(apart))?;
        }
        if self.more {
            f.write_str(", ...")
        } else {
            Ok(())
        }
    }
}
