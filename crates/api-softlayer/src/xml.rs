//! XML-RPC: methods and values, read and written. There are limits on how large and how deep a request may be, and no
//! document type, so that no entity is ever expanded.

use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Number, Value};

use crate::fault::Fault;

/// The most elements and texts of a request.
const MOST_NODES: u32 = 50_000;

/// How deep values may lie in each other.
const DEEPEST: usize = 32;

/// A method and its parameters.
pub(crate) type Method = (String, Vec<Value>);

/// Reads a method call.
pub(crate) fn read_call(octets: &[u8]) -> Result<Method, Fault> {
    let text = decode(octets);
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&text, options);
    // What stands there may be a key: the place is told, the content is not.
    let document = document.map_err(|error| {
        let at = error.pos();
        let said = format!(
            "The request is no XML that can be read: line {}, column {}.",
            at.row, at.col
        );
        Fault::malformed(said)
    })?;
    let root = document.root_element();
    if !root.has_tag_name("methodCall") {
        return Err(Fault::malformed("The request is no methodCall."));
    }
    let name = child(root, "methodName").and_then(|name| name.text());
    let name = name.ok_or_else(|| Fault::malformed("The request has no methodName."))?;
    let params = child(root, "params")
        .into_iter()
        .flat_map(|all| elements(all, "param"));
    let params = params.map(|param| {
        let value = child(param, "value");
        value.map_or_else(
            || Err(Fault::malformed("A param has no value.")),
            |value| read(value, 0),
        )
    });
    Ok((name.trim().to_owned(), params.collect::<Result<_, _>>()?))
}

/// UTF-8; what is none is Latin-1. What a request says of itself does not matter: SoftLayer's own client says the one and
/// sends the other.
fn decode(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}

fn elements<'a, 'b>(of: Node<'a, 'b>, name: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    of.children().filter(move |one| one.has_tag_name(name))
}

fn child<'a, 'b>(of: Node<'a, 'b>, name: &'static str) -> Option<Node<'a, 'b>> {
    elements(of, name).next()
}

/// Reads a `<value>`.
fn read(value: Node<'_, '_>, depth: usize) -> Result<Value, Fault> {
    if depth > DEEPEST {
        let said = format!("Values lie at most {DEEPEST} deep in each other.");
        return Err(Fault::malformed(said));
    }
    let Some(typed) = value.children().find(Node::is_element) else {
        // Without a type it is a text.
        return Ok(Value::String(text_of(value)));
    };
    let text = text_of(typed);
    let kind = typed.tag_name().name();
    let malformed = || Fault::malformed(format!("A value of type {kind} can't be read."));
    Ok(match kind {
        "string" | "dateTime.iso8601" => Value::String(text),
        "int" | "i4" | "i8" => {
            Value::Number(text.trim().parse::<i64>().map_err(|_| malformed())?.into())
        }
        "double" => {
            let number = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(malformed)?)
        }
        "boolean" => match text.trim() {
            "1" => Value::Bool(true),
            "0" => Value::Bool(false),
            _ => return Err(malformed()),
        },
        "nil" => Value::Null,
        "array" => {
            let data = child(typed, "data").ok_or_else(malformed)?;
            let items = elements(data, "value").map(|item| read(item, depth.saturating_add(1)));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        "struct" => {
            let mut members = Map::new();
            for member in elements(typed, "member") {
                let name = child(member, "name").ok_or_else(malformed)?;
                let value = child(member, "value").ok_or_else(malformed)?;
                members.insert(text_of(name), read(value, depth.saturating_add(1))?);
            }
            Value::Object(members)
        }
        _ => {
            return Err(Fault::malformed(format!(
                "There is no type {kind} of values here."
            )));
        }
    })
}

fn text_of(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(Node::is_text);
    texts.filter_map(|text| text.text()).collect()
}

/// Writes what a method answered.
pub(crate) fn write_answer(value: &Value) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodResponse><params><param>");
    write(&mut out, value);
    out.push_str("</param></params></methodResponse>\n");
    out
}

