//! Which of two SAs stays that both ends began at once: both see the same nonces.

use alloc::vec::Vec;

/// The nonces of the exchange that made an SA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ExchangeNonces {
    pub(crate) initiator: Vec<u8>,
    pub(crate) responder: Vec<u8>,
}

impl ExchangeNonces {
    fn lowest(&self) -> &[u8] {
        self.initiator.as_slice().min(&self.responder)
    }

    /// Whether the SA made with these nonces is the redundant one of two: the SA made by the
    /// exchange with the lowest of the four nonces is closed by who made it (section 2.8.1).
    pub(crate) fn lose_against(&self, other: &Self) -> bool {
        self.lowest() < other.lowest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sa_with_the_lowest_nonce_is_redundant() {
        let nonces = |initiator: u8, responder: u8| ExchangeNonces {
            initiator: alloc::vec![initiator; 32],
            responder: alloc::vec![responder; 32],
        };
        assert!(nonces(1, 9).lose_against(&nonces(2, 3)));
        assert!(nonces(9, 1).lose_against(&nonces(2, 3)));
        assert!(!nonces(4, 5).lose_against(&nonces(9, 3)));
    }
}
