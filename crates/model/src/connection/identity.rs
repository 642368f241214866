//! Who the two ends of a connection are in IKE.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Who an end is in IKE (RFC 7296 section 3.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An IP address (`ID_IPV4_ADDR`, `ID_IPV6_ADDR`).
    Address(IpAddr),
    /// A mail address (`ID_RFC822_ADDR`).
    Email(String),
    /// A distinguished name in DER (`ID_DER_ASN1_DN`), as a certificate's subject is.
    DistinguishedName(Vec<u8>),
    /// Opaque octets (`ID_KEY_ID`).
    KeyId(Vec<u8>),
    /// Any other name (`ID_FQDN`).
    Name(String),
}

impl Identity {
    /// Reads an identity as Neutron users write it, whose drivers hand it to strongSwan: an address;
    /// `user@host`, or `@@user@host`, is a mail address; `@#` and hexadecimal digits, or what has
    /// a colon, is a key ID; anything else is a name, with or without an `@` before it. A type before
    /// a colon (`fqdn:`, `email:`, `keyid:`) leaves no doubt. `asn1dn:#` and hexadecimal digits is a distinguished name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        if let Some((kind, rest)) = text.split_once(':') {
            return match kind {
                "asn1dn" => match rest.strip_prefix('#').and_then(octets) {
                    Some(octets) => Self::DistinguishedName(octets),
                    None => Self::KeyId(text.as_bytes().to_vec()),
                },
                "dns" | "fqdn" => Self::Name(rest.to_owned()),
                "email" | "rfc822" | "userfqdn" => Self::Email(rest.to_owned()),
                "ipv4" | "ipv6" => Self::parse(rest),
                "keyid" => match rest.strip_prefix('#').and_then(octets) {
                    Some(octets) => Self::KeyId(octets),
                    None => Self::KeyId(rest.as_bytes().to_vec()),
                },
                _ => Self::KeyId(text.as_bytes().to_vec()),
            };
        }
        if let Some(octets) = text.strip_prefix("@#").and_then(octets) {
            return Self::KeyId(octets);
        }
        if let Some(address) = text.strip_prefix("@@") {
            return Self::Email(address.to_owned());
        }
        match text.strip_prefix('@') {
            Some(name) => Self::Name(name.to_owned()),
            None if text.contains('@') => Self::Email(text.to_owned()),
            None => Self::Name(text.to_owned()),
        }
    }
}

/// The octets that pairs of hexadecimal digits stand for.
fn octets(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let pairs = digits.chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    pairs
        .map(|pair| {
            let value = pair
                .iter()
                .try_fold(0, |sum, one| Some(sum * 16 + digit(one)?))?;
            u8::try_from(value).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_of_the_type_its_spelling_says() {
        let name = |text: &str| Identity::Name(text.to_owned());
        let email = |text: &str| Identity::Email(text.to_owned());
        let key = |octets: &[u8]| Identity::KeyId(octets.to_vec());
        let table = [
            ("198.51.100.1", Identity::Address([198, 51, 100, 1].into())),
            ("2001:db8::1", Identity::parse("ipv6:2001:db8::1")),
            ("west.example", name("west.example")),
            ("@west.example", name("west.example")),
            ("@198.51.100.1", name("198.51.100.1")),
            ("fqdn:a@b", name("a@b")),
            ("user@west.example", email("user@west.example")),
            ("@@user@west.example", email("user@west.example")),
            ("email:user", email("user")),
            ("@#0aFf", key(&[10, 255])),
            ("@#0a f", name("#0a f")),
            ("keyid:branch 1", key(b"branch 1")),
            ("keyid:#00", key(&[0])),
            ("site:1", key(b"site:1")),
            ("branch 1", name("branch 1")),
        ];
        for (text, expected) in table {
            assert_eq!(Identity::parse(text), expected, "{text}");
        }
    }
}
