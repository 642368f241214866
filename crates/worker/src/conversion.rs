//! From the product's words to the protocol's.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use adit_crypto::{AdditionalExchange, Encryption, Integrity};
use adit_dataplane::{ConnectionBlocks, Lane, Owner, Pair, Translations};
use adit_ike::config::block;
use adit_ike::{
    ChildConfig, Childless, ConnectionConfig, ConnectionKey, Encapsulation, EspAlgorithms,
    Identity, IkeAlgorithms, Liveness, Mode, Protocol, Versions,
};
use adit_ike_wire::IdType;
use adit_model::connection::{self, DpdAction, Initiator};
use adit_model::desired::{Carriers, TunnelSpec};
use adit_model::gateway::MAX_TUNNELS;
use adit_model::policy::{self, IkeVersion, Transform};
use adit_model::translation::End;
use adit_model::{Cidr, ConnectionId, OuterAddresses};

use crate::algorithms::{
    esp_ciphers, esp_integrity, groups, ike_ciphers, ike_hashes, told_of_ike, told_of_ipsec,
};
use crate::authentication;
use crate::reason::AfterLoss;

/// Why a tunnel can't be negotiated at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unsupported {
    #[error("IKEv1 has no numbers for any of the policy's algorithms of one kind: {0}")]
    Algorithms(String),
    #[error(
        "the peer's address is {0}, any address, by IKEv1: there the pre-shared key is chosen by the peer's address, before it says who it is"
    )]
    AnyAddressByV1(IpAddr),
    #[error(
        "the peer's address is {0}, any address, and so is its identity: there is nothing to know it by"
    )]
    Anybody(IpAddr),
    #[error("the gateway has no address to reach {0} from")]
    Family(IpAddr),
    #[error(transparent)]
    Certificates(#[from] authentication::Unusable),
    #[error("ESP within AH is not one of the protocols this engine speaks")]
    AhEsp,
    #[error(
        "AH can't be carried in UDP, which this gateway demands (workers.udp_encapsulation is \"always\")"
    )]
    AhInUdp,
    #[error(
        "transport mode is for what the gateway and its peer say to each other by their own addresses, {local} and {peer}; networks behind them need tunnel mode"
    )]
    Transport { local: Cidr, peer: Cidr },
    #[error("the gateway has {MAX_TUNNELS} other connections, which is as many as one may have")]
    TooMany,
}

/// What tells a connection's second tunnel from its first in the engine: a bit that no id has, since ids are random
/// (version 4 of RFC 9562, whose number is 0100 there).
const SECOND: u128 = 1 << 79;

/// A connection's tunnel, or the first of two.
pub(crate) fn key(connection: ConnectionId) -> ConnectionKey {
    ConnectionKey(connection.uuid().as_u128() & !SECOND)
}

/// The other one.
pub(crate) const fn second(key: ConnectionKey) -> ConnectionKey {
    ConnectionKey(key.0 | SECOND)
}

/// Whose tunnel it is, as the data plane calls the connection.
pub(crate) const fn owner(key: ConnectionKey) -> Owner {
    Owner(key.0 & !SECOND)
}

/// The tunnels that a connection may have.
pub(crate) const fn keys(owner: Owner) -> [ConnectionKey; 2] {
    let first = ConnectionKey(owner.0);
    [first, second(first)]
}

/// Which of a connection's tunnels it is.
pub(crate) const fn lane(key: ConnectionKey) -> Lane {
    if key.0 & SECOND == 0 {
        Lane::First
    } else {
        Lane::Second
    }
}

pub(crate) fn connection_id(key: ConnectionKey) -> ConnectionId {
    ConnectionId::from_uuid(uuid::Uuid::from_u128(owner(key).0))
}

/// The tunnels of a connection of the gateway at these addresses: what each is called, and the addresses it has of
/// the gateway's.
pub(crate) fn tunnels(
    own: OuterAddresses,
    order: &TunnelSpec,
) -> Vec<(ConnectionKey, OuterAddresses)> {
    let keys = keys(Owner(key(order.connection).0));
    match order.carriers {
        Carriers::One => keys.into_iter().take(1).map(|key| (key, own)).collect(),
        Carriers::Each { .. } => {
            let members = own.members().map(OuterAddresses::from);
            keys.into_iter().zip(members).collect()
        }
    }
}

