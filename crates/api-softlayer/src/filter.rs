//! Object filters: which objects are asked for. Properties are named as deep as they lie, and each has an operation:
//! `{"networkTunnelContexts": {"id": {"operation": 5}}}`.

use serde_json::{Map, Value};

use crate::fault::Fault;

/// Keeps what a filter asks for. `root` is what the list is called where it hangs on an object; a filter may begin with it.
pub(crate) fn keep(filter: &Value, root: &str, items: Vec<Value>) -> Result<Vec<Value>, Fault> {
    let malformed = || Fault::invalid("An object filter is an object of properties.");
    let filter = match filter {
        Value::Null => return Ok(items),
        Value::Object(filter) => filter,
        _ => return Err(malformed()),
    };
    let inner = match filter.get(root) {
        Some(inner) => inner.as_object().ok_or_else(malformed)?,
        None => filter,
    };
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if matches(inner, &item)? {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn matches(filter: &Map<String, Value>, item: &Value) -> Result<bool, Fault> {
    let mut is_kept = true;
    for (name, wanted) in filter {
        let found = item.get(name).unwrap_or(&Value::Null);
        is_kept &= matches_one(name, wanted, found)?;
    }
    Ok(is_kept)
}

fn matches_one(name: &str, wanted: &Value, found: &Value) -> Result<bool, Fault> {
    let Value::Object(wanted) = wanted else {
        let said = format!("The filter of {name} is neither an operation nor properties.");
        return Err(Fault::invalid(said));
    };
    if let Value::Array(items) = found
        && !wanted.contains_key("operation")
    {
        // One of several is enough.
        let mut any = false;
        for item in items {
            any |= matches(wanted, item)?;
        }
        return Ok(any);
    }
    match wanted.get("operation") {
        None => matches(wanted, found),
        Some(Value::String(text)) if text == "in" => is_in(name, wanted.get("options"), found),
        Some(Value::String(text)) => operation(name, text, found),
        Some(operation) => Ok(same(operation, found)),
    }
}

/// `{"operation": "in", "options": [{"name": "data", "value": [...]}]}`.
fn is_in(name: &str, options: Option<&Value>, found: &Value) -> Result<bool, Fault> {
    let malformed = || Fault::invalid(format!("The filter of {name} has no list to look in."));
    let options = options.and_then(Value::as_array).ok_or_else(malformed)?;
    let data = options.iter().find(|option| {
        let name = option.get("name").and_then(Value::as_str);
        name == Some("data")
    });
    let data = data
        .and_then(|data| data.get("value"))
        .ok_or_else(malformed)?;
    let data = data.as_array().ok_or_else(malformed)?;
    Ok(data.iter().any(|one| same(one, found)))
}

/// An operation that is a text: what to compare by, and with what.
fn operation(name: &str, text: &str, found: &Value) -> Result<bool, Fault> {
    match text {
        "is null" => return Ok(found.is_null()),
        "not null" => return Ok(!found.is_null()),
        "orderBy" | "isDate" | "lessThanDate" | "greaterThanDate" | "betweenDate" => {
            let said = format!("The filter of {name} has an operation that is not served: {text}.");
            return Err(Fault::invalid(said));
        }
        _ => {}
    }
    let have = plain(found).to_lowercase();
    // Longer ones first.
    let operators = ["!=", "<=", ">=", "*=", "^=", "$=", "_=", "<", ">", "~"];
    let known = operators.iter().find_map(|operator| {
        let rest = text.strip_prefix(operator)?;
        Some((*operator, rest.trim().to_lowercase()))
    });
    let Some((operator, want)) = known else {
        return Ok(!found.is_null() && have == text.to_lowercase());
    };
    let by_number = || -> Result<Option<std::cmp::Ordering>, Fault> {
        let number = want.parse::<f64>();
        let want =
            number.map_err(|_| Fault::invalid(format!("{name} is compared with no number.")))?;
        Ok(have
            .parse::<f64>()
            .ok()
            .and_then(|have| have.partial_cmp(&want)))
    };
    Ok(match operator {
        "!=" => have != want,
        "*=" | "~" => have.contains(&want),
        "^=" => have.starts_with(&want),
        "$=" => have.ends_with(&want),
        "_=" => have == want,
        "<" => by_number()?.is_some_and(std::cmp::Ordering::is_lt),
        ">" => by_number()?.is_some_and(std::cmp::Ordering::is_gt),
        "<=" => by_number()?.is_some_and(std::cmp::Ordering::is_le),
        _ => by_number()?.is_some_and(std::cmp::Ordering::is_ge),
    })
}

/// Clients send numbers as texts, too; case does not matter.
fn same(wanted: &Value, found: &Value) -> bool {
    !found.is_null() && plain(wanted).to_lowercase() == plain(found).to_lowercase()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(filter: &Value) -> Result<Vec<u64>, Fault> {
        let items = vec![
            json!({"id": 1, "name": "dal10", "list": [{"id": 7}], "item": {"order": {"id": 3}}}),
            json!({"id": 2, "name": "lon02", "list": [], "item": null}),
        ];
        let kept = keep(filter, "root", items)?;
        Ok(kept.iter().filter_map(|item| item["id"].as_u64()).collect())
    }

    #[test]
    fn objects_are_kept_by_each_operation() {
        let table = [
            (json!(null), vec![1, 2]),
            (json!({}), vec![1, 2]),
            (json!({"root": {"id": {"operation": 1}}}), vec![1]),
            (json!({"id": {"operation": "2"}}), vec![2]),
            (json!({"name": {"operation": "DAL10"}}), vec![1]),
            (json!({"name": {"operation": "^= lon"}}), vec![2]),
            (json!({"name": {"operation": "$= 10"}}), vec![1]),
            (json!({"name": {"operation": "*= l"}}), vec![1, 2]),
            (json!({"name": {"operation": "_= lon02"}}), vec![2]),
            (json!({"name": {"operation": "!= lon02"}}), vec![1]),
            (json!({"id": {"operation": "> 1"}}), vec![2]),
            (json!({"id": {"operation": "<= 1"}}), vec![1]),
            (json!({"item": {"operation": "is null"}}), vec![2]),
            (
                json!({"item": {"order": {"id": {"operation": 3}}}}),
                vec![1],
            ),
            (json!({"list": {"id": {"operation": 7}}}), vec![1]),
            (json!({"nothing": {"operation": 1}}), vec![]),
            (
                json!({"id": {"operation": "in", "options": [{"name": "data", "value": ["2", 9]}]}}),
                vec![2],
            ),
        ];
        for (filter, expected) in table {
            assert_eq!(kept(&filter), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in [
            json!([]),
            json!({"root": 1}),
            json!({"id": 1}),
            json!({"id": {"operation": "in"}}),
            json!({"id": {"operation": "> a"}}),
            json!({"id": {"operation": "orderBy"}}),
        ] {
            assert!(kept(&filter).is_err(), "{filter}");
        }
    }
}
