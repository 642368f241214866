use std::path::Path;

/// What is served is described by what serves it; here the description that others read is seen to be it.
#[test]
fn the_description_in_docs_is_what_is_served() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/adit-v1.json");
    let now = adit_api_native::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("ADIT_WRITE_OPENAPI").is_some() {
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(
        kept == now,
        "docs/openapi/adit-v1.json is old: run `ADIT_WRITE_OPENAPI=1 cargo test -p adit-api-native --test native`"
    );
}

/// All references in a part of the description.
fn references(part: &serde_json::Value, found: &mut Vec<String>) {
    match part {
        serde_json::Value::Object(fields) => {
            let own = fields.get("$ref").and_then(serde_json::Value::as_str);
            found.extend(own.map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => (),
    }
}

#[test]
fn what_the_description_refers_to_is_in_it() {
    let whole = serde_json::to_value(adit_api_native::openapi()).unwrap();
    let mut found = Vec::new();
    references(&whole, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(whole.pointer(place).is_some(), "{reference} is not there");
    }
}