pub(crate) fn identity(id: &connection::Identity) -> Identity {
    match id {
        connection::Identity::Address(address) => Identity::of_address(*address),
        connection::Identity::DistinguishedName(der) => Identity {
            kind: IdType::DER_ASN1_DN,
            data: der.clone(),
        },
        connection::Identity::Email(address) => Identity {
            kind: IdType::RFC822_ADDR,
            data: address.as_bytes().to_vec(),
        },
        connection::Identity::KeyId(octets) => Identity {
            kind: IdType::KEY_ID,
            data: octets.clone(),
        },
        connection::Identity::Name(name) => Identity {
            kind: IdType::FQDN,
            data: name.as_bytes().to_vec(),
        },
    }
}

/// The blocks of a connection, however it is.
pub(crate) fn blocks(order: &TunnelSpec) -> ConnectionBlocks {
    let nets = |blocks: &[Cidr]| blocks.iter().map(|block| (*block).into()).collect();
    ConnectionBlocks {
        owner: Owner(key(order.connection).0),
        enabled: order.admin_state_up,
        local: nets(&order.local_cidrs),
        remote: nets(&order.peer_known_here()),
        translations: translations(order),
    }
}

/// What of a connection's blocks its two ends know by different addresses.
fn translations(order: &TunnelSpec) -> Translations {
    let of = |end| {
        let of_end = order.translations.iter().filter(move |one| one.end == end);
        of_end.map(|one| Pair {
            ours: one.here().into(),
            theirs: one.there().into(),
        })
    };
    Translations::new(of(End::Local), of(End::Peer))
}

/// The data plane's bound for a tunnel's inner packets; none leaves it to the path.
pub(crate) fn mtu(order: &TunnelSpec) -> Option<u16> {
    match order.mtu {
        0 => None,
        // No packet is larger than that.
        mtu => Some(u16::try_from(mtu).unwrap_or(u16::MAX)),
    }
}

/// Whether the peer can be told from others: one at any address says who it is, and not before IKEv2's second message.
fn reachable(order: &TunnelSpec, peer: IpAddr, versions: Versions) -> Result<(), Unsupported> {
    if peer.is_unspecified() {
        if versions == Versions::V1 {
            return Err(Unsupported::AnyAddressByV1(peer));
        }
        let is_nobody = |address: &IpAddr| address.is_unspecified();
        if matches!(&order.peer_id, connection::Identity::Address(one) if is_nobody(one)) {
            return Err(Unsupported::Anybody(peer));
        }
    }
    Ok(())
}

