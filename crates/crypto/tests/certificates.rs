//! Certificates of each type of key, and all that can be wrong with them.

use adit_crypto::{
    CertificateFault, Credentials, CredentialsError, MAX_CHAIN, Secret, SignError, SignatureFault,
    SignatureHash, SignatureMethod, SubjectName, Trust, TrustError,
};
use adit_sim::{Authority, Issued, KeyType, NOW, Wanted};

const NAME: &str = "east.example.com";

const EAST: SubjectName<'static> = SubjectName::Dns(b"EAST.example.com");

fn verify(trust: &Trust, issued: &Issued, name: SubjectName<'_>) -> Result<(), CertificateFault> {
    verify_at(trust, issued, name, NOW)
}

fn verify_at(
    trust: &Trust,
    issued: &Issued,
    name: SubjectName<'_>,
    now: u64,
) -> Result<(), CertificateFault> {
    let chain: Vec<_> = issued.chain.iter().map(Vec::as_slice).collect();
    trust.verify(&chain, name, now).map(drop)
}

const NO_LISTS: &[Vec<u8>] = &[];

#[test]
fn each_type_of_key_signs_by_name_and_by_number() {
    for key in KeyType::ALL {
        let root = Authority::root("Root", key);
        let issued = root.issue(&Wanted {
            key,
            ..Wanted::named(NAME)
        });
        let credentials = issued.credentials();
        let chain: Vec<_> = credentials.chain().iter().map(Vec::as_slice).collect();
        let verified = root.trust(NO_LISTS).verify(&chain, EAST, NOW).unwrap();
        assert_eq!(verified.subject(), "O=Example, CN=east.example.com");
        let message = b"what is signed";
        let named = credentials.sign(Some(SignatureHash::ALL), message).unwrap();
        assert_eq!(named.method, 14);
        let algorithm = named.algorithm.clone().unwrap();
        let method = SignatureMethod::Digital(&algorithm);
        let check = |method: &SignatureMethod<'_>, message: &[u8], octets: &[u8]| {
            verified.verify_signature(method, message, octets)
        };
        assert_eq!(check(&method, message, &named.octets), Ok(()), "{key:?}");
        let wrong = Err(SignatureFault::Wrong);
        assert_eq!(check(&method, b"another", &named.octets), wrong);
        let sha1 = [
            0x30, 0xd, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 5, 5, 0,
        ];
        let unknown = check(&SignatureMethod::Digital(&sha1), message, &named.octets);
        assert_eq!(unknown, Err(SignatureFault::Algorithm), "RSA with SHA-1");
        let plain = credentials.sign(None, message);
        if key == KeyType::Ed25519 {
            assert_eq!(plain, Err(SignError::NoCommonHash));
            continue;
        }
        let plain = plain.unwrap();
        let method = SignatureMethod::plain(plain.method).unwrap();
        assert_eq!(plain.algorithm, None);
        assert_eq!(check(&method, message, &plain.octets), Ok(()), "{key:?}");
        assert_eq!(check(&method, b"another", &plain.octets), wrong);
        assert_eq!(
            credentials.sign(Some(&[SignatureHash::Identity]), message),
            Err(SignError::NoCommonHash)
        );
    }
}

#[test]
fn signatures_of_one_type_of_key_are_no_others() {
    let root = Authority::root("Root", KeyType::P256);
    let issue = |key| {
        root.issue(&Wanted {
            key,
            ..Wanted::named(NAME)
        })
    };
    let (rsa, ec) = (issue(KeyType::Rsa2048), issue(KeyType::P384));
    let signed = rsa
        .credentials()
        .sign(Some(SignatureHash::ALL), b"it")
        .unwrap();
    let algorithm = signed.algorithm.unwrap();
    let method = SignatureMethod::Digital(&algorithm);
    let chain: Vec<_> = ec.chain.iter().map(Vec::as_slice).collect();
    let verified = root.trust(NO_LISTS).verify(&chain, EAST, NOW).unwrap();
    let verdict = verified.verify_signature(&method, b"it", &signed.octets);
    assert_eq!(verdict, Err(SignatureFault::Algorithm));
    let other = verified.verify_signature(&SignatureMethod::EcdsaP256, b"it", &signed.octets);
    assert_eq!(other, Err(SignatureFault::Algorithm));
}

