//! The kinds of identities, which both versions number alike (RFC 7296 section 3.5, RFC 2407 section
//! 4.6.2.1).

/// How an identity is written (RFC 7296 section 3.5; IANA "IKEv2 Identification Payload ID Types").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdType(pub u8);

impl IdType {
    /// Four octets of IPv4 address.
    pub const IPV4_ADDR: Self = Self(1);
    /// A host name.
    pub const FQDN: Self = Self(2);
    /// A mail address.
    pub const RFC822_ADDR: Self = Self(3);
    /// Sixteen octets of IPv6 address.
    pub const IPV6_ADDR: Self = Self(5);
    /// A distinguished name in DER.
    pub const DER_ASN1_DN: Self = Self(9);
    /// Opaque octets.
    pub const KEY_ID: Self = Self(11);
}