/// The engine's configuration for a tunnel that is from one of these addresses.
pub(crate) fn config(
    own: OuterAddresses,
    encapsulation: Encapsulation,
    order: &TunnelSpec,
) -> Result<ConnectionConfig, Unsupported> {
    let peer = order.peer_address;
    let local = own.toward(peer).ok_or(Unsupported::Family(peer))?;
    let versions = match (order.ike.version, order.either_version) {
        (IkeVersion::V1, false) => Versions::V1,
        (IkeVersion::V1, true) => Versions::AnyFromV1,
        (IkeVersion::V2, false) => Versions::V2,
        (IkeVersion::V2, true) => Versions::Any,
    };
    reachable(order, peer, versions)?;
    let (protocol, encapsulation) = match order.ipsec.transform {
        Transform::AhEsp => return Err(Unsupported::AhEsp),
        Transform::Ah if encapsulation == Encapsulation::Always => {
            return Err(Unsupported::AhInUdp);
        }
        // It covers the outer header, which a NAT changes; UDP's, between the two, is not covered by anything.
        Transform::Ah => (Protocol::Ah, Encapsulation::Never),
        Transform::Esp => (Protocol::Esp, encapsulation),
    };
    let mode = mode(order, local)?;
    let (integrity, prf) = ike_hashes(versions, &order.ike.authentication);
    let ike = IkeAlgorithms {
        encryption: ike_ciphers(versions, &order.ike.encryption),
        integrity,
        prf,
        groups: groups(&order.ike.groups),
        // Whatever a policy says of groups: it is done beside one, where the peer can, and takes nothing away.
        additional: additional(versions),
    };
    let esp = EspAlgorithms {
        protocol,
        encryption: match protocol {
            // A policy has a cipher always; there is nothing that AH could do with it.
            Protocol::Ah => Vec::new(),
            Protocol::Esp => esp_ciphers(versions, &order.ipsec.encryption),
        },
        integrity: esp_integrity(versions, &order.ipsec.authentication),
        groups: groups(&order.ipsec.pfs),
        additional: additional(versions),
        extended_sequence_numbers: true,
    };
    if ike.encryption.is_empty() || ike.prf.is_empty() || ike.groups.is_empty() {
        return Err(Unsupported::Algorithms(told_of_ike(&order.ike)));
    }
    // A cipher without integrity is no protection (RFC 4303 section 3.2.2), and not offering it would
    // be another policy than the one asked for.
    let unprotected = |ciphers: &[Encryption], integrity: &[Integrity]| {
        integrity.is_empty() && ciphers.iter().any(|cipher| !cipher.is_aead())
    };
    if unprotected(&ike.encryption, &ike.integrity) {
        return Err(Unsupported::Algorithms(told_of_ike(&order.ike)));
    }
    if unprotected(&esp.encryption, &esp.integrity) {
        return Err(Unsupported::Algorithms(told_of_ipsec(&order.ipsec)));
    }
    let lost_pfs = esp.groups.is_empty() && !order.ipsec.pfs.is_empty();
    let nothing = match protocol {
        Protocol::Ah => esp.integrity.is_empty(),
        Protocol::Esp => esp.encryption.is_empty(),
    };
    if nothing || lost_pfs {
        return Err(Unsupported::Algorithms(told_of_ipsec(&order.ipsec)));
    }
    let (local_id, remote_id) = (own_identity(order, local), identity(&order.peer_id));
    let identities = (&local_id, &remote_id);
    let wanted = (&order.authentication, order.ppk.as_ref());
    let authentication = authentication::of(wanted, versions, identities)?;
    Ok(ConnectionConfig {
        versions,
        local,
        remote: peer,
        local_id,
        remote_id,
        authentication,
        encapsulation,
        ike,
        esp,
        mode,
        childless: Childless::Auto,
        children: children(order),
        ike_lifetime: Duration::from_secs(order.ike.lifetime_s.into()),
        child_lifetime: Duration::from_secs(order.ipsec.lifetime_s.into()),
        liveness: liveness(order),
        initiate: order.initiator == Initiator::BiDirectional,
    })
}

/// What a tunnel from this address calls itself.
fn own_identity(order: &TunnelSpec, own: IpAddr) -> Identity {
    match order.carriers {
        Carriers::One => identity(&order.local_id),
        Carriers::Each { .. } => Identity::of_address(own),
    }
}

/// The Child SAs of a tunnel.
fn children(order: &TunnelSpec) -> Vec<ChildConfig> {
    match order.carriers {
        Carriers::One => pairs(&order.local_known_there(), &order.peer_cidrs),
        Carriers::Each { .. } => {
            let anywhere = [Cidr::containing_all(Ipv4Addr::UNSPECIFIED)];
            pairs(&anywhere, &anywhere)
        }
    }
}

/// What is exchanged beside a group's values.
fn additional(versions: Versions) -> Vec<AdditionalExchange> {
    match versions {
        Versions::V1 | Versions::AnyFromV1 => Vec::new(),
        _ => AdditionalExchange::ALL.to_vec(),
    }
}

/// The mode, if the tunnel's blocks are what it can be between.
fn mode(order: &TunnelSpec, own: IpAddr) -> Result<Mode, Unsupported> {
    if order.ipsec.encapsulation == policy::Encapsulation::Tunnel {
        return Ok(Mode::Tunnel);
    }
    let (local, peer) = (Cidr::host(own), Cidr::host(order.peer_address));
    if order.local_cidrs == [local] && order.peer_cidrs == [peer] {
        Ok(Mode::Transport)
    } else {
        Err(Unsupported::Transport { local, peer })
    }
}

