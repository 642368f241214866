//! The product's words for algorithms, as the protocol has them.
//!
//! The protocol's tables have all of them. What is left out is what the version of IKE has no number for: such an
//! algorithm is not offered, and a policy that is left without any is none that can be negotiated.

use adit_crypto::{Encryption, Group, Integrity, Prf};
use adit_ike::Versions;
use adit_model::policy::{self, Authentication, IkeParameters, IpsecParameters};
use serde::Serialize;
use serde_json::Value;

const fn encryption(algorithm: policy::Encryption) -> Encryption {
    match algorithm {
        policy::Encryption::Aes128 => Encryption::AesCbc128,
        policy::Encryption::Aes192 => Encryption::AesCbc192,
        policy::Encryption::Aes256 => Encryption::AesCbc256,
        policy::Encryption::Aes128Ctr => Encryption::AesCtr128,
        policy::Encryption::Aes192Ctr => Encryption::AesCtr192,
        policy::Encryption::Aes256Ctr => Encryption::AesCtr256,
        policy::Encryption::Aes128Ccm8 => Encryption::AesCcm8_128,
        policy::Encryption::Aes192Ccm8 => Encryption::AesCcm8_192,
        policy::Encryption::Aes256Ccm8 => Encryption::AesCcm8_256,
        policy::Encryption::Aes128Ccm12 => Encryption::AesCcm12_128,
        policy::Encryption::Aes192Ccm12 => Encryption::AesCcm12_192,
        policy::Encryption::Aes256Ccm12 => Encryption::AesCcm12_256,
        policy::Encryption::Aes128Ccm16 => Encryption::AesCcm16_128,
        policy::Encryption::Aes192Ccm16 => Encryption::AesCcm16_192,
        policy::Encryption::Aes256Ccm16 => Encryption::AesCcm16_256,
        policy::Encryption::Aes128Gcm8 => Encryption::AesGcm8_128,
        policy::Encryption::Aes192Gcm8 => Encryption::AesGcm8_192,
        policy::Encryption::Aes256Gcm8 => Encryption::AesGcm8_256,
        policy::Encryption::Aes128Gcm12 => Encryption::AesGcm12_128,
        policy::Encryption::Aes192Gcm12 => Encryption::AesGcm12_192,
        policy::Encryption::Aes256Gcm12 => Encryption::AesGcm12_256,
        policy::Encryption::Aes128Gcm16 => Encryption::AesGcm128,
        policy::Encryption::Aes192Gcm16 => Encryption::AesGcm192,
        policy::Encryption::Aes256Gcm16 => Encryption::AesGcm256,
        policy::Encryption::ChaCha20Poly1305 => Encryption::ChaCha20Poly1305,
        policy::Encryption::Des => Encryption::DesCbc,
        policy::Encryption::TripleDes => Encryption::TripleDesCbc,
    }
}

const fn integrity(algorithm: Authentication) -> Integrity {
    match algorithm {
        Authentication::Md5 => Integrity::HmacMd5_96,
        Authentication::Sha1 => Integrity::HmacSha1_96,
        Authentication::Sha256 => Integrity::HmacSha256_128,
        Authentication::Sha384 => Integrity::HmacSha384_192,
        Authentication::Sha512 => Integrity::HmacSha512_256,
        Authentication::AesXcbc => Integrity::AesXcbc96,
        Authentication::AesCmac => Integrity::AesCmac96,
    }
}

const fn prf(algorithm: Authentication) -> Prf {
    match algorithm {
        Authentication::Md5 => Prf::HmacMd5,
        Authentication::Sha1 => Prf::HmacSha1,
        Authentication::Sha256 => Prf::HmacSha256,
        Authentication::Sha384 => Prf::HmacSha384,
        Authentication::Sha512 => Prf::HmacSha512,
        Authentication::AesXcbc => Prf::AesXcbc,
        Authentication::AesCmac => Prf::AesCmac,
    }
}

/// Whether what has no number in IKEv1 can't be offered.
const fn begins_by_v1(versions: Versions) -> bool {
    matches!(versions, Versions::V1 | Versions::AnyFromV1)
}

/// Ciphers of an IKE SA. IKEv1 encrypts its own messages in CBC mode alone (RFC 2409 appendix B).
pub(crate) fn ike_ciphers(versions: Versions, from: &[policy::Encryption]) -> Vec<Encryption> {
    let all = from.iter().map(|one| encryption(*one));
    all.filter(|one| !begins_by_v1(versions) || one.is_cbc())
        .collect()
}

