//! An address block without host bits, IPv4 or IPv6 (RFC 4632, RFC 4291).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An address block such as `192.168.100.0/24`; its host bits are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

/// Why a text is no [`Cidr`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CidrError {
    /// Bits after the prefix are set.
    #[error("{given} has host bits set, the block is {block}")]
    HostBits {
        /// What was given.
        given: IpNet,
        /// The same block without host bits.
        block: IpNet,
    },
    /// It is not `ADDRESS/LENGTH`.
    #[error("{0:?} is not an address block such as 192.0.2.0/24 or 2001:db8::/32")]
    Syntax(String),
}

impl From<Cidr> for IpNet {
    fn from(block: Cidr) -> Self {
        block.0
    }
}

impl Cidr {
    /// The block of `address` with `prefix_len` bits.
    ///
    /// # Errors
    /// The length is over 32 (IPv4) or 128 (IPv6), or host bits are set.
    pub fn new(address: IpAddr, prefix_len: u8) -> Result<Self, CidrError> {
        let given = IpNet::new(address, prefix_len)
            .map_err(|_| CidrError::Syntax(format!("{address}/{prefix_len}")))?;
        let block = given.trunc();
        if given == block {
            Ok(Self(block))
        } else {
            Err(CidrError::HostBits { given, block })
        }
    }

    /// The block that holds `address` alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// The block of all addresses of an IP version, that of `address`.
    #[must_use]
    pub fn containing_all(address: impl Into<IpAddr>) -> Self {
        let host = IpNet::from(address.into());
        let all = std::iter::successors(Some(host), IpNet::supernet).last();
        Self(all.unwrap_or(host).trunc())
    }

    /// The block around an address with a prefix length, such as `10.0.0.5/24`: host bits are
    /// dropped.
    ///
    /// # Errors
    /// It is not `ADDRESS/LENGTH`.
    pub fn containing(text: &str) -> Result<Self, CidrError> {
        Ok(Self(net(text)?.trunc()))
    }

    /// The lowest address.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.0.network()
    }

    /// The highest address (IPv4: the broadcast address of the block).
    #[must_use]
    pub fn last(self) -> IpAddr {
        self.0.broadcast()
    }

    /// The number of leading bits that are fixed, 0 to 32 or 0 to 128.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether the block is of IPv4 addresses.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// Whether `address` is in the block.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether all of `other` is in the block.
    #[must_use]
    pub fn contains_block(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether an address is in both blocks.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.0.contains(&other.0) || other.0.contains(&self.0)
    }

    /// How many addresses the block holds, capped at `u64::MAX`.
    #[must_use]
    pub fn address_count(self) -> u64 {
        let bits = u32::from(self.0.max_prefix_len() - self.0.prefix_len());
        1_u64.checked_shl(bits).unwrap_or(u64::MAX)
    }

    /// The address `index` places above the first, where the block has so many.
    #[must_use]
    pub fn nth(self, index: u64) -> Option<IpAddr> {
        if index >= self.address_count() {
            return None;
        }
        match self.0.network() {
            IpAddr::V4(first) => {
                let offset = u32::try_from(index).ok()?;
                u32::from(first)
                    .checked_add(offset)
                    .map(|bits| IpAddr::V4(bits.into()))
            }
            IpAddr::V6(first) => u128::from(first)
                .checked_add(u128::from(index))
                .map(|bits| IpAddr::V6(bits.into())),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let given = net(text)?;
        Self::new(given.addr(), given.prefix_len())
    }
}

/// Reads `ADDRESS/LENGTH` with the address as everybody reads it: a number with a zero before it is
/// refused, since some take it as octal.
fn net(text: &str) -> Result<IpNet, CidrError> {
    let syntax = || CidrError::Syntax(text.to_owned());
    let (address, length) = text.split_once('/').ok_or_else(syntax)?;
    let digits = length.chars().all(|c| c.is_ascii_digit());
    if !digits || (length.starts_with('0') && length != "0") {
        return Err(syntax());
    }
    let address: IpAddr = address.parse().map_err(|_| syntax())?;
    let length: u8 = length.parse().map_err(|_| syntax())?;
    IpNet::new(address, length).map_err(|_| syntax())
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_refused_and_the_block_is_named() {
        let error = "192.168.1.5/24".parse::<Cidr>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "192.168.1.5/24 has host bits set, the block is 192.168.1.0/24"
        );
    }

    #[test]
    fn text_that_is_no_block_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "2001:db8::/129",
            "x/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "010.0.0.0/8",
            "198.051.100.0/24",
            "2001:db8::198.051.100.0/128",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
            assert!(Cidr::containing(text).is_err(), "{text}");
        }
    }

    #[test]
    fn overlap_is_containment_either_way() {
        let wide: Cidr = "10.0.0.0/8".parse().unwrap();
        let narrow: Cidr = "10.1.2.0/24".parse().unwrap();
        let other: Cidr = "11.0.0.0/8".parse().unwrap();
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!wide.overlaps(other));
        assert!(wide.contains_block(narrow) && !narrow.contains_block(wide));
    }

    #[test]
    fn addresses_are_counted_from_the_first() {
        let block: Cidr = "192.168.1.0/30".parse().unwrap();
        assert_eq!(block.address_count(), 4);
        assert_eq!(block.nth(3), Some(block.last()));
        assert_eq!(block.nth(4), None);
        assert_eq!("::/0".parse::<Cidr>().unwrap().address_count(), u64::MAX);
        assert_eq!(
            "0.0.0.0/0".parse::<Cidr>().unwrap().address_count(),
            1 << 32
        );
    }
}
