//! What a call brings along. Clients are careless of types: a number may be a text, and the other way round.

use adit_control::NumberOf;
use serde_json::{Map, Value};

use crate::call::Cx;
use crate::fault::Fault;

/// A number of something, as `5` or `"5"`.
pub(crate) fn number(name: &str, value: &Value) -> Result<u32, Fault> {
    let number = match value {
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| Fault::invalid(format!("{name} must be a whole number.")))
}

/// A text, as `"5"` or `5`.
pub(crate) fn text(name: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Fault::invalid(format!("{name} must be a text."))),
    }
}

/// `true`, `1`, `"1"`, or their contraries.
pub(crate) fn flag(name: &str, value: &Value) -> Result<bool, Fault> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "0" | "false" => Some(false),
            "1" | "true" => Some(true),
            _ => None,
        },
        _ => None,
    };
    flag.ok_or_else(|| Fault::invalid(format!("{name} must be true or false.")))
}

/// An argument that must be there.
pub(crate) fn needed<'a>(
    arguments: &'a [Value],
    at: usize,
    name: &str,
) -> Result<&'a Value, Fault> {
    let value = arguments.get(at).filter(|value| !value.is_null());
    value.ok_or_else(|| Fault::missing(name))
}

/// An argument that is an object.
pub(crate) fn object<'a>(
    arguments: &'a [Value],
    at: usize,
    name: &str,
) -> Result<&'a Map<String, Value>, Fault> {
    let value = needed(arguments, at, name)?;
    let object = value.as_object();
    object.ok_or_else(|| Fault::invalid(format!("{name} must be an object.")))
}

/// A member that must be there.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a Value, Fault> {
    let value = object.get(name).filter(|value| !value.is_null());
    value.ok_or_else(|| Fault::missing(name))
}

/// Refuses more arguments than a method has.
pub(crate) fn at_most(arguments: &[Value], most: usize) -> Result<(), Fault> {
    let extra = arguments.iter().skip(most).any(|value| !value.is_null());
    if extra {
        return Err(Fault::invalid(format!(
            "Too many arguments: the method takes {most}."
        )));
    }
    Ok(())
}

/// The thing that has a number, of the caller's account.
pub(crate) async fn thing(cx: &Cx, of: NumberOf, number: u32) -> Result<String, Fault> {
    let thing = cx.control.numbered(&cx.caller, of, number).await?;
    thing.ok_or_else(|| Fault::not_found(number))
}
