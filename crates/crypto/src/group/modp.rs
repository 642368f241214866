//! MODP groups in constant-time Montgomery arithmetic, with short exponents.
//!
//! Exponents have at least twice the bits of the higher strength estimate of RFC 3526 section 8 (80 bits for
//! the 1024-bit group, and less for the 768-bit one), rounded up to whole 64-bit words: 192, 192, 256, 320, 448, 512, 576 and 640 bits. These are
//! safe primes, so RFC 6989 section 2.1 asks for `1 < y < p - 1` and nothing more.
//!
//! The groups of RFC 5114 have a subgroup of small prime order q: exponents have 64 bits more than q, so that they are
//! even over all of it, and RFC 6989 section 2.2 asks for `y^q = 1` too. Without, a peer learns a private value by
//! its remainders.

use std::sync::OnceLock;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::{Zeroize, Zeroizing};

use super::{Group, KeyExchange, KeyExchangeError, check_length, primes, subgroups};
use crate::{Random, Secret};

/// One MODP group's arithmetic; worked out at its first use.
pub(super) struct Field {
    prime: &'static str,
    bits: u32,
    exponent_bits: u32,
    subgroup: Option<Subgroup>,
    params: OnceLock<BoxedMontyParams>,
}

/// A subgroup of small prime order.
struct Subgroup {
    generator: &'static str,
    order: &'static str,
    /// Of the order.
    bits: u32,
}

impl Field {
    const fn new(prime: &'static str, bits: u32, exponent_bits: u32) -> Self {
        Self {
            prime,
            bits,
            exponent_bits,
            subgroup: None,
            params: OnceLock::new(),
        }
    }

    const fn with_subgroup(prime: &'static str, bits: u32, subgroup: Subgroup) -> Self {
        Self {
            prime,
            bits,
            exponent_bits: subgroup.bits + 64,
            subgroup: Some(subgroup),
            params: OnceLock::new(),
        }
    }

    /// The arithmetic of a MODP group, `None` for the others.
    pub(super) fn of(group: Group) -> Option<&'static Self> {
        static MODP_768: Field = Field::new(primes::MODP_768, 768, 192);
        static MODP_1024: Field = Field::new(primes::MODP_1024, 1024, 192);
        static MODP_1536: Field = Field::new(primes::MODP_1536, 1536, 256);
        static MODP_2048: Field = Field::new(primes::MODP_2048, 2048, 320);
        static MODP_3072: Field = Field::new(primes::MODP_3072, 3072, 448);
        static MODP_4096: Field = Field::new(primes::MODP_4096, 4096, 512);
        static MODP_6144: Field = Field::new(primes::MODP_6144, 6144, 576);
        static MODP_8192: Field = Field::new(primes::MODP_8192, 8192, 640);
        static MODP_1024_160: Field = Field::with_subgroup(
            subgroups::MODP_1024_160,
            1024,
            Subgroup {
                generator: subgroups::MODP_1024_160_GENERATOR,
                order: subgroups::MODP_1024_160_ORDER,
                bits: 160,
            },
        );
        static MODP_2048_224: Field = Field::with_subgroup(
            subgroups::MODP_2048_224,
            2048,
            Subgroup {
                generator: subgroups::MODP_2048_224_GENERATOR,
                order: subgroups::MODP_2048_224_ORDER,
                bits: 224,
            },
        );
        static MODP_2048_256: Field = Field::with_subgroup(
            subgroups::MODP_2048_256,
            2048,
            Subgroup {
                generator: subgroups::MODP_2048_256_GENERATOR,
                order: subgroups::MODP_2048_256_ORDER,
                bits: 256,
            },
        );
        match group {
            Group::Modp768 => Some(&MODP_768),
            Group::Modp1024 => Some(&MODP_1024),
            Group::Modp1536 => Some(&MODP_1536),
            Group::Modp2048 => Some(&MODP_2048),
            Group::Modp3072 => Some(&MODP_3072),
            Group::Modp4096 => Some(&MODP_4096),
            Group::Modp6144 => Some(&MODP_6144),
            Group::Modp8192 => Some(&MODP_8192),
            Group::Modp1024Subgroup160 => Some(&MODP_1024_160),
            Group::Modp2048Subgroup224 => Some(&MODP_2048_224),
            Group::Modp2048Subgroup256 => Some(&MODP_2048_256),
            _ => None,
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the constants are odd numbers in hexadecimal; a test reads every one"
    )]
    fn params(&self) -> &BoxedMontyParams {
        self.params.get_or_init(|| {
            let odd = Odd::new(constant(self.prime, self.bits)).into_option();
            BoxedMontyParams::new_vartime(odd.expect("an odd number in hexadecimal"))
        })
    }

    fn generator(&self) -> BoxedUint {
        match &self.subgroup {
            None => BoxedUint::from_be_slice_truncated(&[2], self.bits),
            Some(subgroup) => constant(subgroup.generator, self.bits),
        }
    }

    /// Whether a value is of the subgroup, where there is one. The value is public.
    fn is_within(&self, value: &BoxedUint) -> bool {
        let Some(subgroup) = &self.subgroup else {
            return true;
        };
        let order = constant(subgroup.order, subgroup.bits);
        let base = BoxedMontyForm::new(value.clone(), self.params());
        let power = base.pow_bounded_exp(&order, subgroup.bits);
        power.retrieve() == BoxedUint::one_with_precision(self.bits)
    }

    /// `base ^ exponent mod p`, big endian and as long as the prime.
    fn power(&self, base: BoxedUint, exponent: &BoxedUint) -> Zeroizing<Vec<u8>> {
        let base = BoxedMontyForm::new(base, self.params());
        let mut power = base.pow_bounded_exp(exponent, self.exponent_bits);
        let mut result = power.retrieve();
        let bytes = Zeroizing::new(result.to_be_bytes().into_vec());
        result.zeroize();
        power.as_montgomery_mut().zeroize();
        bytes
    }
}

