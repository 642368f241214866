//! What an attribute's value may be, and how it is read. What is wrong with one that can't be is an
//! enum, which each dialect words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use adit_model::psk::PskError;
use adit_model::{Cidr, Name, Psk};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::wrong::{What, Wrong};
use crate::{answer, ids};

/// What an attribute's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Anything: the resource reads it by itself.
    Any,
    /// A number from this on; a text of digits will do.
    AtLeast(u32),
    /// A list of blocks, no two the same. A bare one is a list of one.
    Cidrs,
    /// An object that has these members at most; `null` is an empty one.
    Dict(&'static [(&'static str, Self)]),
    /// A list that has to be empty, for this reason; `null` is an empty one.
    EmptyList(&'static str),
    /// True or false, or a word for it.
    Flag,
    /// A number that is made one first, so that its refusal names no attribute.
    Integer,
    /// An IP address or `null`.
    IpOrNull,
    /// A flag that has to be this, for this reason.
    Just(bool, &'static str),
    /// JSON's `[]`, of anything.
    List,
    /// A list; `null` is an empty one.
    ListOrNull,
    /// What things are called.
    Name,
    /// `null`, for this reason: there is nothing that an id could mean.
    NoId(&'static str),
    /// A number from 0 on; a text of digits will do.
    NonNegative,
    /// A word that this function knows.
    OneOf(fn(&str) -> bool),
    /// A word that this function knows, or `null`.
    OneOfOrNull(fn(&str) -> bool),
    /// A list of anything. A bare value is a list of one, `null` an empty one.
    OneOrMany,
    /// A pre-shared key, which no message repeats.
    Psk,
    /// A text of so many characters at most.
    Text(usize),
    /// An id.
    Uuid,
    /// An id or `null`.
    UuidOrNull,
}

/// A value that is of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// One that the resource reads by itself.
    Any(Value),
    /// Blocks, no two the same.
    Cidrs(Vec<Cidr>),
    /// An object's members, as far as they were given.
    Dict(Vec<(&'static str, Self)>),
    /// True or false.
    Flag(bool),
    /// With or without hyphens when it came.
    Id(Uuid),
    /// An IP address.
    Ip(IpAddr),
    /// A list of anything.
    List(Vec<Value>),
    /// What something is called.
    Name(Name),
    /// `null`, where that means something.
    Null,
    /// Within the attribute's range.
    Number(u32),
    /// A pre-shared key.
    Psk(Psk),
    /// No longer than the attribute allows.
    Text(String),
}

impl Kind {
    /// Reads a value.
    ///
    /// # Errors
    /// It is not of this kind.
    pub fn read(self, value: &Value) -> Result<Given, Wrong> {
        match self {
            Self::Any => Ok(Given::Any(value.clone())),
            Self::AtLeast(least) => at_least(value, least).map(Given::Number),
            Self::Cidrs => cidrs(value).map(Given::Cidrs),
            Self::Dict(members) => dict(value, members).map(Given::Dict),
            Self::EmptyList(reason) => match strict_list(value)? {
                list if list.is_empty() => Ok(Given::List(list)),
                _ => Err(wrong(value, What::Refused(reason))),
            },
            Self::Flag => boolean(value).map(Given::Flag),
            Self::Just(wanted, reason) => match boolean(value)? {
                flag if flag == wanted => Ok(Given::Flag(flag)),
                _ => Err(wrong(value, What::Refused(reason))),
            },
            Self::Integer if integer(value).is_err() => Err(wrong(value, What::NotNumber)),
            Self::Integer => non_negative(value).map(Given::Number),
            Self::IpOrNull | Self::UuidOrNull | Self::OneOfOrNull(_) | Self::NoId(_)
                if value.is_null() =>
            {
                Ok(Given::Null)
            }
            Self::IpOrNull => ip(value).map(Given::Ip),
            Self::List if value.is_null() => Err(wrong(value, What::NotList)),
            Self::List | Self::ListOrNull => strict_list(value).map(Given::List),
            Self::OneOrMany => Ok(Given::List(list(value))),
            Self::NoId(reason) => {
                uuid(value)?;
                Err(wrong(value, What::Refused(reason)))
            }
            Self::Name => name(value).map(Given::Name),
            Self::NonNegative => non_negative(value).map(Given::Number),
            Self::OneOf(knows) | Self::OneOfOrNull(knows) => match value {
                Value::String(text) if knows(text) => Ok(Given::Text(text.clone())),
                other => Err(wrong(other, What::NotKnown)),
            },
            Self::Psk => psk(value).map(Given::Psk),
            Self::Text(most) => text(value, most).map(|text| Given::Text(text.to_owned())),
            Self::Uuid | Self::UuidOrNull => uuid(value).map(Given::Id),
        }
    }
}

fn wrong(value: &Value, what: What) -> Wrong {
    let value = value.clone();
    Wrong { value, what }
}

fn text(value: &Value, most: usize) -> Result<&str, Wrong> {
    let text = value.as_str();
    let text = text.ok_or_else(|| wrong(value, What::NotText))?;
    if text.chars().count() > most {
        return Err(wrong(value, What::TooLong(most)));
    }
    Ok(text)
}

fn name(value: &Value) -> Result<Name, Wrong> {
    let text = text(value, Name::MAX)?;
    let name = Name::parse(text).ok().filter(|_| text.trim() == text);
    name.ok_or_else(|| wrong(value, What::NotText))
}

fn psk(value: &Value) -> Result<Psk, Wrong> {
    let hidden = Value::from("***");
    match value {
        Value::String(text) if answer::is_hidden(text) => {
            let why = "asterisks stand for a key that is not shown";
            Err(wrong(&hidden, What::Refused(why)))
        }
        Value::String(text) => {
            let psk = Psk::new(text.clone().into_bytes());
            psk.map_err(|error| match error {
                PskError::Empty => wrong(value, What::NotText),
                PskError::TooLong => wrong(&hidden, What::TooLong(255)),
            })
        }
        Value::Array(_) | Value::Object(_) => Err(wrong(&hidden, What::NotText)),
        _ => Err(wrong(value, What::NotText)),
    }
}

fn uuid(value: &Value) -> Result<Uuid, Wrong> {
    let id = value.as_str().and_then(ids::parse);
    id.ok_or_else(|| wrong(value, What::NotUuid))
}

fn ip(value: &Value) -> Result<IpAddr, Wrong> {
    let ip = value.as_str().and_then(|text| text.parse().ok());
    ip.ok_or_else(|| wrong(value, What::NotIp))
}

fn boolean(value: &Value) -> Result<bool, Wrong> {
    flag(value).ok_or_else(|| wrong(value, What::NotFlag))
}

/// True, false, and what stands for them.
#[must_use]
pub fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number, however it is written; what is too large for anything is cut.
fn integer(value: &Value) -> Result<i64, Wrong> {
    let number = match value {
        Value::Number(number) if number.is_u64() => number
            .as_u64()
            .map(|number| number.try_into().unwrap_or(i64::MAX)),
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong(value, What::NotInteger))
}

fn fits(value: &Value, number: i64) -> Result<u32, Wrong> {
    u32::try_from(number).map_err(|_| wrong(value, What::TooLarge))
}

fn at_least(value: &Value, least: u32) -> Result<u32, Wrong> {
    let number = integer(value)?;
    if number < i64::from(least) {
        return Err(wrong(value, What::TooSmall(least)));
    }
    fits(value, number)
}

fn non_negative(value: &Value) -> Result<u32, Wrong> {
    let number = integer(value)?;
    if number < 0 {
        return Err(wrong(value, What::Negative));
    }
    fits(value, number)
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        other => vec![other.clone()],
    }
}

fn strict_list(value: &Value) -> Result<Vec<Value>, Wrong> {
    match value {
        Value::Null | Value::Array(_) => Ok(list(value)),
        other => Err(wrong(other, What::NotList)),
    }
}

/// Refuses a list that says something twice, be it as a number and as a text.
///
/// # Errors
/// What it says twice.
pub fn each_once(list: &[Value]) -> Result<(), Wrong> {
    let mut texts = BTreeSet::new();
    for value in list {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if !texts.insert(text) {
            return Err(wrong(value, What::Twice));
        }
    }
    Ok(())
}

fn cidrs(value: &Value) -> Result<Vec<Cidr>, Wrong> {
    let list = list(value);
    each_once(&list)?;
    let (mut cidrs, mut seen) = (Vec::new(), BTreeSet::new());
    for one in &list {
        let cidr = one.as_str().and_then(|text| Cidr::containing(text).ok());
        let cidr = cidr.ok_or_else(|| wrong(one, What::NotBlock))?;
        // The same block by another of its addresses says nothing new.
        if seen.insert(cidr) {
            cidrs.push(cidr);
        }
    }
    Ok(cidrs)
}

fn dict(
    value: &Value,
    members: &'static [(&'static str, Kind)],
) -> Result<Vec<(&'static str, Given)>, Wrong> {
    let empty = Map::new();
    let map = match value {
        Value::Null => &empty,
        Value::Object(map) => map,
        _ => return Err(wrong(value, What::NotObject)),
    };
    let known = |key: &str| members.iter().any(|(name, _)| *name == key);
    let unknown: Vec<String> = map.keys().filter(|key| !known(key)).cloned().collect();
    if !unknown.is_empty() {
        return Err(wrong(value, What::Unexpected(unknown)));
    }
    let mut given = Vec::new();
    for (name, kind) in members {
        if let Some(value) = map.get(*name) {
            given.push((*name, kind.read(value)?));
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIFETIME: Kind = Kind::Dict(&[
        ("units", Kind::OneOf(|text| text == "seconds")),
        ("value", Kind::AtLeast(60)),
    ]);

    #[test]
    fn values_are_converted_as_recorded() {
        let cidr = |text| Cidr::containing(text).unwrap();
        for (kind, value, given) in [
            (Kind::Flag, json!("false"), Given::Flag(false)),
            (Kind::Flag, json!("True"), Given::Flag(true)),
            (Kind::Flag, json!(1), Given::Flag(true)),
            (Kind::Integer, json!("1400"), Given::Number(1400)),
            (Kind::Integer, json!(0), Given::Number(0)),
            (Kind::UuidOrNull, json!(null), Given::Null),
            (Kind::Cidrs, json!(null), Given::Cidrs(vec![])),
            (
                Kind::Cidrs,
                json!("10.44.0.0/24"),
                Given::Cidrs(vec![cidr("10.44.0.0/24")]),
            ),
            (
                Kind::Cidrs,
                json!(["10.1.0.5/24"]),
                Given::Cidrs(vec![cidr("10.1.0.0/24")]),
            ),
            (Kind::OneOrMany, json!("x"), Given::List(vec![json!("x")])),
            (Kind::OneOrMany, json!(null), Given::List(vec![])),
            (Kind::ListOrNull, json!(null), Given::List(vec![])),
            (Kind::List, json!([7]), Given::List(vec![json!(7)])),
            (Kind::EmptyList("none"), json!([]), Given::List(vec![])),
            (Kind::Just(true, "so"), json!("True"), Given::Flag(true)),
            (Kind::NoId("none"), json!(null), Given::Null),
            (
                Kind::IpOrNull,
                json!("fd00::1"),
                Given::Ip("fd00::1".parse().unwrap()),
            ),
            (LIFETIME, json!(null), Given::Dict(vec![])),
            (
                LIFETIME,
                json!({"value": "120"}),
                Given::Dict(vec![("value", Given::Number(120))]),
            ),
            (
                LIFETIME,
                json!({"value": u32::MAX}),
                Given::Dict(vec![("value", Given::Number(u32::MAX))]),
            ),
        ] {
            assert_eq!(kind.read(&value), Ok(given), "{value}");
        }
    }

    #[test]
    fn a_key_that_is_refused_is_not_kept() {
        for value in [json!("s3cr3t".repeat(50)), json!(["s3cr3t"])] {
            let wrong = Kind::Psk.read(&value).unwrap_err();
            assert!(!format!("{wrong:?}").contains("s3cr3t"));
        }
    }
}
