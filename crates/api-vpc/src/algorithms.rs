//! How policies of either phase name algorithms, one by one and as lists.
//!
//! The singular field is for one; the plural one lists several, best first. Both are shown
//! always: the singular says `multiple` when there are more.

use adit_model::policy::{Authentication, DhGroup, Encryption};
use serde_json::Value;

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};

/// The shortest and the longest lifetime, in seconds.
const LIFETIME: std::ops::RangeInclusive<u32> = 300..=86_400;

/// `key_lifetime`, if it is given.
pub(crate) fn lifetime(body: &Fields) -> Result<Option<u32>, ApiError> {
    let lifetime = body.number("key_lifetime")?;
    if lifetime.is_some_and(|seconds| !LIFETIME.contains(&seconds)) {
        return Err(body.wrong("key_lifetime", "300 to 86400 seconds"));
    }
    Ok(lifetime)
}

/// The names under `singular`, or under its plural with an s.
pub(crate) fn names<'a>(
    body: &'a Fields,
    singular: &str,
) -> Result<Option<Vec<&'a str>>, ApiError> {
    let plural = format!("{singular}s");
    let (one, many) = (body.text(singular)?, body.texts(&plural)?);
    match (one, many) {
        (Some(_), Some(_)) => Err(both(body, singular)),
        (Some(one), None) => Ok(Some(vec![one])),
        (None, Some(many)) if many.is_empty() => Err(body.wrong(&plural, "a list of one or more")),
        (None, many) => Ok(many),
    }
}

pub(crate) fn both(body: &Fields, singular: &str) -> ApiError {
    body.wrong(singular, "left out when its plural is given")
}

pub(crate) fn encryption(name: &str) -> Option<Encryption> {
    Some(match name {
        "3des" | "triple_des" => Encryption::TripleDes,
        "aes128" => Encryption::Aes128,
        "aes192" => Encryption::Aes192,
        "aes256" => Encryption::Aes256,
        "aes128gcm16" => Encryption::Aes128Gcm16,
        "aes192gcm16" => Encryption::Aes192Gcm16,
        "aes256gcm16" => Encryption::Aes256Gcm16,
        _ => return None,
    })
}

/// The name of a cipher. Those of other dialects are in the spelling of this one.
fn encryption_name(cx: &Context, algorithm: Encryption) -> String {
    match algorithm {
        Encryption::TripleDes if cx.version.is_after_the_seed() => "triple_des".to_owned(),
        Encryption::TripleDes => "3des".to_owned(),
        other => format!("{other:?}").to_ascii_lowercase(),
    }
}

/// The names of ciphers, best first.
pub(crate) fn show_encryption(cx: &Context, ciphers: &[Encryption]) -> Vec<Value> {
    let names = ciphers.iter().map(|one| encryption_name(cx, *one));
    names.map(Value::from).collect()
}

/// The names of integrity algorithms, best first.
pub(crate) fn show_authentication(hashes: &[Authentication]) -> Vec<Value> {
    let names = hashes.iter().map(|one| authentication_name(*one));
    names.map(Value::from).collect()
}

pub(crate) fn authentication(name: &str) -> Option<Authentication> {
    Some(match name {
        "md5" => Authentication::Md5,
        "sha1" => Authentication::Sha1,
        "sha256" => Authentication::Sha256,
        "sha384" => Authentication::Sha384,
        "sha512" => Authentication::Sha512,
        _ => return None,
    })
}

const fn authentication_name(algorithm: Authentication) -> &'static str {
    match algorithm {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha256 => "sha256",
        Authentication::Sha384 => "sha384",
        Authentication::Sha512 => "sha512",
        Authentication::AesXcbc => "aes_xcbc",
        Authentication::AesCmac => "aes_cmac",
    }
}

/// A group that policies may name.
pub(crate) fn group(number: u64) -> Option<DhGroup> {
    let known = |number: &u16| matches!(number, 2 | 5 | 14..=24 | 31);
    let number = u16::try_from(number).ok().filter(known)?;
    DhGroup::try_from(number).ok()
}

/// Reads each name of a list, without repetitions.
pub(crate) fn each<T: PartialEq>(
    body: &Fields,
    field: &str,
    names: &[&str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ApiError> {
    let mut out = Vec::new();
    for name in names {
        let one = read(name).ok_or_else(|| body.wrong(field, "algorithms that are known here"))?;
        if out.contains(&one) {
            return Err(body.wrong(field, "without repetitions"));
        }
        out.push(one);
    }
    Ok(out)
}

/// The singular field's value.
pub(crate) fn single(list: &[Value], none: Value, several: Value) -> Value {
    match list {
        [] => none,
        [one] => one.clone(),
        _ => several,
    }
}
