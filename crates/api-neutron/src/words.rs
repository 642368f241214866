//! Neutron's words for the model's choices.

use adit_model::connection::{DpdAction, Initiator};
use adit_model::endpoint_group::EndpointKind;
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, NegotiationMode, Transform,
};

use adit_api::kind::Kind;

/// A choice, each with a word.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// The words that clients may use.
    const WORDS: &'static [(&'static str, Self)];

    /// The words for what other dialects can make, or a service with the oldest algorithms.
    const OTHERS: &'static [(&'static str, Self)] = &[];

    /// What is meant by a word.
    fn parse(text: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter().chain(Self::OTHERS);
        let found = words.find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning)
    }

    /// The word for it.
    fn word(self) -> &'static str {
        let mut words = Self::WORDS.iter().chain(Self::OTHERS);
        let found = words.find(|(_, meaning)| *meaning == self);
        found.map_or("", |(word, _)| word)
    }
}

/// A kind of attribute that takes the words that clients may use.
pub(crate) const fn one_of<W: Word>() -> Kind {
    Kind::OneOf(|text| W::WORDS.iter().any(|(word, _)| *word == text))
}

impl Word for IkeVersion {
    const WORDS: &'static [(&'static str, Self)] = &[("v1", Self::V1), ("v2", Self::V2)];
}

impl Word for NegotiationMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("main", Self::Main), ("aggressive", Self::Aggressive)];
}

impl Word for Transform {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("esp", Self::Esp),
        ("ah", Self::Ah),
        ("ah-esp", Self::AhEsp),
    ];
}

impl Word for Encapsulation {
    const WORDS: &'static [(&'static str, Self)] =
        &[("tunnel", Self::Tunnel), ("transport", Self::Transport)];
}

impl Word for Initiator {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("bi-directional", Self::BiDirectional),
        ("response-only", Self::ResponseOnly),
    ];
}

impl Word for DpdAction {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("hold", Self::Hold),
        ("clear", Self::Clear),
        ("disabled", Self::None),
        ("restart", Self::Restart),
        ("restart-by-peer", Self::RestartByPeer),
    ];
}

impl Word for EndpointKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("subnet", Self::Subnet),
        ("cidr", Self::Cidr),
        ("vlan", Self::Vlan),
        ("network", Self::Network),
        ("router", Self::Router),
    ];
}

impl Word for Authentication {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("sha1", Self::Sha1),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
        ("aes-xcbc", Self::AesXcbc),
        ("aes-cmac", Self::AesCmac),
    ];

    const OTHERS: &'static [(&'static str, Self)] = &[("md5", Self::Md5)];
}

impl Word for Encryption {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("3des", Self::TripleDes),
        ("aes-128", Self::Aes128),
        ("aes-192", Self::Aes192),
        ("aes-256", Self::Aes256),
        ("aes-128-ctr", Self::Aes128Ctr),
        ("aes-192-ctr", Self::Aes192Ctr),
        ("aes-256-ctr", Self::Aes256Ctr),
        ("aes-128-ccm-8", Self::Aes128Ccm8),
        ("aes-192-ccm-8", Self::Aes192Ccm8),
        ("aes-256-ccm-8", Self::Aes256Ccm8),
        ("aes-128-ccm-12", Self::Aes128Ccm12),
        ("aes-192-ccm-12", Self::Aes192Ccm12),
        ("aes-256-ccm-12", Self::Aes256Ccm12),
        ("aes-128-ccm-16", Self::Aes128Ccm16),
        ("aes-192-ccm-16", Self::Aes192Ccm16),
        ("aes-256-ccm-16", Self::Aes256Ccm16),
        ("aes-128-gcm-8", Self::Aes128Gcm8),
        ("aes-192-gcm-8", Self::Aes192Gcm8),
        ("aes-256-gcm-8", Self::Aes256Gcm8),
        ("aes-128-gcm-12", Self::Aes128Gcm12),
        ("aes-192-gcm-12", Self::Aes192Gcm12),
        ("aes-256-gcm-12", Self::Aes256Gcm12),
        ("aes-128-gcm-16", Self::Aes128Gcm16),
        ("aes-192-gcm-16", Self::Aes192Gcm16),
        ("aes-256-gcm-16", Self::Aes256Gcm16),
    ];

    const OTHERS: &'static [(&'static str, Self)] = &[
        ("des", Self::Des),
        ("chacha20-poly1305", Self::ChaCha20Poly1305),
    ];
}

/// The group that `pfs` names: `group2`, `group5`, `group14` to `group31`, and `group1`.
pub(crate) fn group(text: &str) -> Option<DhGroup> {
    let number = text.strip_prefix("group")?;
    let plain = number.chars().all(|c| c.is_ascii_digit()) && !number.starts_with('0');
    let number: u16 = number.parse().ok().filter(|_| plain)?;
    DhGroup::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_one_word() {
        let numbers = (0..40).filter(|number| group(&format!("group{number}")).is_some());
        let numbers: Vec<u16> = numbers.collect();
        let mut expected = vec![1, 2, 5];
        expected.extend(14..=31);
        assert_eq!(numbers, expected);
        for text in [
            "",
            "2",
            "group",
            "group+2",
            "group02",
            "Group2",
            "group 2",
            "group99999",
        ] {
            assert_eq!(group(text), None, "{text}");
        }
    }

    #[test]
    fn every_word_comes_back() {
        fn check<W: Word>(count: usize) {
            assert_eq!(W::WORDS.len(), count);
            for (word, meaning) in W::WORDS {
                assert_eq!(meaning.word(), *word);
                assert!(W::parse(word) == Some(*meaning), "{word}");
            }
        }
        check::<Authentication>(6);
        check::<DpdAction>(5);
        check::<Encapsulation>(2);
        check::<Encryption>(25);
        check::<EndpointKind>(5);
        check::<IkeVersion>(2);
        check::<Initiator>(2);
        check::<NegotiationMode>(2);
        check::<Transform>(3);
    }
}