/// Ciphers of a Child SA. ChaCha20 has no number in IKEv1 (RFC 7634 section 4).
pub(crate) fn esp_ciphers(versions: Versions, from: &[policy::Encryption]) -> Vec<Encryption> {
    let known = |one: &Encryption| *one != Encryption::ChaCha20Poly1305;
    let all = from.iter().map(|one| encryption(*one));
    all.filter(|one| !begins_by_v1(versions) || known(one))
        .collect()
}

/// Integrity algorithms of an IKE SA, beside which are their functions of the same kind.
pub(crate) fn ike_hashes(
    versions: Versions,
    from: &[Authentication],
) -> (Vec<Integrity>, Vec<Prf>) {
    // IKEv1's function is made of a hash (RFC 2409 section 4), which nobody made of AES.
    let hashed = |one: &&Authentication| {
        !begins_by_v1(versions) || !matches!(one, Authentication::AesXcbc | Authentication::AesCmac)
    };
    let all = from.iter().filter(hashed);
    all.map(|one| (integrity(*one), prf(*one))).unzip()
}

/// Integrity algorithms of a Child SA. AES-CMAC has no number in IKEv1.
pub(crate) fn esp_integrity(versions: Versions, from: &[Authentication]) -> Vec<Integrity> {
    let known = |one: &Integrity| *one != Integrity::AesCmac96;
    let all = from.iter().map(|one| integrity(*one));
    all.filter(|one| !begins_by_v1(versions) || known(one))
        .collect()
}

/// Groups, of which the protocol has all.
pub(crate) fn groups(groups: &[policy::DhGroup]) -> Vec<Group> {
    let all = groups.iter();
    all.filter_map(|group| Group::from_id(group.number()))
        .collect()
}

/// Words of a list, for people. One is stored otherwise than the field writes it.
fn words<T: Serialize>(all: &[T]) -> String {
    let word = |one: &T| match serde_json::to_value(one).unwrap_or_default() {
        Value::String(text) if text == "tripledes" => "3des".to_owned(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    all.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// What an IKE policy allows, for people.
pub(crate) fn told_of_ike(policy: &IkeParameters) -> String {
    format!(
        "ciphers {}; hashes {}; groups {}",
        words(&policy.encryption),
        words(&policy.authentication),
        words(&policy.groups)
    )
}

/// What an IPsec policy allows, for people.
pub(crate) fn told_of_ipsec(policy: &IpsecParameters) -> String {
    format!(
        "ciphers {}; hashes {}; groups of forward secrecy {}",
        words(&policy.encryption),
        words(&policy.authentication),
        words(&policy.pfs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_that_a_policy_can_name_is_there() {
        let numbers = 0..=u16::MAX;
        let known = numbers.filter_map(|number| policy::DhGroup::try_from(number).ok());
        let known: Vec<_> = known.collect();
        assert_eq!(groups(&known).len(), known.len());
        assert_eq!(known.len(), 21);
    }

    #[test]
    fn names_are_those_of_the_model() {
        use policy::Encryption as Named;
        for (named, name) in [
            (Named::Aes128Ctr, "aes128ctr"),
            (Named::Aes192Ccm8, "aes192ccm8"),
            (Named::Aes256Ccm12, "aes256ccm12"),
            (Named::Aes128Ccm16, "aes128ccm16"),
            (Named::Aes256Gcm8, "aes256gcm8"),
            (Named::Aes192Gcm12, "aes192gcm12"),
            (Named::Aes192Gcm16, "aes192gcm16"),
            (Named::ChaCha20Poly1305, "chacha20poly1305"),
        ] {
            assert_eq!(encryption(named).name(), name);
        }
    }

    #[test]
    fn ikev1_has_what_it_has_numbers_for() {
        use policy::Encryption::{Aes128, Aes128Ctr, Aes256Gcm16, ChaCha20Poly1305};
        let ciphers = [Aes256Gcm16, ChaCha20Poly1305, Aes128Ctr, Aes128];
        let of_ike = ike_ciphers(Versions::V1, &ciphers);
        assert_eq!(of_ike, [Encryption::AesCbc128]);
        assert_eq!(ike_ciphers(Versions::V2, &ciphers).len(), 4);
        assert_eq!(esp_ciphers(Versions::V1, &ciphers).len(), 3);
        assert_eq!(esp_ciphers(Versions::V2, &ciphers).len(), 4);
        let macs = [Authentication::AesXcbc, Authentication::AesCmac];
        assert_eq!(ike_hashes(Versions::V1, &macs), (vec![], vec![]));
        assert_eq!(ike_hashes(Versions::V2, &macs).1.len(), 2);
        let of_esp = esp_integrity(Versions::V1, &macs);
        assert_eq!(of_esp, [Integrity::AesXcbc96]);
        assert_eq!(esp_integrity(Versions::V2, &macs).len(), 2);
    }
}
