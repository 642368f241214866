//! Where the other end of a tunnel is: an address that can be one, any address, or a host's name.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// The longest name of a host (RFC 1035 section 2.3.4, without the root's length).
const LONGEST_NAME: usize = 253;

/// The longest of its labels.
const LONGEST_LABEL: usize = 63;

/// Where a peer is, as a user gave it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PeerAddress {
    /// Wherever it speaks from: it was given as `0.0.0.0`.
    Any,
    /// There.
    At(IpAddr),
    /// Where the host of this name is.
    Named(String),
}

/// Why nothing can be a peer there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeerAddressError {
    /// The address is nobody's, or everybody's.
    #[error("{address} can't be the address of a peer: it is {what}")]
    NotAPeer {
        /// What was given or found.
        address: IpAddr,
        /// What it is instead.
        what: &'static str,
    },
    /// It looks like an address, and is none as everybody reads it. Old readers take a number with a
    /// zero before it as octal, and one number for four.
    #[error(
        "'{0}' is not an address: an IPv4 address is four decimal numbers without zeros before them"
    )]
    Numbers(String),
    /// It is neither an address nor a name.
    #[error("'{0}' is neither an address nor the name of a host")]
    Syntax(String),
}

impl PeerAddress {
    /// What stands for any address.
    pub const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    /// Refuses what can't be a peer's address, whoever's network it is.
    ///
    /// # Errors
    /// Nobody can be spoken to there.
    pub fn check(address: IpAddr) -> Result<(), PeerAddressError> {
        let what = match address {
            IpAddr::V4(v4) if v4.is_unspecified() => "no address",
            // RFC 1122 section 3.2.1.3.
            IpAddr::V4(v4) if v4.octets().starts_with(&[0]) => "of \"this\" network",
            IpAddr::V4(v4) if v4.is_loopback() => "loopback",
            IpAddr::V4(v4) if v4.is_link_local() => "link-local",
            IpAddr::V4(v4) if v4.is_multicast() => "multicast",
            IpAddr::V4(v4) if v4.is_broadcast() => "broadcast",
            IpAddr::V6(v6) if v6.is_unspecified() => "no address",
            IpAddr::V6(v6) if v6.is_loopback() => "loopback",
            IpAddr::V6(v6) if v6.is_unicast_link_local() => "link-local",
            IpAddr::V6(v6) if v6.is_multicast() => "multicast",
            // RFC 4291 section 2.5.5: such an address never goes over a wire.
            IpAddr::V6(v6) if v6.to_ipv4().is_some() => "an IPv4 address written as IPv6",
            _ => return Ok(()),
        };
        Err(PeerAddressError::NotAPeer { address, what })
    }

    /// The host's name, if that is what was given.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Any | Self::At(_) => None,
        }
    }
}

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            if address == Self::ANY {
                return Ok(Self::Any);
            }
            Self::check(address)?;
            return Ok(Self::At(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let sane = |label: &str| {
            let fits = (1..=LONGEST_LABEL).contains(&label.len());
            let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            fits && label.chars().all(known)
        };
        if name.len() > LONGEST_NAME || !name.split('.').all(sane) {
            return Err(PeerAddressError::Syntax(text.to_owned()));
        }
        // RFC 1123 section 2.1: the last label of a name is never a number. The system's resolver
        // would read one as an address, in its own way.
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(PeerAddressError::Numbers(text.to_owned()));
        }
        Ok(Self::Named(text.to_owned()))
    }
}

/// Whether a label is a number to a lenient reader: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.chars().all(|c| c.is_ascii_hexdigit()),
        None => !label.is_empty() && label.chars().all(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_where_somebody_can_be() {
        let at = |text: &str| Ok(PeerAddress::At(text.parse().unwrap()));
        for text in ["198.51.100.219", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert_eq!(text.parse::<PeerAddress>(), at(text));
        }
        assert_eq!("0.0.0.0".parse(), Ok(PeerAddress::Any));
        for text in ["west.example", "west.example.", "localhost", "a_b-c", "7up"] {
            let named = PeerAddress::Named(text.to_owned());
            assert_eq!(text.parse(), Ok(named), "{text}");
        }
        let nobody = [
            "::",
            "0.1.2.3",
            "127.0.0.1",
            "::1",
            "169.254.1.1",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:198.51.100.1",
            "::198.51.100.1",
        ];
        for text in nobody {
            let parsed: Result<PeerAddress, _> = text.parse();
            let refused = matches!(parsed, Err(PeerAddressError::NotAPeer { .. }));
            assert!(refused, "{text}: {parsed:?}");
        }
    }

    #[test]
    fn what_a_lenient_reader_takes_for_an_address_is_refused() {
        let numbers = [
            "198.051.100.219",
            "0306.063.0144.0333",
            "127.1",
            "1",
            "0x7f.1",
            "0x7f000001",
            "256.1.1.1",
            "1.2.3.4.5",
            "198.51.100.1.",
        ];
        for text in numbers {
            let numbers = PeerAddressError::Numbers(text.to_owned());
            assert_eq!(text.parse::<PeerAddress>(), Err(numbers));
        }
        for text in [
            "",
            ".",
            " 198.51.100.1",
            "198.51.100.1 ",
            "west example",
            "a..b",
            "fe80::1%eth0",
            "198.51.100.0/24",
            "w\u{e9}st",
        ] {
            let syntax = PeerAddressError::Syntax(text.to_owned());
            assert_eq!(text.parse::<PeerAddress>(), Err(syntax));
        }
    }
}
