//! YAML 1.2, as far as JSON's values need it: every text that could be read as something else is written as in JSON,
//! which YAML takes.

use serde_json::Value;

/// A value as a document.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Array(list) if !list.is_empty() => sequence(list, 0, &mut text),
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                member(name, value, 0, &mut text);
            }
        }
        other => {
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
    text
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn sequence(list: &[Value], depth: usize, text: &mut String) {
    for one in list {
        indent(depth, text);
        text.push_str("- ");
        match one {
            Value::Object(members) if !members.is_empty() => {
                // The first stands behind the dash, the others below it.
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        indent(depth + 1, text);
                    }
                    let start = text.len();
                    member(name, value, depth + 1, text);
                    let own = "  ".repeat(depth + 1);
                    if text.get(start..).is_some_and(|line| line.starts_with(&own)) {
                        text.replace_range(start..start + own.len(), "");
                    }
                }
            }
            Value::Array(inner) if !inner.is_empty() => {
                // Nobody answers with lists of lists, and JSON's form is good here too.
                text.push_str(&one.to_string());
                text.push('\n');
            }
            other => {
                text.push_str(&scalar(other));
                text.push('\n');
            }
        }
    }
}

fn member(name: &str, value: &Value, depth: usize, text: &mut String) {
    indent(depth, text);
    text.push_str(&plain(name));
    text.push(':');
    match value {
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            sequence(list, depth, text);
        }
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            for (name, value) in members {
                member(name, value, depth + 1, text);
            }
        }
        other => {
            text.push(' ');
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// A text by itself, where nobody could read it as anything else.
fn plain(text: &str) -> String {
    let mut letters = text.chars();
    let begins = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '/');
    let rest = letters.all(|one| one.is_ascii_alphanumeric() || "_-./".contains(one));
    // YAML 1.1 has more words for these than 1.2.
    let lower = text.to_ascii_lowercase();
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    if begins && rest && !words.contains(&lower.as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stand_one_below_another() {
        let value = json!([
            {"id": "a-b", "peer": {"address": "192.0.2.5", "cidrs": ["10.2.0.0/24"]}, "up": true},
            {"id": "no", "list": [], "map": {}, "none": null, "number": 5},
        ]);
        assert_eq!(
            text(&value),
            "- id: a-b
  peer:
    address: \"192.0.2.5\"
    cidrs:
    - \"10.2.0.0/24\"
  up: true
- id: \"no\"
  list: []
  map: {}
  none: null
  number: 5
"
        );
        assert_eq!(
            text(&json!({"a": {"b": [{"c": 1, "d": [2]}]}})),
            "a:\n  b:\n  - c: 1\n    d:\n    - 2\n"
        );
        assert_eq!(text(&json!([])), "[]\n");
        assert_eq!(text(&json!("a: b\n")), "\"a: b\\n\"\n");
    }

    #[test]
    fn what_could_be_read_as_something_else_is_quoted() {
        for word in [
            "5", "1.2.3.4", "yes", "Off", "", "- a", "a: b", "#", "0x1f", "~", "a b", "c4a1:",
        ] {
            assert!(plain(word).starts_with('"'), "{word}");
        }
        for word in ["aes256gcm16", "branch-1", "a_b.c", "IPv4"] {
            assert_eq!(plain(word), word);
        }
    }
}
