//! What was written is read back the same, and no octets make the parser panic.

#![expect(clippy::indexing_slicing, reason = "test code")]

use std::net::{Ipv4Addr, Ipv6Addr};

use adit_ike_wire::v2::encrypted::{FragmentNumber, Inner, Layout, Shape, strip_padding};
use adit_ike_wire::v2::payload::parse_chain;
use adit_ike_wire::v2::*;
use adit_ike_wire::*;
use proptest::prelude::*;

const DATA: &[u8] = &[0x5a; 300];

fn transform() -> impl Strategy<Value = Transform> {
    (1..=5_u8, any::<u16>(), any::<Option<u16>>()).prop_map(|(kind, id, key_bits)| Transform {
        kind: TransformType(kind),
        id,
        key_bits,
        unknown_attribute: false,
    })
}

fn proposal() -> impl Strategy<Value = Proposal<'static>> {
    (
        any::<u8>(),
        1..=3_u8,
        0..=8_usize,
        prop::collection::vec(transform(), 0..20),
    )
        .prop_map(|(number, protocol, spi, transforms)| Proposal {
            number,
            protocol: ProtocolId(protocol),
            spi: &DATA[..spi],
            transforms,
        })
}

fn selector() -> impl Strategy<Value = TrafficSelector> {
    let range = prop_oneof![
        any::<(u32, u32)>()
            .prop_map(|(a, b)| AddressRange::V4(Ipv4Addr::from(a), Ipv4Addr::from(b))),
        any::<(u128, u128)>()
            .prop_map(|(a, b)| AddressRange::V6(Ipv6Addr::from(a), Ipv6Addr::from(b))),
    ];
    (any::<u8>(), any::<u16>(), any::<u16>(), range).prop_map(
        |(protocol, first_port, last_port, addresses)| TrafficSelector {
            protocol,
            first_port,
            last_port,
            addresses,
        },
    )
}

fn payload() -> impl Strategy<Value = Payload<'static>> {
    let id = (any::<u8>(), 0..300_usize).prop_map(|(kind, len)| Identification {
        kind: IdType(kind),
        data: &DATA[..len],
    });
    prop_oneof![
        (any::<u8>(), 0..300_usize).prop_map(|(method, len)| Payload::Authentication {
            method,
            data: &DATA[..len]
        }),
        (any::<u8>(), 0..300_usize).prop_map(|(encoding, len)| Payload::Certificate {
            encoding,
            data: &DATA[..len]
        }),
        (any::<u8>(), 0..300_usize).prop_map(|(encoding, len)| Payload::CertificateRequest {
            encoding,
            data: &DATA[..len]
        }),
        (0..300_usize).prop_map(|len| Payload::Configuration(&DATA[..len])),
        (0..300_usize).prop_map(|len| Payload::Eap(&DATA[..len])),
        Just(Payload::Delete(Delete::IKE_SA)),
        (2..=3_u8, 0..70_usize)
            .prop_map(|(p, n)| Payload::Delete(Delete::child_sas(ProtocolId(p), &DATA[..4 * n]))),
        id.clone().prop_map(Payload::IdInitiator),
        id.prop_map(Payload::IdResponder),
        (any::<u16>(), 0..300_usize).prop_map(|(group, len)| Payload::KeyExchange {
            group,
            data: &DATA[..len]
        }),
        (16..=256_usize).prop_map(|len| Payload::Nonce(&DATA[..len])),
        (0..=3_u8, 0..=8_usize, any::<u16>(), 0..300_usize).prop_map(|(p, spi, kind, len)| {
            Payload::Notify(Notify {
                protocol: ProtocolId(p),
                spi: &DATA[..spi],
                kind: NotifyType(kind),
                data: &DATA[..len],
            })
        }),
        prop::collection::vec(proposal(), 1..6).prop_map(Payload::SecurityAssociation),
        prop::collection::vec(selector(), 0..40).prop_map(Payload::TsInitiator),
        prop::collection::vec(selector(), 0..40).prop_map(Payload::TsResponder),
        (54..=255_u8, any::<bool>(), 0..300_usize).prop_map(|(kind, critical, len)| {
            Payload::Unknown {
                kind: PayloadType(kind),
                critical,
                body: &DATA[..len],
            }
        }),
        (0..300_usize).prop_map(|len| Payload::VendorId(&DATA[..len])),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    (
        1..=u64::MAX,
        any::<u64>(),
        any::<u8>(),
        any::<[bool; 3]>(),
        any::<u32>(),
    )
        .prop_map(
            |(initiator, responder, exchange, [initiator_flag, version, response], message_id)| {
                Header {
                    initiator_spi: Spi(initiator),
                    responder_spi: Spi(responder),
                    next_payload: PayloadType::NONE,
                    major_version: 2,
                    minor_version: 0,
                    exchange: ExchangeType(exchange),
                    flags: Flags {
                        encryption: false,
                        initiator: initiator_flag,
                        version,
                        response,
                    },
                    message_id,
                    length: 0,
                }
            },
        )
}

