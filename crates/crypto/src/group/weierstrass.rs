//! Curves that aws-lc-rs does not have: P-192 and P-224 (RFC 5114) and Brainpool's (RFC 6932, RFC 6954).
//!
//! Every one is of prime order, so that the addition of Renaud, Costello and Batina ("Complete addition formulas for
//! prime order elliptic curves", algorithm 1) holds for all points, the infinite one and doubling included: there is
//! nothing to branch on. A multiple takes as many additions whatever the scalar.

use std::sync::LazyLock;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{CtSelect, Odd, Uint};
use zeroize::{Zeroize, Zeroizing};

use super::curves::{self, Constants};
use super::{Group, KeyExchange, KeyExchangeError, check_length};
use crate::{Random, Secret};

/// Each attempt fails with a probability below one half, so that a source which fails this often is no random one.
const ATTEMPTS: usize = 128;

/// Octets of a limb; Adit is for machines with words of 64 bits.
const LIMB_LEN: usize = 8;

type Element<const LIMBS: usize> = FixedMontyForm<LIMBS>;

/// A point `(x / z, y / z)`, and the infinite one where z is zero.
#[derive(Clone, Copy)]
struct Point<const LIMBS: usize> {
    x: Element<LIMBS>,
    y: Element<LIMBS>,
    z: Element<LIMBS>,
}

impl<const LIMBS: usize> Zeroize for Point<LIMBS> {
    fn zeroize(&mut self) {
        for one in [&mut self.x, &mut self.y, &mut self.z] {
            one.as_montgomery_mut().zeroize();
        }
    }
}

/// A curve, worked out.
pub(super) struct Curve<const LIMBS: usize> {
    params: FixedMontyParams<LIMBS>,
    a: Element<LIMBS>,
    b: Element<LIMBS>,
    /// 3 b.
    b3: Element<LIMBS>,
    generator: Point<LIMBS>,
    order: Uint<LIMBS>,
    /// Of an element of the field, and of a scalar.
    octets: usize,
}

/// A number of at most as many octets as limbs have; longer ones are cut at the front.
fn number<const LIMBS: usize>(octets: &[u8]) -> Uint<LIMBS> {
    let mut words = [0; LIMBS];
    for (word, chunk) in words.iter_mut().zip(octets.rchunks(LIMB_LEN)) {
        for octet in chunk {
            *word = *word << 8 | u64::from(*octet);
        }
    }
    let number = Uint::from_words(words);
    words.zeroize();
    number
}

/// The last `len` octets of a number, big endian.
fn octets<const LIMBS: usize>(number: &Uint<LIMBS>, len: usize) -> Vec<u8> {
    let words = number.as_words().iter().rev();
    let all = words.flat_map(|word| word.to_be_bytes());
    all.skip((LIMBS * LIMB_LEN).saturating_sub(len)).collect()
}

