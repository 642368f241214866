//! Plain digests, HMAC-SHA-256 and constant-time comparison, for everything that is not a negotiated algorithm:
//! NAT detection (RFC 7296 section 2.23), stateless cookies, tokens.

use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq;

/// SHA-1 over the concatenation of `parts`. Only for NAT detection, where RFC 7296 section 2.23 demands it.
#[must_use]
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

/// SHA-256 over the concatenation of `parts`.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    hash(&digest::SHA256, parts)
}

/// HMAC-SHA-256 under `key` over the concatenation of `parts`.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let tag = hmac_parts(&hmac::Key::new(hmac::HMAC_SHA256, key), parts);
    leading(tag.as_ref())
}

/// Whether `tag` is the HMAC-SHA-256 of `parts` under `key`; constant time in the contents.
#[must_use]
pub fn verify_hmac_sha256(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    equal(&hmac_sha256(key, parts), tag)
}

/// Whether two strings of octets are equal, in a time that depends on their lengths alone.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// HMAC over several parts with a prepared key.
pub(crate) fn hmac_parts(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

fn hash<const N: usize>(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    leading(context.finish().as_ref())
}

/// The first `N` octets of a digest that has at least as many.
fn leading<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_fips_180_examples() {
        assert_eq!(
            sha1(&[b"a", b"bc"]),
            [
                0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
                0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d
            ]
        );
        assert_eq!(
            sha256(&[b"abc"])[..8],
            [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]
        );
    }

    #[test]
    fn a_changed_tag_is_refused() {
        let mut tag = hmac_sha256(b"key", &[b"one", b"two"]);
        assert!(verify_hmac_sha256(b"key", &[b"onetwo"], &tag));
        tag[31] ^= 1;
        assert!(!verify_hmac_sha256(b"key", &[b"onetwo"], &tag));
        assert!(!verify_hmac_sha256(b"key", &[b"onetwo"], &tag[..31]));
    }
}