proptest! {
    #[test]
    fn a_message_is_read_as_it_was_written(
        header in header(),
        payloads in prop::collection::vec(payload(), 0..8),
    ) {
        let octets = emit(&header, &payloads);
        prop_assume!(octets.len() <= message::MAX_MESSAGE_LEN);
        let message = Message::parse(&octets).unwrap();
        prop_assert_eq!(&message.payloads, &payloads);
        prop_assert_eq!(message.header.length as usize, octets.len());
        prop_assert_eq!(message.header.message_id, header.message_id);
        prop_assert_eq!(message.header.flags, header.flags);
        prop_assert_eq!(emit(&message.header, &message.payloads), octets);
    }

    #[test]
    fn an_encrypted_message_is_laid_out_in_whole_blocks(
        header in header(),
        payloads in prop::collection::vec(payload(), 0..8),
        block in prop::sample::select(vec![1_usize, 4, 8, 16]),
        iv in 8..=16_usize,
        icv in 12..=32_usize,
    ) {
        let shape = Shape {
            iv: &DATA[..iv],
            block_len: block,
            icv_len: icv,
        };
        let layout = Layout::new(&header, &payloads, shape);
        prop_assume!(layout.octets.len() <= message::MAX_MESSAGE_LEN);
        let message = Message::parse(&layout.octets).unwrap();
        let [Payload::Encrypted(encrypted)] = message.payloads.as_slice() else { panic!() };
        prop_assert_eq!(layout.associated_len + encrypted.body.len(), layout.octets.len());
        let plain = &encrypted.body[iv..encrypted.body.len() - icv];
        prop_assert_eq!(plain.len() % block, 0);
        let inner = strip_padding(plain).unwrap();
        prop_assert_eq!(parse_chain(encrypted.first_inner, inner).unwrap(), payloads);
    }

    #[test]
    fn a_fragment_that_has_room_for_its_octets_is_no_longer_than_it_may_be(
        header in header(),
        number in 1..=9_u16,
        block in prop::sample::select(vec![1_usize, 4, 8, 16]),
        iv in 8..=16_usize,
        icv in 12..=32_usize,
        limit in 150..1_300_usize,
    ) {
        let shape = Shape {
            iv: &DATA[..iv],
            block_len: block,
            icv_len: icv,
        };
        let plain = vec![7; shape.room_in_fragment(limit)];
        let inner = Inner { first: PayloadType::NOTIFY, octets: &plain };
        let place = FragmentNumber { number, total: 9 };
        let layout = Layout::of_fragment(&header, place, inner, shape);
        prop_assert!(layout.octets.len() <= limit && layout.octets.len() + block > limit);
        let message = Message::parse(&layout.octets).unwrap();
        let [Payload::EncryptedFragment(fragment)] = message.payloads.as_slice() else { panic!() };
        prop_assert_eq!((fragment.number, fragment.total), (number, 9));
        prop_assert_eq!(fragment.first_inner, PayloadType::NOTIFY);
        prop_assert_eq!(layout.associated_len + fragment.body.len(), layout.octets.len());
        let padded = &fragment.body[iv..fragment.body.len() - icv];
        prop_assert_eq!(strip_padding(padded).unwrap(), &plain[..]);
    }

    #[test]
    fn signatures_and_names_of_keys_are_read_as_they_were_written(
        algorithm in 0..=255_usize,
        signature in 0..300_usize,
        kind in any::<u8>(),
        ids in prop::collection::vec(any::<u16>(), 0..9),
    ) {
        let signed = DigitalSignature {
            algorithm: &DATA[..algorithm],
            signature: &DATA[..signature],
        };
        let octets = signed.to_octets();
        prop_assert_eq!(DigitalSignature::parse(&octets), Ok(signed));
        for cut in 0..=algorithm {
            prop_assert!(DigitalSignature::parse(&octets[..cut]).is_err());
        }
        let named = PpkIdentity { kind, data: &DATA[..signature] };
        let octets = named.to_octets();
        prop_assert_eq!(PpkIdentity::parse(&octets), Ok(named));
        let hashes = authentication::signature_hashes_data(ids.iter().copied());
        prop_assert!(authentication::signature_hashes(&hashes).eq(ids.iter().copied()));
    }

    #[test]
    fn no_octets_make_the_parser_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Message::parse(&octets);
    }

    #[test]
    fn a_damaged_message_does_not_make_the_parser_panic(
        header in header(),
        payloads in prop::collection::vec(payload(), 0..5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = emit(&header, &payloads);
        for (at, value) in damage {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        let _ = Message::parse(&octets);
        octets.truncate(cut.index(octets.len() + 1));
        let _ = Message::parse(&octets);
        if octets.len() >= Header::LEN {
            let length = (octets.len() as u32).to_be_bytes();
            octets[24..28].copy_from_slice(&length);
            if let Ok(message) = Message::parse(&octets) {
                // What the parser takes, it can write; reading that back changes nothing more.
                let once = emit(&message.header, &message.payloads);
                let again = Message::parse(&once).unwrap();
                prop_assert_eq!(emit(&again.header, &again.payloads), once);
            }
        }
    }
}
