//! What must hold for any octets in the place of certificates, revocation lists and keys: the fuzz target `certificate`
//! and the replay of its inputs share it.
//!
//! Nothing panics. Who is believed has shown a certificate that is not the authority's, and is taken again.

use adit_crypto::{Credentials, SubjectName, Trust};

/// An authority whose key nobody has any more.
const ROOT: &[u8] = include_bytes!("root.der");

/// In 2033.
const NOW: u64 = 2_000_000_000;

const NAMES: [SubjectName<'static>; 3] = [
    SubjectName::Dns(b"east.example.com"),
    SubjectName::Email(b"east@example.com"),
    SubjectName::Distinguished(b"0\0"),
];

/// How often somebody was believed.
pub fn check(data: &[u8]) -> usize {
    let _ = Credentials::from_pem(data, data);
    let _ = Trust::from_pem(data, data);
    let parts = parts(data);
    let none: &[&[u8]] = &[];
    let trust = Trust::new(&[ROOT], none).expect("it is an authority's");
    let mut believed = shows(&trust, &parts);
    // The last may be a list.
    if let Some((list, chain)) = parts.split_last()
        && let Ok(trust) = Trust::new(&[ROOT], &[list])
    {
        believed += shows(&trust, chain);
    }
    for part in &parts {
        if let Ok(trust) = Trust::new(&[part], none) {
            assert_eq!(trust.key_hashes().count(), 1);
            believed += shows(&trust, &parts);
        }
    }
    believed
}

fn shows(trust: &Trust, chain: &[&[u8]]) -> usize {
    let mut believed = 0;
    for name in NAMES {
        let verdict = trust.verify(chain, name, NOW);
        assert_eq!(trust.verify(chain, name, NOW), verdict);
        if let Ok(certificate) = verdict {
            assert!(certificate.valid_until() >= NOW);
            assert_ne!(chain.first(), Some(&ROOT));
            believed += 1;
        }
    }
    believed
}

/// Each has its length before it, in two octets; the rest is one more.
fn parts(mut data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = data.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (part, rest) = rest.split_at(len);
        parts.push(part);
        data = rest;
    }
    parts
}
