//! A connection, seen from its other end.

use std::net::IpAddr;

use adit_model::connection::{DeadPeerDetection, Identity};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{Cidr, Psk};

use crate::problem::Problem;

/// A connection as it is seen from the other end: there `own` is the peer's, and `other` is the gateway's.
pub(super) struct Seen<'a> {
    pub(super) name: String,
    pub(super) own: IpAddr,
    pub(super) own_id: Identity,
    pub(super) own_cidrs: &'a [Cidr],
    pub(super) other: IpAddr,
    pub(super) other_id: Identity,
    pub(super) other_cidrs: &'a [Cidr],
    pub(super) psk: Option<&'a Psk>,
    pub(super) ike: IkeParameters,
    pub(super) ipsec: IpsecParameters,
    pub(super) dead_peer: DeadPeerDetection,
    /// Whether the other end waits, so that this one has to begin.
    pub(super) must_begin: bool,
}

/// What stands for a key that is not told.
const PLACEHOLDER: &str = "PUT-THE-PRE-SHARED-KEY-HERE";

impl Seen<'_> {
    /// A name that every program takes.
    pub(super) fn plain_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = self.name.chars().map(plain).take(40).collect();
        format!("adit-{}", name.trim_matches('-'))
    }

    fn key(&self) -> Vec<u8> {
        self.psk
            .map_or_else(|| PLACEHOLDER.into(), |psk| psk.expose().to_vec())
    }

    /// Whether the key can stand between quotation marks as it is.
    fn is_plain_key(&self) -> bool {
        let plain = |octet: &u8| (b' '..=b'~').contains(octet) && !b"\"\\".contains(octet);
        let key = self.key();
        // `0x` and `0s` before a text mean another spelling.
        key.iter().all(plain) && !key.starts_with(b"0x") && !key.starts_with(b"0s")
    }

    /// The key as a text, where it is one; nobody can type another into such a program.
    pub(super) fn text_key(&self, program: &str) -> Result<String, Problem> {
        let text = String::from_utf8(self.key()).ok();
        let text = text.filter(|text| text.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
        text.ok_or_else(|| unsaid(program, "pre-shared key"))
    }

    /// The same for a program that has no way to write quotation marks within one.
    pub(super) fn unquoted_key(&self, program: &str) -> Result<String, Problem> {
        match self.is_plain_key() {
            true => self.text_key(program),
            false => Err(unsaid(program, "pre-shared key")),
        }
    }

    /// The key within quotation marks, or in hexadecimal digits, for those that take both.
    pub(super) fn quoted_or_hex_key(&self) -> String {
        match self.is_plain_key() {
            true => format!("\"{}\"", String::from_utf8_lossy(&self.key())),
            false => format!("0x{}", hex(&self.key())),
        }
    }

    /// What is behind that end, with each block behind this one.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Cidr, Cidr)> {
        let others = |own: Cidr| self.other_cidrs.iter().map(move |other| (own, *other));
        self.own_cidrs.iter().copied().flat_map(others)
    }
}

/// Octets as hexadecimal digits.
pub(super) fn hex(octets: &[u8]) -> String {
    let digits = octets.iter().map(|octet| format!("{octet:02x}"));
    digits.collect()
}

pub(super) fn joined<T: std::fmt::Display>(list: impl IntoIterator<Item = T>, by: &str) -> String {
    let texts: Vec<_> = list.into_iter().map(|one| one.to_string()).collect();
    texts.join(by)
}

/// What a program has no words for.
pub(super) fn unsaid(program: &str, what: &str) -> Problem {
    let detail = format!("{program} has no words for this connection's {what}");
    Problem::misfit(detail).of("vendor")
}

/// The words for those that a program has, best first; refused where it has none.
pub(super) fn had<T: Copy>(
    program: &str,
    what: &str,
    all: &[T],
    word: impl Fn(T) -> Option<&'static str>,
) -> Result<Vec<&'static str>, Problem> {
    let words: Vec<_> = all.iter().filter_map(|one| word(*one)).collect();
    (!words.is_empty())
        .then_some(words)
        .ok_or_else(|| unsaid(program, what))
}

/// The first of those.
pub(super) fn first<T: Copy>(
    program: &str,
    what: &str,
    all: &[T],
    word: impl Fn(T) -> Option<&'static str>,
) -> Result<&'static str, Problem> {
    let words = had(program, what, all, word)?;
    Ok(words.first().copied().unwrap_or_default())
}