#[test]
fn a_peer_is_who_its_certificate_names_exactly() {
    let root = Authority::root("Root", KeyType::P256);
    let trust = root.trust(NO_LISTS);
    let issued = root.issue(&Wanted {
        names: vec![NAME.into(), "*.wild.example.com".into()],
        emails: vec!["east@example.com".into()],
        addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        ..Wanted::named("something else")
    });
    let is = |name| verify(&trust, &issued, name);
    assert_eq!(is(EAST), Ok(()));
    assert_eq!(is(SubjectName::Email(b"EAST@example.com")), Ok(()));
    assert_eq!(
        is(SubjectName::Address("192.0.2.1".parse().unwrap())),
        Ok(())
    );
    assert_eq!(
        is(SubjectName::Address("2001:db8::1".parse().unwrap())),
        Ok(())
    );
    for wrong in [
        SubjectName::Address("192.0.2.2".parse().unwrap()),
        SubjectName::Distinguished(b"0\0"),
        SubjectName::Dns(b"a.wild.example.com"),
        SubjectName::Dns(b"east@example.com"),
        SubjectName::Dns(b"something else"),
        SubjectName::Email(b"east.example.com"),
    ] {
        let Err(CertificateFault::NotForIdentity { names }) = is(wrong) else {
            panic!("{wrong:?}");
        };
        assert_eq!(names.first().unwrap(), "fqdn:east.example.com");
        assert_eq!(
            names.last().unwrap(),
            "subject O=Example, CN=something else"
        );
        assert!(names.contains(&"2001:db8::1".to_owned()), "{names:?}");
    }
}

#[test]
fn an_authority_below_one_that_is_trusted_is_taken_where_it_is_shown() {
    let root = Authority::root("Root", KeyType::Rsa2048);
    let middle = root.below("Middle", KeyType::P384);
    let low = middle.below("Low", KeyType::Ed25519);
    let issued = low.issue(&Wanted::named(NAME));
    assert_eq!(issued.chain.len(), 3);
    assert_eq!(verify(&root.trust(NO_LISTS), &issued, EAST), Ok(()));
    assert_eq!(verify(&middle.trust(NO_LISTS), &issued, EAST), Ok(()));
    let alone = Issued {
        chain: vec![issued.chain[0].clone()],
        ..issued.clone()
    };
    let untrusted = CertificateFault::Untrusted {
        subject: "O=Example, CN=east.example.com".into(),
        issuer: "O=Example, CN=Low".into(),
    };
    let trust = root.trust(NO_LISTS);
    assert_eq!(verify(&trust, &alone, EAST), Err(untrusted.clone()));
    let other = Authority::root("Root", KeyType::Rsa2048);
    let verdict = verify(&other.trust(NO_LISTS), &issued, EAST);
    assert_eq!(verdict, Err(untrusted), "the same name, another key");
    assert_eq!(trust.verify(&[], EAST, NOW), Err(CertificateFault::Missing));
    let many = vec![issued.chain[0].as_slice(); MAX_CHAIN + 1];
    assert_eq!(
        trust.verify(&many, EAST, NOW),
        Err(CertificateFault::TooMany)
    );
    // Who is no authority can't make others.
    let forged = Issued {
        chain: vec![issued.chain[0].clone(), alone.chain[0].clone()],
        ..issued
    };
    assert!(verify(&trust, &forged, EAST).is_err());
}

#[test]
fn times_are_told_with_whose_they_are() {
    let root = Authority::root("Root", KeyType::P256);
    let trust = root.trust(NO_LISTS);
    let issued = root.issue(&Wanted {
        valid: (NOW - 100, NOW + 100),
        ..Wanted::named(NAME)
    });
    let subject = "O=Example, CN=east.example.com".to_owned();
    assert_eq!(verify_at(&trust, &issued, EAST, NOW), Ok(()));
    let (from, until) = (NOW - 100, NOW + 100);
    let now = NOW + 101;
    assert_eq!(
        verify_at(&trust, &issued, EAST, now),
        Err(CertificateFault::Expired {
            subject: subject.clone(),
            until,
            now
        })
    );
    let now = NOW - 101;
    assert_eq!(
        verify_at(&trust, &issued, EAST, now),
        Err(CertificateFault::NotYetValid { subject, from, now })
    );
    let old = Authority::root_until("Old", KeyType::P256, NOW - 1);
    let issued = old.issue(&Wanted::named(NAME));
    assert_eq!(
        verify(&old.trust(NO_LISTS), &issued, EAST),
        Err(CertificateFault::Expired {
            subject: "O=Example, CN=Old".into(),
            until: NOW - 1,
            now: NOW
        })
    );
}

