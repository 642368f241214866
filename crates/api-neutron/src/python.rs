//! Values as Neutron prints them in messages: in Python's way.

use serde_json::{Map, Value};

/// `str(value)`: `None`, `True`, `[1, 'a']`; a string stands bare.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => literal(other),
    }
}

/// `repr(value)`: a string stands in quotes.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", joined(list.iter().map(literal))),
        Value::Object(map) => dictionary(map),
    }
}

fn dictionary(map: &Map<String, Value>) -> String {
    let entries = map
        .iter()
        .map(|(key, value)| format!("{}: {}", quoted(key), literal(value)));
    format!("{{{}}}", joined(entries))
}

/// A list of texts: `['a', 'b']`.
pub(crate) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", joined(texts.into_iter().map(quoted)))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_as_python_does() {
        for (value, printed) in [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(-20), "-20"),
            (json!(1.5), "1.5"),
            (json!("x"), "x"),
            (json!([]), "[]"),
            (json!(["a", 1, null]), "['a', 1, None]"),
            (json!({"a": {"b": false}}), "{'a': {'b': False}}"),
            (json!(["it's"]), "[\"it's\"]"),
        ] {
            assert_eq!(text(&value), printed);
        }
        assert_eq!(list(["a", "b"]), "['a', 'b']");
    }
}