/// One Child SA for each pair of blocks, which every kind of peer understands.
fn pairs(local: &[Cidr], remote: &[Cidr]) -> Vec<ChildConfig> {
    let range = |cidr: &Cidr| block(cidr.first(), cidr.prefix_len());
    let same_family = |a: &Cidr, b: &Cidr| a.is_ipv4() == b.is_ipv4();
    local
        .iter()
        .flat_map(|local| {
            remote
                .iter()
                .filter(move |remote| same_family(local, remote))
                .map(move |remote| ChildConfig {
                    local: vec![range(local)],
                    remote: vec![range(remote)],
                })
        })
        .collect()
}

/// Whether packets wait for a tunnel that is not up, and bring it up.
pub(crate) fn holds(order: &TunnelSpec) -> bool {
    order.dead_peer_detection.action == DpdAction::Hold
        && order.initiator == Initiator::BiDirectional
        && order.admin_state_up
        && !order.peer_address.is_unspecified()
}

/// What becomes of a tunnel whose peer was lost.
pub(crate) fn after_loss(order: &TunnelSpec) -> AfterLoss {
    match order.dead_peer_detection.action {
        DpdAction::Hold if holds(order) => AfterLoss::WaitForTraffic,
        DpdAction::Clear | DpdAction::Hold | DpdAction::RestartByPeer => AfterLoss::WaitForPeer,
        // Without checks it is lost when a request of ours goes unanswered.
        DpdAction::None | DpdAction::Restart => match order.initiator {
            Initiator::BiDirectional if !order.peer_address.is_unspecified() => AfterLoss::Begin,
            _ => AfterLoss::WaitForPeer,
        },
    }
}

