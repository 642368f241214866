//! The rows, one after the other.

use adit_model::policy::{Authentication, Encapsulation, Encryption, IkeVersion, Transform};

use crate::peer::{Daemon, PSK};
use crate::rows::{Rekeys, Row, Seen};

const GCM: (&str, Encryption, Authentication) = (
    "aes256gcm16",
    Encryption::Aes256Gcm16,
    Authentication::Sha256,
);
pub(crate) const CBC: (&str, Encryption, Authentication) =
    ("aes128-sha256", Encryption::Aes128, Authentication::Sha256);

/// The cipher is a policy's; AH has none.
const AH_SHA256: (&str, Encryption, Authentication) =
    ("sha256", Encryption::Aes128, Authentication::Sha256);
const AH_SHA384: (&str, Encryption, Authentication) =
    ("sha384", Encryption::Aes128, Authentication::Sha384);
const AH_SHA512: (&str, Encryption, Authentication) =
    ("sha512", Encryption::Aes128, Authentication::Sha512);
const AH_SHA1: (&str, Encryption, Authentication) =
    ("sha1", Encryption::Aes128, Authentication::Sha1);
const AH_XCBC: (&str, Encryption, Authentication) =
    ("aesxcbc", Encryption::Aes128, Authentication::AesXcbc);

/// 64 octets, a block of SHA-256's, and one more.
const PSK_64: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PSK_65: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX";

impl Row {
    pub(crate) const V2: Self = Self {
        daemon: Daemon::StrongSwan,
        name: "ESP by itself, IKEv2",
        scenarios: "ikev2/net2net-psk",
        version: IkeVersion::V2,
        outer_v6: false,
        inner_v6: false,
        esp: GCM,
        transform: Transform::Esp,
        mode: Encapsulation::Tunnel,
        hosts: false,
        esn: false,
        pfs: false,
        psk: PSK,
        groups: &[19],
        ike: "aes128-sha2_256-dh19",
        rekeys: Rekeys::Nothing,
        seen: Seen::Esp,
    };

    pub(crate) const AH: Self = Self {
        name: "AH, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA256,
        transform: Transform::Ah,
        seen: Seen::Ah,
        ..Self::V2
    };

    pub(crate) const LIBRESWAN: Self = Self {
        daemon: Daemon::Libreswan,
        name: "IKEv2, AES-GCM",
        scenarios: "ikev2-05-basic-psk, ikev2-11-simple-psk, interop-ikev2-strongswan-02-psk-responder, interop-ikev2-strongswan-03-psk-initiator, interop-ikev2-strongswan-14-delete-sa",
        ..Self::V2
    };
}

/// Those of `make test`.
pub(crate) const SHORT: &[Row] = &[
    Row::V2,
    Row {
        name: "ESP by itself, IKEv1",
        scenarios: "ikev1/net2net-psk",
        version: IkeVersion::V1,
        esp: CBC,
        ..Row::V2
    },
    Row {
        name: "IPv4 in IPv6, IKEv2",
        scenarios: "ipv6/net2net-ip4-in-ip6-ikev2",
        outer_v6: true,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv6, IKEv2",
        scenarios: "ipv6/net2net-ikev2, ipv6/rw-psk-ikev2",
        outer_v6: true,
        inner_v6: true,
        esp: CBC,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode, IKEv2",
        scenarios: "ikev2/host2host-transport",
        mode: Encapsulation::Transport,
        ..Row::V2
    },
    Row::AH,
];

/// And those of `make interop-full`.
pub(crate) const MORE: &[Row] = &[
    Row {
        name: "IPv6 in IPv4, IKEv2",
        scenarios: "ipv6/net2net-ip6-in-ip4-ikev2",
        inner_v6: true,
        ..Row::V2
    },
    Row {
        name: "64-bit sequence numbers, IKEv2",
        scenarios: "ikev2/net2net-esn",
        esp: (
            "aes256gcm16-esn",
            Encryption::Aes256Gcm16,
            Authentication::Sha256,
        ),
        esn: true,
        ..Row::V2
    },
    Row {
        name: "strongSwan rekeys, IKEv2",
        scenarios: "ikev2/net2net-rekey",
        rekeys: Rekeys::Child,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv4, IKEv1",
        scenarios: "ipv6/net2net-ip6-in-ip4-ikev1",
        version: IkeVersion::V1,
        inner_v6: true,
        esp: CBC,
        ..Row::V2
    },
    Row {
        name: "IPv4 in IPv6, IKEv1",
        scenarios: "ipv6/net2net-ip4-in-ip6-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv6, IKEv1",
        scenarios: "ipv6/net2net-ikev1, ipv6/rw-psk-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        inner_v6: true,
        esp: CBC,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode, IKEv1",
        scenarios: "ikev1/host2host-transport",
        version: IkeVersion::V1,
        esp: CBC,
        mode: Encapsulation::Transport,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode over IPv6, IKEv2",
        scenarios: "ipv6/transport-ikev2",
        outer_v6: true,
        esp: CBC,
        mode: Encapsulation::Transport,
        rekeys: Rekeys::Child,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode over IPv6, IKEv1",
        scenarios: "ipv6/transport-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        esp: CBC,
        mode: Encapsulation::Transport,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "64-bit sequence numbers, IKEv1",
        scenarios: "ikev1/net2net-esn",
        version: IkeVersion::V1,
        esp: (
            "aes128-sha256-esn",
            Encryption::Aes128,
            Authentication::Sha256,
        ),
        esn: true,
        ..Row::V2
    },
    Row {
        name: "from host to host in tunnel mode, IKEv2",
        scenarios: "ikev2/host2host-cert, libipsec/host2host-cert-raw",
        hosts: true,
        ..Row::V2
    },
    Row {
        name: "from host to host in tunnel mode, IKEv1",
        scenarios: "ikev1/host2host-cert",
        version: IkeVersion::V1,
        esp: CBC,
        hosts: true,
        ..Row::V2
    },
    Row {
        name: "AH, IKEv1",
        scenarios: "ikev1/net2net-ah",
        version: IkeVersion::V1,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-384, rekeyed by strongSwan, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA384,
        rekeys: Rekeys::Child,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-512, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA512,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-1, IPv6 in IPv6, IKEv2",
        scenarios: "ikev2/net2net-ah",
        outer_v6: true,
        inner_v6: true,
        esp: AH_SHA1,
        seen: Seen::AhOverV6,
        ..Row::AH
    },
    Row {
        name: "AH with AES-XCBC in transport mode, IKEv2",
        scenarios: "ikev2/host2host-ah",
        esp: AH_XCBC,
        mode: Encapsulation::Transport,
        ..Row::AH
    },
    Row {
        name: "AH in transport mode, IKEv1",
        scenarios: "ikev1/host2host-ah",
        version: IkeVersion::V1,
        mode: Encapsulation::Transport,
        ..Row::AH
    },
    Row {
        name: "AH in transport mode over IPv6, IKEv2",
        scenarios: "ikev2/host2host-ah",
        outer_v6: true,
        mode: Encapsulation::Transport,
        seen: Seen::AhOverV6,
        ..Row::AH
    },
];

