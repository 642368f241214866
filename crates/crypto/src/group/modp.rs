//! MODP groups in constant-time Montgomery arithmetic, with short exponents.
//!
//! Exponents have at least twice the bits of the higher strength estimate of RFC 3526 section 8 (80 bits for
//! the 1024-bit group, and less for the 768-bit one), rounded up to whole 64-bit words: 192, 192, 256, 320, 448, 512, 576 and 640 bits. These are
//! safe primes, so RFC 6989 section 2.1 asks for `1 < y < p - 1` and nothing more.

use std::sync::OnceLock;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::{Zeroize, Zeroizing};

use super::{Group, KeyExchange, KeyExchangeError, primes};
use crate::{Random, Secret};

/// One MODP group's arithmetic; worked out at its first use.
pub(super) struct Field {
    prime: &'static str,
    bits: u32,
    exponent_bits: u32,
    params: OnceLock<BoxedMontyParams>,
}

impl Field {
    const fn new(prime: &'static str, bits: u32, exponent_bits: u32) -> Self {
        Self {
            prime,
            bits,
            exponent_bits,
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
        match group {
            Group::Modp768 => Some(&MODP_768),
            Group::Modp1024 => Some(&MODP_1024),
            Group::Modp1536 => Some(&MODP_1536),
            Group::Modp2048 => Some(&MODP_2048),
            Group::Modp3072 => Some(&MODP_3072),
            Group::Modp4096 => Some(&MODP_4096),
            Group::Modp6144 => Some(&MODP_6144),
            Group::Modp8192 => Some(&MODP_8192),
            Group::Ecp256 | Group::Ecp384 | Group::Ecp521 | Group::Curve25519 => None,
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the constants are odd numbers in hexadecimal; a test reads every one"
    )]
    fn params(&self) -> &BoxedMontyParams {
        self.params.get_or_init(|| {
            let prime = BoxedUint::from_be_hex(self.prime, self.bits).into_option();
            let odd = prime.and_then(|prime| Odd::new(prime).into_option());
            BoxedMontyParams::new_vartime(odd.expect("an odd number in hexadecimal"))
        })
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

    fn with_exponent(group: Group, field: &'static Field, exponent: &[u8]) -> Self {
        let exponent = Zeroizing::new(BoxedUint::from_be_slice_truncated(
            exponent,
            field.exponent_bits,
        ));
        let two = BoxedUint::from_be_slice_truncated(&[2], field.bits);
        let public = field.power(two, &exponent).to_vec();
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
        self.group.check_length(peer)?;
        let peer = BoxedUint::from_be_slice_truncated(peer, self.field.bits);
        let one = BoxedUint::one_with_precision(self.field.bits);
        let p_minus_one = self.field.params().modulus().as_ref().wrapping_sub(&one);
        if peer <= one || peer >= p_minus_one {
            return Err(KeyExchangeError::InvalidPublicValue);
        }
        let shared = self.field.power(peer, &self.exponent);
        Ok(Secret::new(shared.to_vec()))
    }
}
