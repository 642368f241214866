//! NIST curves with the point as `x | y` and the secret as `x` (RFC 5903 section 7), and X25519 (RFC 8031).

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::{Group, KeyExchange, KeyExchangeError, check_length};
use crate::{Random, Secret};

/// SEC 1's mark of an uncompressed point; RFC 5903 leaves it away.
const UNCOMPRESSED: u8 = 4;

/// Each attempt fails with a probability below 2^-31 (P-256; far below for the others), so that a source which
/// fails this often is no random one.
const ATTEMPTS: usize = 16;

/// A private scalar on one of the curves.
pub(super) struct CurveExchange {
    group: Group,
    private: PrivateKey,
    public: Vec<u8>,
}

fn algorithm(group: Group) -> &'static agreement::Algorithm {
    match group {
        Group::Ecp256 => &agreement::ECDH_P256,
        Group::Ecp384 => &agreement::ECDH_P384,
        Group::Ecp521 => &agreement::ECDH_P521,
        _ => &agreement::X25519,
    }
}

impl CurveExchange {
    pub(super) fn generate(group: Group, random: &mut dyn Random) -> Self {
        // A scalar is half as long as the point x | y; X25519 has x alone.
        let len = if group == Group::Curve25519 {
            32
        } else {
            group.public_len() / 2
        };
        let mut scalar = Zeroizing::new(vec![0; len]);
        for _ in 0..ATTEMPTS {
            random.fill(&mut scalar);
            if let (Group::Ecp521, Some(top)) = (group, scalar.first_mut()) {
                // 521 bits are 65 octets and one bit.
                *top &= 1;
            }
            if let Some(exchange) = Self::with_scalar(group, &scalar) {
                return exchange;
            }
        }
        Self::in_range(group, &mut scalar)
    }

    /// A scalar for a source whose every answer was out of range. Only a broken one, such as a test's constant
    /// octets, comes here: cleared of its top octets and made odd, the scalar is between 1 and the order.
    #[expect(
        clippy::expect_used,
        reason = "1 <= scalar < order is all that the library can refuse"
    )]
    fn in_range(group: Group, scalar: &mut [u8]) -> Self {
        for top in scalar.iter_mut().take(2) {
            *top = 0;
        }
        if let Some(last) = scalar.last_mut() {
            *last |= 1;
        }
        Self::with_scalar(group, scalar).expect("a scalar in range")
    }

    /// `None` if the scalar is zero or not below the order (FIPS 186: try again with another).
    fn with_scalar(group: Group, scalar: &[u8]) -> Option<Self> {
        let private = PrivateKey::from_private_key(algorithm(group), scalar).ok()?;
        let public = private.compute_public_key().ok()?;
        let public = match group {
            Group::Curve25519 => public.as_ref(),
            _ => public.as_ref().strip_prefix(&[UNCOMPRESSED])?,
        };
        Some(Self {
            group,
            public: public.to_vec(),
            private,
        })
    }
}

impl KeyExchange for CurveExchange {
    fn group(&self) -> Group {
        self.group
    }

    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(&self, peer: &[u8]) -> Result<Secret, KeyExchangeError> {
        check_length(self.group.public_len(), peer)?;
        let mut point = Vec::with_capacity(peer.len() + 1);
        if self.group != Group::Curve25519 {
            point.push(UNCOMPRESSED);
        }
        point.extend_from_slice(peer);
        // The library checks that the point is on the curve (RFC 6989 section 2.3) and never the infinite one.
        let peer = UnparsedPublicKey::new(algorithm(self.group), point);
        let shared = agreement::agree(
            &self.private,
            peer,
            KeyExchangeError::InvalidPublicValue,
            |shared| Ok(Secret::new(shared.to_vec())),
        )?;
        // RFC 8031 section 3.2 with RFC 7748 section 6.1. On the NIST curves x = 0 is a point like any other.
        if self.group == Group::Curve25519 && crate::equal(shared.as_slice(), &[0; 32]) {
            return Err(KeyExchangeError::InvalidPublicValue);
        }
        Ok(shared)
    }
}

#[cfg(test)]
pub(super) fn with_scalar(group: Group, scalar: &[u8]) -> Option<Box<dyn KeyExchange>> {
    Some(Box::new(CurveExchange::with_scalar(group, scalar)?))
}