#[expect(
    clippy::expect_used,
    reason = "the constants are numbers in hexadecimal; a test reads every one"
)]
fn constant(digits: &str, bits: u32) -> BoxedUint {
    // The library wants whole limbs.
    let whole = format!(
        "{digits:0>width$}",
        width = bits.next_multiple_of(64) as usize / 4
    );
    let number = BoxedUint::from_be_hex(&whole, bits.next_multiple_of(64)).into_option();
    number.expect("a number in hexadecimal")
}

/// A private exponent in a MODP group.
pub(super) struct ModpExchange {
    group: Group,
    field: &'static Field,
    exponent: Zeroizing<BoxedUint>,
    public: Vec<u8>,
}

impl ModpExchange {
    pub(super) fn generate(group: Group, field: &'static Field, random: &mut dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; (field.exponent_bits / 8) as usize]);
        random.fill(&mut bytes);
        // A set top bit keeps the exponent from being tiny, whatever the source answers.
        if let Some(top) = bytes.first_mut() {
            *top |= 0x80;
        }
        Self::with_exponent(group, field, &bytes)
    }

    pub(super) fn with_exponent(group: Group, field: &'static Field, exponent: &[u8]) -> Self {
        let exponent = Zeroizing::new(BoxedUint::from_be_slice_truncated(
            exponent,
            field.exponent_bits,
        ));
        let public = field.power(field.generator(), &exponent).to_vec();
        Self {
            group,
            field,
            exponent,
            public,
        }
    }
}

impl KeyExchange for ModpExchange {
    fn group(&self) -> Group {
        self.group
    }

    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(&self, peer: &[u8]) -> Result<Secret, KeyExchangeError> {
        check_length(self.group.public_len(), peer)?;
        let peer = BoxedUint::from_be_slice_truncated(peer, self.field.bits);
        let one = BoxedUint::one_with_precision(self.field.bits);
        let p_minus_one = self.field.params().modulus().as_ref().wrapping_sub(&one);
        if peer <= one || peer >= p_minus_one || !self.field.is_within(&peer) {
            return Err(KeyExchangeError::InvalidPublicValue);
        }
        let shared = self.field.power(peer, &self.exponent);
        Ok(Secret::new(shared.to_vec()))
    }
}