impl<const LIMBS: usize> Curve<LIMBS> {
    #[expect(
        clippy::expect_used,
        reason = "the constants are odd numbers in hexadecimal; a test reads every one"
    )]
    fn new(constants: &Constants) -> Self {
        let parsed = |text: &str| {
            let digits = text.as_bytes().chunks(2);
            let pairs = digits.map(|pair| core::str::from_utf8(pair).ok());
            let octets: Option<Vec<u8>> = pairs
                .map(|pair| u8::from_str_radix(pair?, 16).ok())
                .collect();
            octets.expect("hexadecimal")
        };
        let prime = parsed(constants.prime);
        let modulus = Odd::new(number(&prime)).into_option();
        let params = FixedMontyParams::new_vartime(modulus.expect("an odd prime"));
        let element = |text: &str| FixedMontyForm::new(&number(&parsed(text)), &params);
        let b = element(constants.b);
        Self {
            params,
            a: element(constants.a),
            b,
            b3: b.double().add(&b),
            generator: Point {
                x: element(constants.generator.0),
                y: element(constants.generator.1),
                z: FixedMontyForm::one(&params),
            },
            order: number(&parsed(constants.order)),
            octets: prime.len(),
        }
    }

    fn sum(&self, p: &Point<LIMBS>, q: &Point<LIMBS>) -> Point<LIMBS> {
        let (xx, yy, zz) = (p.x.mul(&q.x), p.y.mul(&q.y), p.z.mul(&q.z));
        let cross =
            |(p1, p2): (&Element<LIMBS>, &Element<LIMBS>),
             (q1, q2): (&Element<LIMBS>, &Element<LIMBS>),
             own: Element<LIMBS>| { p1.add(p2).mul(&q1.add(q2)).sub(&own) };
        let xy = cross((&p.x, &p.y), (&q.x, &q.y), xx.add(&yy));
        let xz = cross((&p.x, &p.z), (&q.x, &q.z), xx.add(&zz));
        let yz = cross((&p.y, &p.z), (&q.y, &q.z), yy.add(&zz));
        let shift = self.a.mul(&xz).add(&self.b3.mul(&zz));
        let (minus, plus) = (yy.sub(&shift), yy.add(&shift));
        let azz = self.a.mul(&zz);
        let m = xx.double().add(&xx).add(&azz);
        let k = self.b3.mul(&xz).add(&self.a.mul(&xx.sub(&azz)));
        Point {
            x: xy.mul(&minus).sub(&yz.mul(&k)),
            y: minus.mul(&plus).add(&m.mul(&k)),
            z: yz.mul(&plus).add(&xy.mul(&m)),
        }
    }

    /// As many sums for every scalar, and none of what they do depends on it.
    fn multiple(&self, point: &Point<LIMBS>, scalar: &Uint<LIMBS>) -> Zeroizing<Point<LIMBS>> {
        let mut result = Zeroizing::new(Point {
            x: FixedMontyForm::zero(&self.params),
            y: FixedMontyForm::one(&self.params),
            z: FixedMontyForm::zero(&self.params),
        });
        let mut with = Zeroizing::new(*result);
        for bit in (0..self.octets as u32 * 8).rev() {
            *result = self.sum(&result, &result);
            *with = self.sum(&result, point);
            let set = scalar.bit(bit);
            let select = |to: &mut Element<LIMBS>, other: &Element<LIMBS>| {
                let chosen = to.as_montgomery().ct_select(other.as_montgomery(), set);
                *to.as_montgomery_mut() = chosen;
            };
            select(&mut result.x, &with.x);
            select(&mut result.y, &with.y);
            select(&mut result.z, &with.z);
        }
        result
    }

    /// x and y; `None` for the infinite point alone.
    fn coordinates(&self, point: &Point<LIMBS>) -> Option<(Uint<LIMBS>, Uint<LIMBS>)> {
        let inverse = Zeroizing::new(point.z.invert().into_option()?);
        let mut both = (point.x.mul(&inverse), point.y.mul(&inverse));
        let coordinates = (both.0.retrieve(), both.1.retrieve());
        both.0.as_montgomery_mut().zeroize();
        both.1.as_montgomery_mut().zeroize();
        Some(coordinates)
    }

    /// The point of `x | y`, if it is one (RFC 6989 section 2.3).
    fn point(&self, public: &[u8]) -> Option<Point<LIMBS>> {
        let (x, y) = public.split_at_checked(self.octets)?;
        let (x, y) = (number(x), number(y));
        let prime = self.params.modulus().as_ref();
        if x >= *prime || y >= *prime {
            return None;
        }
        let element = |one: &Uint<LIMBS>| FixedMontyForm::new(one, &self.params);
        let (x, y) = (element(&x), element(&y));
        let right = x.square().add(&self.a).mul(&x).add(&self.b);
        (y.square() == right).then(|| Point {
            x,
            y,
            z: FixedMontyForm::one(&self.params),
        })
    }
}

/// A private scalar on a curve.
struct CurveExchange<const LIMBS: usize> {
    group: Group,
    curve: &'static Curve<LIMBS>,
    scalar: Zeroizing<Uint<LIMBS>>,
    public: Vec<u8>,
}

fn generate<const LIMBS: usize>(
    group: Group,
    curve: &'static Curve<LIMBS>,
    random: &mut dyn Random,
) -> CurveExchange<LIMBS> {
    let mut octets = Zeroizing::new(vec![0; curve.octets]);
    for _ in 0..ATTEMPTS {
        random.fill(&mut octets);
        if let Some(exchange) = with_scalar(group, curve, &octets) {
            return exchange;
        }
    }
    // Only a broken source, such as a test's constant octets, comes here.
    in_range(group, curve, &mut octets)
}

/// Cleared of its top octet and made odd, a scalar is between 1 and the order, whose top octet is none of zero.
#[expect(
    clippy::expect_used,
    reason = "1 <= scalar < order is all that is asked"
)]
fn in_range<const LIMBS: usize>(
    group: Group,
    curve: &'static Curve<LIMBS>,
    octets: &mut [u8],
) -> CurveExchange<LIMBS> {
    if let Some(top) = octets.first_mut() {
        *top = 0;
    }
    if let Some(last) = octets.last_mut() {
        *last |= 1;
    }
    with_scalar(group, curve, octets).expect("a scalar in range")
}

/// `None` if the scalar is zero or not below the order (FIPS 186: try again with another).
fn with_scalar<const LIMBS: usize>(
    group: Group,
    curve: &'static Curve<LIMBS>,
    scalar: &[u8],
) -> Option<CurveExchange<LIMBS>> {
    let scalar = Zeroizing::new(number(scalar));
    if *scalar == Uint::ZERO || *scalar >= curve.order {
        return None;
    }
    let (x, y) = curve.coordinates(&curve.multiple(&curve.generator, &scalar))?;
    let mut public = octets(&x, curve.octets);
    public.extend(octets(&y, curve.octets));
    Some(CurveExchange {
        group,
        curve,
        scalar,
        public,
    })
}

