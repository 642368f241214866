//! What an attribute's value may be, how it is read, and what is said of one that can't be.

use std::collections::BTreeSet;
use std::net::IpAddr;

use adit_api::ids;
use adit_model::psk::PskError;
use adit_model::{Cidr, Name, Psk};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::python;

/// What an attribute's value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
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
    /// A list.
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
pub(crate) enum Given {
    Any(Value),
    Cidrs(Vec<Cidr>),
    Dict(Vec<(&'static str, Self)>),
    Flag(bool),
    Id(Uuid),
    Ip(IpAddr),
    List(Vec<Value>),
    Name(Name),
    Null,
    Number(u32),
    Psk(Psk),
    Text(String),
}

/// Why a value is not of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// It could not be made what it should be: said without the attribute's name.
    Conversion(String),
    /// It is not what it should be.
    Value(String),
}

impl Kind {
    /// Reads a value.
    pub(crate) fn read(self, value: &Value) -> Result<Given, Wrong> {
        match self {
            Self::Any => Ok(Given::Any(value.clone())),
            Self::AtLeast(least) => at_least(value, least).map(Given::Number),
            Self::Cidrs => cidrs(value).map(Given::Cidrs),
            Self::Dict(members) => dict(value, members).map(Given::Dict),
            Self::EmptyList(reason) => match strict_list(value)? {
                list if list.is_empty() => Ok(Given::List(list)),
                _ => Err(Wrong::Value(reason.to_owned())),
            },
            Self::Flag => boolean(value).map(Given::Flag),
            Self::Just(wanted, reason) => match boolean(value)? {
                flag if flag == wanted => Ok(Given::Flag(flag)),
                _ => Err(Wrong::Value(reason.to_owned())),
            },
            Self::Integer => match non_negative(value) {
                Err(Wrong::Value(reason)) if integer(value).is_err() => {
                    Err(Wrong::Conversion(reason))
                }
                read => read.map(Given::Number),
            },
            Self::IpOrNull | Self::UuidOrNull | Self::OneOfOrNull(_) | Self::NoId(_)
                if value.is_null() =>
            {
                Ok(Given::Null)
            }
            Self::IpOrNull => ip(value).map(Given::Ip),
            Self::List if value.is_null() => Err(wrong(value, "is not a list")),
            Self::List | Self::ListOrNull => strict_list(value).map(Given::List),
            Self::OneOrMany => Ok(Given::List(list(value))),
            Self::NoId(reason) => {
                uuid(value)?;
                Err(Wrong::Value(reason.to_owned()))
            }
            Self::Name => name(value).map(Given::Name),
            Self::NonNegative => non_negative(value).map(Given::Number),
            Self::OneOf(knows) | Self::OneOfOrNull(knows) => match value {
                Value::String(text) if knows(text) => Ok(Given::Text(text.clone())),
                other => {
                    let text = python::text(other);
                    Err(Wrong::Value(format!("{text} is not in valid_values")))
                }
            },
            Self::Psk => psk(value).map(Given::Psk),
            Self::Text(most) => text(value, most).map(|text| Given::Text(text.to_owned())),
            Self::Uuid | Self::UuidOrNull => uuid(value).map(Given::Id),
        }
    }
}

fn wrong(value: &Value, what: &str) -> Wrong {
    Wrong::Value(format!("'{}' {what}", python::text(value)))
}

fn text(value: &Value, most: usize) -> Result<&str, Wrong> {
    let text = value.as_str();
    let text = text.ok_or_else(|| wrong(value, "is not a valid string"))?;
    if text.chars().count() > most {
        return Err(wrong(value, &format!("exceeds maximum length of {most}")));
    }
    Ok(text)
}

fn name(value: &Value) -> Result<Name, Wrong> {
    let text = text(value, Name::MAX)?;
    let name = Name::parse(text).ok().filter(|_| text.trim() == text);
    name.ok_or_else(|| wrong(value, "is not a valid string"))
}

fn psk(value: &Value) -> Result<Psk, Wrong> {
    match value {
        Value::String(text) => {
            let psk = Psk::new(text.clone().into_bytes());
            psk.map_err(|error| match error {
                PskError::Empty => wrong(value, "is not a valid string"),
                PskError::TooLong => Wrong::Value("'***' exceeds maximum length of 255".to_owned()),
            })
        }
        Value::Array(_) | Value::Object(_) => {
            Err(Wrong::Value("'***' is not a valid string".to_owned()))
        }
        _ => Err(wrong(value, "is not a valid string")),
    }
}

fn uuid(value: &Value) -> Result<Uuid, Wrong> {
    let id = value.as_str().and_then(ids::parse);
    id.ok_or_else(|| wrong(value, "is not a valid UUID"))
}

fn ip(value: &Value) -> Result<IpAddr, Wrong> {
    let ip = value.as_str().and_then(|text| text.parse().ok());
    ip.ok_or_else(|| wrong(value, "is not a valid IP address"))
}

fn boolean(value: &Value) -> Result<bool, Wrong> {
    flag(value).ok_or_else(|| {
        let text = python::text(value);
        Wrong::Conversion(format!("'{text}' cannot be converted to boolean"))
    })
}

/// True, false, and what stands for them.
pub(crate) fn flag(value: &Value) -> Option<bool> {
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
    number.ok_or_else(|| wrong(value, "is not an integer"))
}

fn fits(value: &Value, number: i64) -> Result<u32, Wrong> {
    let what = format!("is too large - must be no larger than '{}'", u32::MAX);
    u32::try_from(number).map_err(|_| wrong(value, &what))
}

fn at_least(value: &Value, least: u32) -> Result<u32, Wrong> {
    let number = integer(value)?;
    if number < i64::from(least) {
        let what = format!("is too small - must be at least '{least}'");
        return Err(wrong(value, &what));
    }
    fits(value, number)
}

fn non_negative(value: &Value) -> Result<u32, Wrong> {
    let number = integer(value)?;
    if number < 0 {
        return Err(wrong(value, "should be non-negative"));
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
        other => Err(wrong(other, "is not a list")),
    }
}

/// What is wrong with a list that says something twice.
pub(crate) fn each_once(list: &[Value]) -> Result<(), String> {
    let mut texts = BTreeSet::new();
    for text in list.iter().map(python::text) {
        if let Some(twice) = texts.replace(text) {
            return Err(format!("Duplicate items in the list: '{twice}'"));
        }
    }
    Ok(())
}

fn cidrs(value: &Value) -> Result<Vec<Cidr>, Wrong> {
    let list = list(value);
    each_once(&list).map_err(Wrong::Value)?;
    let (mut cidrs, mut seen) = (Vec::new(), BTreeSet::new());
    for one in &list {
        let cidr = one.as_str().and_then(|text| Cidr::containing(text).ok());
        let cidr = cidr.ok_or_else(|| wrong(one, "is not a valid IP subnet"))?;
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
        _ => return Err(wrong(value, "is not a dictionary")),
    };
    let known = |key: &str| members.iter().any(|(name, _)| *name == key);
    let unknown: Vec<&str> = map
        .keys()
        .map(String::as_str)
        .filter(|key| !known(key))
        .collect();
    if !unknown.is_empty() {
        let reason = format!("Unexpected keys supplied: {}", unknown.join(", "));
        return Err(Wrong::Value(reason));
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

    fn reason(kind: Kind, value: &Value) -> String {
        match kind.read(value) {
            Err(Wrong::Value(reason)) => reason,
            Err(Wrong::Conversion(reason)) => format!("conversion: {reason}"),
            Ok(given) => panic!("{value} was taken as {given:?}"),
        }
    }

    #[test]
    fn refusals_read_as_recorded() {
        let v = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (kind, value, said) in [
            (Kind::Name, "5", "'5' is not a valid string"),
            (Kind::Name, "null", "'None' is not a valid string"),
            (Kind::Name, "\" lead\"", "' lead' is not a valid string"),
            (
                Kind::Text(3),
                "\"long\"",
                "'long' exceeds maximum length of 3",
            ),
            (Kind::Uuid, "\"x\"", "'x' is not a valid UUID"),
            (Kind::Uuid, "null", "'None' is not a valid UUID"),
            (Kind::UuidOrNull, "\"\"", "'' is not a valid UUID"),
            (
                Kind::Flag,
                "\"maybe\"",
                "conversion: 'maybe' cannot be converted to boolean",
            ),
            (
                Kind::Integer,
                "\"big\"",
                "conversion: 'big' is not an integer",
            ),
            (Kind::Integer, "-100", "'-100' should be non-negative"),
            (
                LIFETIME,
                "{\"units\": 20000}",
                "20000 is not in valid_values",
            ),
            (
                LIFETIME,
                "{\"value\": 59}",
                "'59' is too small - must be at least '60'",
            ),
            (
                LIFETIME,
                "{\"value\": -20}",
                "'-20' is too small - must be at least '60'",
            ),
            (
                LIFETIME,
                "{\"value\": \"Megabytes\"}",
                "'Megabytes' is not an integer",
            ),
            (
                LIFETIME,
                "{\"bogus\": 1}",
                "Unexpected keys supplied: bogus",
            ),
            (LIFETIME, "\"x\"", "'x' is not a dictionary"),
            (LIFETIME, "[]", "'[]' is not a dictionary"),
            (Kind::NonNegative, "\"a\"", "'a' is not an integer"),
            (Kind::NonNegative, "-1", "'-1' should be non-negative"),
            (
                Kind::OneOf(|_| false),
                "null",
                "None is not in valid_values",
            ),
            (
                Kind::Cidrs,
                "[\"192.168.2.0/24\", \"10/8\"]",
                "'10/8' is not a valid IP subnet",
            ),
            (
                Kind::Cidrs,
                "\"myname\"",
                "'myname' is not a valid IP subnet",
            ),
            (
                Kind::Cidrs,
                "[\"10.1.0.0/24\", \"10.1.0.0/24\"]",
                "Duplicate items in the list: '10.1.0.0/24'",
            ),
        ] {
            assert_eq!(reason(kind, &v(value)), said, "{value}");
        }
    }

    #[test]
    fn what_is_of_another_type_or_not_here_is_refused() {
        for (kind, value, said) in [
            (Kind::NonNegative, "true", "'True' is not an integer"),
            (Kind::List, "null", "'None' is not a list"),
            (Kind::List, "{}", "'{}' is not a list"),
            (Kind::ListOrNull, "\"x\"", "'x' is not a list"),
            (Kind::EmptyList("there are none"), "[7]", "there are none"),
            (Kind::EmptyList("there are none"), "7", "'7' is not a list"),
            (Kind::Just(false, "there are none"), "1", "there are none"),
            (
                Kind::Just(false, "there are none"),
                "7",
                "conversion: '7' cannot be converted to boolean",
            ),
            (
                Kind::NoId("there are none"),
                "\"x\"",
                "'x' is not a valid UUID",
            ),
            (Kind::IpOrNull, "7", "'7' is not a valid IP address"),
        ] {
            let value = serde_json::from_str(value).unwrap();
            assert_eq!(reason(kind, &value), said, "{value}");
        }
    }

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
    fn no_message_repeats_a_secret() {
        let long = "s3cr3t".repeat(50);
        for value in [json!(long), json!(["s3cr3t"]), json!({"s3cr3t": 1})] {
            assert!(!reason(Kind::Psk, &value).contains("s3cr3t"));
        }
        assert_eq!(reason(Kind::Psk, &json!(5)), "'5' is not a valid string");
        assert_eq!(
            reason(Kind::Psk, &json!(null)),
            "'None' is not a valid string"
        );
    }
}