/// Writes why a method was refused.
pub(crate) fn write_fault(fault: &Fault) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodResponse><fault>");
    let members = [("faultCode", fault.code), ("faultString", &fault.text)];
    let members = members.map(|(name, text)| (name.to_owned(), Value::from(text)));
    write(&mut out, &Value::Object(members.into_iter().collect()));
    out.push_str("</fault></methodResponse>\n");
    out
}

fn write(out: &mut String, value: &Value) {
    out.push_str("<value>");
    match value {
        Value::Null => out.push_str("<nil/>"),
        Value::Bool(flag) => {
            let digit = if *flag { '1' } else { '0' };
            // Writing into a text can't fail.
            let _ = write!(out, "<boolean>{digit}</boolean>");
        }
        Value::Number(number) if number.is_f64() => {
            let _ = write!(out, "<double>{number}</double>");
        }
        Value::Number(number) => {
            let _ = write!(out, "<int>{number}</int>");
        }
        Value::String(text) => {
            out.push_str("<string>");
            escape(out, text);
            out.push_str("</string>");
        }
        Value::Array(items) => {
            out.push_str("<array><data>");
            for item in items {
                write(out, item);
            }
            out.push_str("</data></array>");
        }
        Value::Object(members) => {
            out.push_str("<struct>");
            for (name, value) in members {
                out.push_str("<member><name>");
                escape(out, name);
                out.push_str("</name>");
                write(out, value);
                out.push_str("</member>");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>");
}

/// A text as XML has it; what XML can't say at all becomes U+FFFD.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(params: &str) -> Vec<u8> {
        let text = format!(
            "<?xml version='1.0' encoding='iso-8859-1'?>\n<methodCall>\n<methodName>m</methodName>\
             <params>\n{params}</params>\n</methodCall>\n"
        );
        text.into_bytes()
    }

    fn param(value: &str) -> Vec<u8> {
        call(&format!("<param><value>{value}</value></param>"))
    }

    #[test]
    fn values_are_read_and_written_alike() {
        let value = json!({
            "text": "a<b>&\"c\" ü", "none": null, "yes": true, "no": false, "number": -5, "half": 0.5,
            "list": [1, "x", [], {}],
        });
        let mut text = String::new();
        write(&mut text, &value);
        let octets = call(&format!("<param>{text}</param>"));
        assert_eq!(read_call(&octets), Ok(("m".to_owned(), vec![value])));
        assert_eq!(read_call(&call("")), Ok(("m".to_owned(), vec![])));
        let (_, plain) = read_call(&param("plain")).unwrap();
        assert_eq!(plain, [json!("plain")]);
        let mut latin = param("<string>~</string>");
        for octet in &mut latin {
            if *octet == b'~' {
                *octet = 0xfc;
            }
        }
        assert_eq!(read_call(&latin).unwrap().1, [json!("ü")]);
    }

    #[test]
    fn what_is_no_call_is_refused_and_not_repeated() {
        let deep = format!(
            "{}{}",
            "<value><array><data>".repeat(1000),
            "</data></array></value>".repeat(1000)
        );
        let entity = b"<!DOCTYPE a [<!ENTITY e \"secret\">]><methodCall><methodName>&e;</methodName></methodCall>";
        let table = [
            b"".to_vec(),
            b"{}".to_vec(),
            b"<methodCall/>".to_vec(),
            b"<other><methodName>m</methodName></other>".to_vec(),
            entity.to_vec(),
            param("<int>secret</int>"),
            param("<int>99999999999999999999</int>"),
            param("<boolean>2</boolean>"),
            param("<double>nan</double>"),
            param("<base64>c2VjcmV0</base64>"),
            param("<struct><member><name>secret</name></member></struct>"),
            param("<array/>"),
            call("<param/>"),
            call(&format!("<param>{deep}</param>")),
            param(&"<a/>".repeat(60_000)),
        ];
        for octets in table {
            let fault = read_call(&octets).unwrap_err();
            assert!(!fault.text.contains("secret"), "{fault:?}");
        }
        let unclosed = "<a>".repeat(80_000).into_bytes();
        assert!(read_call(&unclosed).is_err());
    }
}
