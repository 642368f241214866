//! Which parameters there are, and what they are unless somebody says otherwise.

use adit_model::policy::{Authentication, Encryption};
use serde_json::{Value, json};

/// Authentication in both phases, and its words.
pub(super) const AUTHENTICATION: [(&str, Authentication); 3] = [
    ("MD5", Authentication::Md5),
    ("SHA1", Authentication::Sha1),
    ("SHA256", Authentication::Sha256),
];

/// Encryption in both phases, and its words.
pub(super) const ENCRYPTION: [(&str, Encryption); 5] = [
    ("DES", Encryption::Des),
    ("3DES", Encryption::TripleDes),
    ("AES128", Encryption::Aes128),
    ("AES192", Encryption::Aes192),
    ("AES256", Encryption::Aes256),
];

/// Diffie-Hellman groups; 0 is none.
pub(super) const GROUPS: [u32; 4] = [0, 1, 2, 5];

/// The shortest and the longest life of keys, in seconds.
pub(super) const KEYLIFE: [u32; 2] = [120, 172_800];

/// What a method answers that is about no context.
pub(super) fn value(method: &str) -> Option<Value> {
    let words = |all: &[&str]| all.iter().map(|word| Value::from(*word)).collect();
    let [minimum, maximum] = KEYLIFE;
    Some(match method {
        "getAuthenticationDefault" => "MD5".into(),
        "getAuthenticationOptions" => words(&AUTHENTICATION.map(|(word, _)| word)),
        "getDiffieHellmanGroupDefault" => 2.into(),
        "getDiffieHellmanGroupOptions" => GROUPS.to_vec().into(),
        "getEncryptionDefault" => "3DES".into(),
        "getEncryptionOptions" => words(&ENCRYPTION.map(|(word, _)| word)),
        "getKeylifeLimits" => json!({"minimum": minimum, "maximum": maximum}),
        "getPhaseOneKeylifeDefault" => 3600.into(),
        "getPhaseTwoKeylifeDefault" => 28_800.into(),
        _ => return None,
    })
}