/// With libreswan.
pub(crate) const LIBRESWAN: &[Row] = &[
    Row::LIBRESWAN,
    Row {
        name: "IKEv1, AES-CBC with SHA-256",
        scenarios: "psk-pluto-03, interop-ikev1-strongswan-02-psk-responder, interop-ikev1-strongswan-03-psk-initiator, interop-ikev1-strongswan-12-esp-sha2_256",
        version: IkeVersion::V1,
        esp: CBC,
        ..Row::LIBRESWAN
    },
    Row {
        name: "a PSK of 64 octets, IKEv2",
        scenarios: "ikev2-39-psk-64bytes",
        psk: PSK_64,
        ..Row::LIBRESWAN
    },
    Row {
        name: "a PSK of 65 octets, IKEv2",
        scenarios: "ikev2-38-psk-65bytes",
        psk: PSK_65,
        ..Row::LIBRESWAN
    },
    Row {
        name: "forward secrecy, libreswan rekeys, IKEv2",
        scenarios: "interop-ikev2-strongswan-35-ipsec-rekey, ikev2-child-01-pfs-no-downgrade-no",
        esp: CBC,
        pfs: true,
        rekeys: Rekeys::Child,
        ..Row::LIBRESWAN
    },
    Row {
        name: "forward secrecy, IKEv1",
        scenarios: "(none of its own)",
        version: IkeVersion::V1,
        esp: CBC,
        pfs: true,
        // It can't be told to rekey an SA of IKEv1.
        ..Row::LIBRESWAN
    },
    Row {
        name: "libreswan rekeys the IKE SA, IKEv2",
        scenarios: "interop-ikev2-strongswan-29-rekey",
        rekeys: Rekeys::Ike,
        ..Row::LIBRESWAN
    },
    Row {
        name: "64-bit sequence numbers, IKEv2",
        scenarios: "interop-ikev2-strongswan-30-esn",
        esn: true,
        ..Row::LIBRESWAN
    },
    Row {
        name: "Adit's first group is not libreswan's, IKEv2",
        scenarios: "interop-ikev2-strongswan-25-ke-mismatch-initiator",
        groups: &[19, 14],
        ike: "aes128-sha2_256-dh14",
        ..Row::LIBRESWAN
    },
    Row {
        name: "libreswan's first group is not Adit's, IKEv2",
        scenarios: "interop-ikev2-strongswan-26-ke-mismatch-responder",
        ike: "aes128-sha2_256-dh14+dh19",
        ..Row::LIBRESWAN
    },
    Row {
        name: "IPv6 in IPv6, IKEv2",
        scenarios: "(none of its own)",
        outer_v6: true,
        inner_v6: true,
        esp: CBC,
        seen: Seen::EspOverV6,
        ..Row::LIBRESWAN
    },
    Row {
        name: "ESP in transport mode, IKEv2",
        scenarios: "ikev2-12-transport-psk",
        mode: Encapsulation::Transport,
        ..Row::LIBRESWAN
    },
    Row {
        name: "ESP in transport mode, IKEv1",
        scenarios: "(none of its own)",
        version: IkeVersion::V1,
        esp: CBC,
        mode: Encapsulation::Transport,
        ..Row::LIBRESWAN
    },
    Row {
        name: "AH, IKEv2",
        scenarios: "(none of its own)",
        esp: AH_SHA256,
        transform: Transform::Ah,
        seen: Seen::Ah,
        ..Row::LIBRESWAN
    },
    Row {
        name: "AH, IKEv1",
        scenarios: "(none of its own)",
        version: IkeVersion::V1,
        esp: AH_SHA1,
        transform: Transform::Ah,
        seen: Seen::Ah,
        ..Row::LIBRESWAN
    },
];