impl<const LIMBS: usize> KeyExchange for CurveExchange<LIMBS> {
    fn group(&self) -> Group {
        self.group
    }

    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(&self, peer: &[u8]) -> Result<Secret, KeyExchangeError> {
        check_length(self.group.public_len(), peer)?;
        let invalid = KeyExchangeError::InvalidPublicValue;
        let point = self.curve.point(peer).ok_or(invalid)?;
        let shared = self.curve.multiple(&point, &self.scalar);
        let (x, y) = self.curve.coordinates(&shared).ok_or(invalid)?;
        let (x, _y) = (Zeroizing::new(x), Zeroizing::new(y));
        // The secret is x alone (RFC 6932 section 3, RFC 5903 section 7).
        Ok(Secret::new(octets(&x, self.curve.octets)))
    }
}

/// Calls `$with` with the group, its curve and one more argument; `None` for groups that are none of these.
macro_rules! on_curve {
    ($group:expr, $with:ident, $argument:expr) => {{
        static ECP_192: LazyLock<Curve<3>> = LazyLock::new(|| Curve::new(&curves::ECP_192));
        static ECP_224: LazyLock<Curve<4>> = LazyLock::new(|| Curve::new(&curves::ECP_224));
        static BP_224: LazyLock<Curve<4>> = LazyLock::new(|| Curve::new(&curves::BRAINPOOL_224));
        static BP_256: LazyLock<Curve<4>> = LazyLock::new(|| Curve::new(&curves::BRAINPOOL_256));
        static BP_384: LazyLock<Curve<6>> = LazyLock::new(|| Curve::new(&curves::BRAINPOOL_384));
        static BP_512: LazyLock<Curve<8>> = LazyLock::new(|| Curve::new(&curves::BRAINPOOL_512));
        match $group {
            Group::Ecp192 => $with($group, &*ECP_192, $argument),
            Group::Ecp224 => $with($group, &*ECP_224, $argument),
            Group::Brainpool224 => $with($group, &*BP_224, $argument),
            Group::Brainpool256 => $with($group, &*BP_256, $argument),
            Group::Brainpool384 => $with($group, &*BP_384, $argument),
            Group::Brainpool512 => $with($group, &*BP_512, $argument),
            _ => None,
        }
    }};
}

/// A private scalar; `None` for groups that are none of these.
pub(super) fn exchange(group: Group, random: &mut dyn Random) -> Option<Box<dyn KeyExchange>> {
    fn boxed<const LIMBS: usize>(
        group: Group,
        curve: &'static Curve<LIMBS>,
        random: &mut dyn Random,
    ) -> Option<Box<dyn KeyExchange>> {
        Some(Box::new(generate(group, curve, random)))
    }
    on_curve!(group, boxed, random)
}

/// The exchange of a scalar that a test names.
#[cfg(test)]
pub(super) fn exchange_with(group: Group, scalar: &[u8]) -> Option<Box<dyn KeyExchange>> {
    fn boxed<const LIMBS: usize>(
        group: Group,
        curve: &'static Curve<LIMBS>,
        scalar: &[u8],
    ) -> Option<Box<dyn KeyExchange>> {
        Some(Box::new(with_scalar(group, curve, scalar)?))
    }
    on_curve!(group, boxed, scalar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_is_right<const LIMBS: usize>(constants: &Constants) {
        let curve = Curve::<LIMBS>::new(constants);
        let (x, y) = curve.coordinates(&curve.generator).unwrap();
        let public = [octets(&x, curve.octets), octets(&y, curve.octets)].concat();
        assert!(curve.point(&public).is_some());
        let all = curve.multiple(&curve.generator, &curve.order);
        assert!(curve.coordinates(&all).is_none());
        // One less is the generator's mirror image, and the sum of the two is nothing.
        let less = curve.order.wrapping_sub(&Uint::ONE);
        let mirrored = curve.multiple(&curve.generator, &less);
        assert_eq!(curve.coordinates(&mirrored).unwrap().0, x);
        assert!(
            curve
                .coordinates(&curve.sum(&mirrored, &curve.generator))
                .is_none()
        );
    }

    #[test]
    fn each_generator_has_the_order_named() {
        order_is_right::<3>(&curves::ECP_192);
        order_is_right::<4>(&curves::ECP_224);
        order_is_right::<4>(&curves::BRAINPOOL_224);
        order_is_right::<4>(&curves::BRAINPOOL_256);
        order_is_right::<6>(&curves::BRAINPOOL_384);
        order_is_right::<8>(&curves::BRAINPOOL_512);
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        let bytes: Vec<u8> = (1..=28).collect();
        assert_eq!(octets(&number::<4>(&bytes), 28), bytes);
        assert_eq!(octets(&number::<4>(&[1]), 2), [0, 1]);
    }
}
