//! Private values, by whichever file has the group.

use super::{Group, KeyExchange, ec, modp, weierstrass};
use crate::Random;

impl Group {
    /// Makes a private value; the same `random` octets make the same value.
    #[must_use]
    pub fn generate(self, random: &mut dyn Random) -> Box<dyn KeyExchange> {
        if let Some(field) = modp::Field::of(self) {
            return Box::new(modp::ModpExchange::generate(self, field, random));
        }
        weierstrass::exchange(self, random)
            .unwrap_or_else(|| Box::new(ec::CurveExchange::generate(self, random)))
    }
}
