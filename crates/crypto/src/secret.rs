//! Octets that must not outlive their use: wiped when dropped, never printed.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret octets of any length, such as a shared secret or keying material.
///
/// Wiped on drop; `Debug` shows the length alone. Comparing is constant time in the contents.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of `bytes`; other copies of them remain the caller's to wipe.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The octets themselves.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The number of octets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no octets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies of the first `mid` octets and of the rest, or `None` if there are fewer than `mid`.
    #[must_use]
    pub fn split_at(&self, mid: usize) -> Option<(Self, Self)> {
        let (head, tail) = self.0.split_at_checked(mid)?;
        Some((Self(head.to_vec()), Self(tail.to_vec())))
    }

    /// Cuts the octets into consecutive pieces of the given lengths, as RFC 7296 section 2.14 does with the
    /// output of prf+. `None` if there are too few; octets left over are dropped.
    #[must_use]
    pub fn split<const N: usize>(&self, lengths: [usize; N]) -> Option<[Self; N]> {
        let mut rest = self.as_slice();
        let mut pieces: [Self; N] = core::array::from_fn(|_| Self::default());
        for (piece, length) in pieces.iter_mut().zip(lengths) {
            let (head, tail) = rest.split_at_checked(length)?;
            *piece = Self(head.to_vec());
            rest = tail;
        }
        Some(pieces)
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        crate::equal(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(
            format!("{:?}", Secret::new(vec![0xAB; 3])),
            "Secret(3 octets)"
        );
    }

    #[test]
    fn split_cuts_consecutive_pieces_and_refuses_too_few_octets() {
        let secret = Secret::new(vec![1, 2, 3, 4, 5]);
        let [a, b] = secret.split([2, 3]).unwrap();
        assert_eq!((a.as_slice(), b.as_slice()), (&[1, 2][..], &[3, 4, 5][..]));
        assert!(secret.split([2, 4]).is_none());
        assert!(secret.split_at(6).is_none());
    }
}