fn liveness(order: &TunnelSpec) -> Option<Liveness> {
    let dpd = order.dead_peer_detection;
    let restart = match dpd.action {
        DpdAction::None => return None,
        DpdAction::Clear | DpdAction::Hold | DpdAction::RestartByPeer => false,
        DpdAction::Restart => true,
    };
    Some(Liveness {
        // An interval of 0 is allowed, and means as often as is sensible.
        interval: Duration::from_secs(dpd.interval_s.max(1).into()),
        timeout: Duration::from_secs(dpd.timeout_s.max(2).into()),
        restart,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use adit_crypto::{Group, Prf};
    use adit_model::authentication::Authentication;
    use adit_model::connection::DeadPeerDetection;
    use adit_model::policy::{self, IkeParameters, IpsecParameters};
    use adit_model::{Psk, Revision};

    use super::*;

    pub(crate) fn order() -> TunnelSpec {
        let cidrs = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        TunnelSpec {
            connection: ConnectionId::random(),
            revision: Revision(1),
            admin_state_up: true,
            peer_address: "203.0.113.2".parse().unwrap(),
            local_id: connection::Identity::parse("203.0.113.1"),
            peer_id: connection::Identity::parse("@peer"),
            initiator: Initiator::BiDirectional,
            carriers: Carriers::One,
            mtu: 1400,
            authentication: Authentication::PresharedKey(Psk::new(b"secret".to_vec()).unwrap()),
            ppk: None,
            local_cidrs: cidrs(&["10.1.0.0/24", "10.3.0.0/24"]),
            peer_cidrs: cidrs(&["10.2.0.0/24", "10.4.0.0/24", "2001:db8::/32"]),
            translations: Vec::new(),
            ike: IkeParameters::negotiate(),
            either_version: false,
            ipsec: IpsecParameters::negotiate(),
            dead_peer_detection: DeadPeerDetection {
                action: DpdAction::None,
                interval_s: 30,
                timeout_s: 120,
            },
        }
    }

    fn config_of(own: OuterAddresses, order: &TunnelSpec) -> Result<ConnectionConfig, Unsupported> {
        config(own, Encapsulation::Auto, order)
    }

    pub(crate) fn own() -> OuterAddresses {
        Ipv4Addr::new(203, 0, 113, 1).into()
    }

    #[test]
    fn a_tunnel_is_from_the_address_of_its_peers_family() {
        let mut over_v6 = order();
        over_v6.peer_address = "2001:db8::2".parse().unwrap();
        let refused = config_of(own(), &over_v6).unwrap_err();
        assert_eq!(refused, Unsupported::Family(over_v6.peer_address));
        let v6: std::net::Ipv6Addr = "2001:db8::1".parse().unwrap();
        let both = OuterAddresses {
            v6: Some(v6),
            ..own()
        };
        assert_eq!(config_of(both, &over_v6).unwrap().local, IpAddr::V6(v6));
        let over_v4 = config_of(both, &order()).unwrap();
        assert_eq!(over_v4.local, IpAddr::V4(both.v4));
    }

    #[test]
    fn a_block_is_negotiated_for_by_the_name_that_the_peer_knows_and_led_to_by_ours() {
        let mut twin = order();
        let same: Cidr = "10.1.0.0/24".parse().unwrap();
        (twin.local_cidrs, twin.peer_cidrs) = (vec![same], vec![same]);
        let one = |end, shown_as: &str| adit_model::Translation {
            end,
            cidr: same,
            shown_as: shown_as.parse().unwrap(),
        };
        twin.translations = vec![
            one(End::Local, "10.201.0.0/24"),
            one(End::Peer, "10.202.0.0/24"),
        ];
        let negotiated = config_of(own(), &twin).unwrap().children;
        assert_eq!(
            negotiated,
            pairs(&["10.201.0.0/24".parse().unwrap()], &[same])
        );
        let blocks = blocks(&twin);
        assert_eq!(blocks.local, [same.into()]);
        assert_eq!(
            blocks.remote,
            ["10.202.0.0/24".parse::<Cidr>().unwrap().into()]
        );
        assert!(!blocks.translations.is_empty());
    }

    #[test]
    fn a_peer_that_may_choose_the_version_is_begun_with_by_the_policy_s() {
        let versions = |version, either_version| {
            let mut order = order();
            order.ike.version = version;
            order.either_version = either_version;
            config_of(own(), &order).unwrap().versions
        };
        assert_eq!(versions(IkeVersion::V1, false), Versions::V1);
        assert_eq!(versions(IkeVersion::V1, true), Versions::AnyFromV1);
        assert_eq!(versions(IkeVersion::V2, true), Versions::Any);
    }

    #[test]
    fn each_of_two_tunnels_calls_itself_by_its_own_address() {
        let mut routed = order();
        assert_eq!(tunnels(own(), &routed), [(key(routed.connection), own())]);
        routed.carriers = Carriers::Each { distribute: false };
        let both = OuterAddresses {
            second: Some(Ipv4Addr::new(203, 0, 113, 9)),
            ..own()
        };
        let each = tunnels(both, &routed);
        let mut names = Vec::new();
        for (number, (key, from)) in each.into_iter().enumerate() {
            assert_eq!(connection_id(key), routed.connection);
            assert_eq!(lane(key), Lane::ALL[number]);
            assert_eq!(keys(owner(key))[number], key);
            let config = config_of(from, &routed).unwrap();
            assert_eq!(config.local_id, Identity::of_address(config.local));
            names.push(config.local.to_string());
        }
        assert_eq!(names, ["203.0.113.1", "203.0.113.9"]);
    }

    #[test]
    fn a_peer_at_any_address_is_known_by_its_identity_and_by_ikev2() {
        let mut anywhere = order();
        anywhere.peer_address = "0.0.0.0".parse().unwrap();
        let config = config_of(own(), &anywhere).unwrap();
        assert_eq!(config.local, IpAddr::V4(own().v4));
        assert!(config.remote.is_unspecified());
        let refused = |change: &dyn Fn(&mut TunnelSpec)| {
            let mut order = anywhere.clone();
            change(&mut order);
            config_of(own(), &order).unwrap_err()
        };
        let by_v1 = refused(&|order| order.ike.version = IkeVersion::V1);
        assert_eq!(by_v1, Unsupported::AnyAddressByV1(anywhere.peer_address));
        let nobody = refused(&|order| order.peer_id = connection::Identity::parse("0.0.0.0"));
        assert_eq!(nobody, Unsupported::Anybody(anywhere.peer_address));
    }

    #[test]
    fn each_pair_of_blocks_of_one_family_becomes_a_child_sa() {
        let config = config_of(own(), &order()).unwrap();
        assert_eq!(
            (config.remote_id.kind, &*config.remote_id.data),
            (IdType::FQDN, &b"peer"[..])
        );
        assert_eq!(config.children.len(), 4);
        assert_eq!(config.liveness, None);
    }

    #[test]
    fn what_ikev1_lacks_is_said_and_not_weakened() {
        let refused = |change: &dyn Fn(&mut TunnelSpec)| {
            let mut order = order();
            change(&mut order);
            assert!(config_of(own(), &order).is_ok(), "IKEv2 has it");
            order.ike.version = IkeVersion::V1;
            let refused = config_of(own(), &order).unwrap_err();
            assert!(matches!(refused, Unsupported::Algorithms(_)));
            let said = refused.to_string();
            assert!(
                !said.contains(['{', '[']) && said.contains("ciphers "),
                "{said}"
            );
        };
        refused(&|order| order.ike.encryption = vec![policy::Encryption::Aes256Gcm16]);
        refused(&|order| order.ike.encryption = vec![policy::Encryption::Aes256Ctr]);
        refused(&|order| order.ike.authentication = vec![policy::Authentication::AesXcbc]);
        refused(&|order| order.ipsec.encryption = vec![policy::Encryption::ChaCha20Poly1305]);
        let mut both = order();
        both.ike.version = IkeVersion::V1;
        let ciphers = config_of(own(), &both).unwrap().ike.encryption;
        assert!(ciphers.iter().all(|cipher| cipher.is_cbc()));
    }

    #[test]
    fn ah_has_no_cipher_and_is_never_in_udp() {
        let mut ah = order();
        ah.ipsec.transform = Transform::Ah;
        ah.ipsec.authentication = vec![policy::Authentication::Sha256];
        let agreed = config_of(own(), &ah).unwrap();
        assert_eq!(agreed.esp.protocol, Protocol::Ah);
        assert_eq!(agreed.encapsulation, Encapsulation::Never);
        assert_eq!(agreed.esp.encryption, []);
        assert_eq!(agreed.esp.integrity, [Integrity::HmacSha256_128]);
        let refused = config(own(), Encapsulation::Always, &ah).unwrap_err();
        assert_eq!(refused, Unsupported::AhInUdp);
        ah.ike.version = IkeVersion::V1;
        ah.ipsec.authentication = vec![policy::Authentication::AesCmac];
        let refused = config_of(own(), &ah);
        assert!(matches!(refused, Err(Unsupported::Algorithms(_))));
        ah.ipsec.transform = Transform::AhEsp;
        assert_eq!(config_of(own(), &ah), Err(Unsupported::AhEsp));
    }

    #[test]
    fn transport_mode_is_between_the_two_ends_themselves() {
        let mut order = order();
        order.ipsec.encapsulation = policy::Encapsulation::Transport;
        let (local, peer) = ("203.0.113.1/32", "203.0.113.2/32");
        let (local, peer) = (local.parse().unwrap(), peer.parse().unwrap());
        let refused = Unsupported::Transport { local, peer };
        assert_eq!(config_of(own(), &order).unwrap_err(), refused);
        order.local_cidrs = vec![local];
        assert_eq!(config_of(own(), &order).unwrap_err(), refused);
        order.peer_cidrs = vec![peer];
        assert_eq!(config_of(own(), &order).unwrap().mode, Mode::Transport);
    }

    #[test]
    fn no_cipher_is_used_without_integrity() {
        let mut bare = order();
        bare.ike.version = IkeVersion::V1;
        for cipher in [policy::Encryption::Aes128, policy::Encryption::Aes128Ctr] {
            bare.ipsec.encryption = vec![cipher];
            bare.ipsec.authentication = vec![policy::Authentication::AesCmac];
            let refused = config_of(own(), &bare);
            assert!(matches!(refused, Err(Unsupported::Algorithms(_))));
            bare.ipsec.encryption.push(policy::Encryption::Aes128Gcm16);
            assert!(config_of(own(), &bare).is_err());
            bare.ipsec.encryption = vec![policy::Encryption::Aes128Gcm16];
            assert!(config_of(own(), &bare).is_ok(), "it has its own");
        }
    }

    #[test]
    fn each_type_of_identity_is_said_as_such() {
        let kinds = [
            "@west",
            "a@west",
            "keyid:west",
            "203.0.113.9",
            "2001:db8::9",
        ]
        .map(|text| {
            let mut order = order();
            order.peer_id = connection::Identity::parse(text);
            config_of(own(), &order).unwrap().remote_id.kind
        });
        let expected = [
            IdType::FQDN,
            IdType::RFC822_ADDR,
            IdType::KEY_ID,
            IdType::IPV4_ADDR,
            IdType::IPV6_ADDR,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn weak_algorithms_are_offered_last_or_only_when_a_policy_names_them() {
        let local = own();
        let mut weak = order();
        let usual = config_of(local, &weak).unwrap();
        assert!(!usual.ike.encryption.contains(&Encryption::DesCbc));
        assert!(!usual.ike.groups.contains(&Group::Modp768));
        // IBM's auto-negotiation has these, and they come last.
        assert_eq!(usual.ike.encryption.last(), Some(&Encryption::TripleDesCbc));
        assert_eq!(usual.ike.prf.last(), Some(&Prf::HmacMd5));
        assert_eq!(usual.esp.integrity.last(), Some(&Integrity::HmacMd5_96));
        weak.ike.encryption = vec![policy::Encryption::TripleDes];
        weak.ike.authentication = vec![policy::Authentication::Md5];
        let named = config_of(local, &weak).unwrap();
        assert_eq!(named.ike.encryption, [Encryption::TripleDesCbc]);
        assert_eq!(named.ike.prf, [Prf::HmacMd5]);
        assert_eq!(named.ike.integrity, [Integrity::HmacMd5_96]);
        assert_eq!(named.esp, usual.esp);
    }

    #[test]
    fn no_mtu_and_one_that_no_packet_reaches_bound_nothing() {
        let said = [0, 68, 1400, 70_000].map(|mtu| {
            let mut order = order();
            order.mtu = mtu;
            super::mtu(&order)
        });
        assert_eq!(said, [None, Some(68), Some(1400), Some(u16::MAX)]);
    }

    #[test]
    fn each_action_of_dead_peer_detection_does_what_it_says() {
        let by = |action, initiator| {
            let mut order = order();
            order.dead_peer_detection.action = action;
            order.initiator = initiator;
            let liveness = config_of(own(), &order).unwrap().liveness;
            let restart = liveness.map(|liveness| liveness.restart);
            (restart, holds(&order), after_loss(&order))
        };
        let both = Initiator::BiDirectional;
        let (begin, traffic) = (AfterLoss::Begin, AfterLoss::WaitForTraffic);
        let peer = AfterLoss::WaitForPeer;
        assert_eq!(by(DpdAction::None, both), (None, false, begin));
        assert_eq!(by(DpdAction::Clear, both), (Some(false), false, peer));
        assert_eq!(by(DpdAction::Hold, both), (Some(false), true, traffic));
        assert_eq!(by(DpdAction::Restart, both), (Some(true), false, begin));
        assert_eq!(
            by(DpdAction::RestartByPeer, both),
            (Some(false), false, peer)
        );
        let responds = by(DpdAction::Hold, Initiator::ResponseOnly);
        assert_eq!(responds, (Some(false), false, peer));
    }

    #[test]
    fn a_connection_s_key_is_its_id() {
        let id = ConnectionId::random();
        assert_eq!(connection_id(key(id)), id);
    }
}