#[test]
fn what_an_authority_has_taken_back_is_not_believed() {
    let root = Authority::root("Root", KeyType::P256);
    let middle = root.below("Middle", KeyType::P256);
    let (good, bad) = (
        middle.issue(&Wanted::named(NAME)),
        middle.issue(&Wanted::named(NAME)),
    );
    let (list, _) = middle.revoke(&[&bad], NOW + 1000);
    let trust = root.trust(&[list]);
    assert_eq!(verify(&trust, &good, EAST), Ok(()));
    assert_eq!(verify(&trust, &bad, EAST), Err(CertificateFault::Revoked));
    let (list, _) = middle.revoke(&[], NOW - 1);
    let until = NOW - 1;
    assert_eq!(
        verify(&root.trust(&[list]), &good, EAST),
        Err(CertificateFault::ListExpired { until, now: NOW })
    );
    let stranger = Authority::root("Middle", KeyType::P256);
    let (list, _) = stranger.revoke(&[], NOW + 1000);
    let Err(CertificateFault::Unusable { what }) = verify(&root.trust(&[list]), &good, EAST) else {
        panic!("a list that the authority has not signed");
    };
    assert!(what.contains("revocation list"), "{what}");
}

#[test]
fn a_key_for_something_else_does_not_sign() {
    let root = Authority::root("Root", KeyType::P256);
    let trust = root.trust(NO_LISTS);
    let encrypts = root.issue(&Wanted {
        signs: false,
        ..Wanted::named(NAME)
    });
    assert_eq!(
        verify(&trust, &encrypts, EAST),
        Err(CertificateFault::Purpose)
    );
    let refused = Credentials::new(encrypts.chain, Secret::new(encrypts.key));
    assert_eq!(refused, Err(CredentialsError::Purpose));
    let code = root.issue(&Wanted {
        for_code: true,
        ..Wanted::named(NAME)
    });
    assert_eq!(verify(&trust, &code, EAST), Err(CertificateFault::Purpose));
}

#[test]
fn what_does_not_belong_together_is_told() {
    let root = Authority::root("Root", KeyType::P256);
    let (one, other) = (
        root.issue(&Wanted::named(NAME)),
        root.issue(&Wanted::named(NAME)),
    );
    let of = |chain: &str, key: &str| Credentials::from_pem(chain.as_bytes(), key.as_bytes());
    assert_eq!(of(&one.pem, &one.key_pem).unwrap(), one.credentials());
    assert_eq!(
        of(&one.pem, &other.key_pem),
        Err(CredentialsError::OtherKey)
    );
    assert_eq!(of("", &one.key_pem), Err(CredentialsError::NoCertificate));
    assert_eq!(of(&one.pem, &one.pem), Err(CredentialsError::NoKey));
    let many = one.pem.repeat(MAX_CHAIN + 1);
    assert_eq!(of(&many, &one.key_pem), Err(CredentialsError::TooMany));
    let unread = Credentials::new(vec![vec![0x30, 0]], Secret::new(one.key.clone()));
    assert_eq!(unread, Err(CredentialsError::Unreadable { number: 1 }));
    let no_key = Credentials::new(one.chain.clone(), Secret::new(vec![1, 2, 3]));
    assert_eq!(no_key, Err(CredentialsError::UnknownKey));
    let shown = format!("{:?}", one.credentials());
    assert!(shown.contains("east.example.com") && shown.contains("SigningKey(ECDSA P-256)"));
    let trust = |pem: &str| Trust::from_pem(pem.as_bytes(), b"");
    let none = trust("").unwrap_err();
    assert_eq!(none, TrustError::NoAuthority.into());
    let subject = "O=Example, CN=east.example.com".into();
    let own = trust(&one.pem).unwrap_err();
    assert_eq!(own, TrustError::NotAnAuthority { subject }.into());
    let (_, list) = root.revoke(&[], NOW + 1);
    let whole = Trust::from_pem(root.pem.as_bytes(), list.as_bytes()).unwrap();
    assert_eq!(
        whole,
        Trust::from_pem(root.pem.as_bytes(), list.as_bytes()).unwrap()
    );
    assert_ne!(whole, root.trust(NO_LISTS));
}

/// Mutated certificates are refused or taken; nothing else happens.
#[test]
fn damaged_certificates_do_no_harm() {
    let root = Authority::root("Root", KeyType::P256);
    let issued = root
        .below("Middle", KeyType::P256)
        .issue(&Wanted::named(NAME));
    let trust = root.trust(NO_LISTS);
    for number in 0..issued.chain.len() {
        for at in 0..issued.chain[number].len() {
            for value in [0, 0xff, issued.chain[number][at] ^ 1] {
                let mut damaged = issued.clone();
                damaged.chain[number][at] = value;
                if damaged.chain != issued.chain {
                    let verdict = verify(&trust, &damaged, EAST);
                    assert!(verdict.is_err(), "octet {at} of {number} as {value}");
                }
            }
        }
    }
}
