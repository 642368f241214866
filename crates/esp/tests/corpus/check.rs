//! Everything that happens to an ESP packet: raw octets, and authentic packets with any content.
//!
//! The first octet chooses the cipher and whether sequence numbers are extended. The rest is opened as it is, then
//! sealed as the body of an authentic packet and opened again, so that the parser behind the ICV is reached too; all
//! that in both modes.
//! Invariant: what is delivered lies inside the packet, is an IP packet of its own length, and is never delivered twice.

use adit_crypto::{Encryption, Integrity, SealItem, Sealer};
use adit_esp::{
    AddressRange, DropReason, ESP_HEADER_LEN, Framing, Hosts, InboundSa, InnerHeader, Keying, Mode,
    Protection, Selectors, Spi, TrafficSelector,
};

pub(crate) const SPI: u32 = 0x1000;

pub(crate) fn selectors() -> Selectors {
    let any = |address: &str| {
        let address = address.parse().expect("an address");
        TrafficSelector::addresses(AddressRange::subnet(address, 0).expect("a prefix of 0"))
    };
    Selectors::new(
        vec![any("0.0.0.0"), any("::")],
        vec![any("0.0.0.0"), any("::")],
    )
}

/// The usual two, or any by its place in the tables.
fn suite(usual: u8, other: u8) -> (Encryption, Option<Integrity>) {
    let place = usize::from(other).checked_sub(1);
    let other = place.and_then(|place| Encryption::ALL.get(place % Encryption::ALL.len()));
    let encryption = match (other, usual) {
        (Some(other), _) => *other,
        (None, 0) => Encryption::AesGcm128,
        (None, _) => Encryption::AesCbc128,
    };
    let beside = match place {
        Some(place) => Integrity::ALL.get(place % Integrity::ALL.len()).copied(),
        None => Some(Integrity::HmacSha256_128),
    };
    (encryption, beside.filter(|_| !encryption.is_aead()))
}

/// Plays one input.
pub fn check(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let (encryption, integrity) = suite(choice & 1, choice >> 2);
    let extended = choice & 2 != 0;
    let (enc_key, integ_key) = (
        vec![1; encryption.key_len()],
        vec![2; integrity.map_or(0, Integrity::key_len)],
    );
    let keying = Keying {
        protection: Protection::Esp(encryption, integrity),
        encryption_key: &enc_key,
        integrity_key: &integ_key,
    };
    let spi = Spi::try_from(SPI).expect("an SPI above 255");
    for mode in [Mode::Tunnel, Mode::Transport] {
        let ends = ["192.0.2.2", "192.0.2.1"].map(|text| text.parse().expect("an address"));
        let hosts = Hosts::new(ends[0], ends[1]).expect("one family");
        let framing = Framing { mode, hosts };
        let sa = InboundSa::new(spi, &keying, framing, selectors(), extended);
        play(sa.expect("keys that fit"), data, &keying, extended);
    }
}

fn play(mut sa: InboundSa, data: &[u8], keying: &Keying<'_>, extended: bool) {
    let &Keying {
        protection: Protection::Esp(encryption, integrity),
        encryption_key: enc_key,
        integrity_key: integ_key,
    } = keying
    else {
        return;
    };
    let mut raw = data.to_vec();
    assert!(sa.open(&mut raw).is_err(), "nobody guesses an ICV");

    let sealer = Sealer::new(encryption, integrity, enc_key, integ_key).expect("keys that fit");
    let body = data
        .get(..data.len() / sealer.block_len() * sealer.block_len())
        .unwrap_or_default();
    let mut packet = SPI.to_be_bytes().to_vec();
    packet.extend(1_u32.to_be_bytes());
    packet.extend(vec![3; sealer.iv_len()]);
    packet.extend_from_slice(body);
    packet.extend(vec![0; sealer.icv_len()]);
    let esn_high = extended.then_some(0);
    sealer
        .seal_batch(&mut [SealItem {
            buf: &mut packet,
            aad_len: ESP_HEADER_LEN,
            esn_high,
        }])
        .expect("a buffer of the right shape");
    let mut again = packet.clone();
    if let Ok(delivered) = sa.open(&mut packet) {
        let inner = delivered
            .packet(&packet)
            .expect("a range inside the packet");
        assert_eq!(
            InnerHeader::parse(inner).expect("an IP packet").total_len,
            inner.len()
        );
    }
    assert_eq!(sa.open(&mut again), Err(DropReason::Replayed));
}
