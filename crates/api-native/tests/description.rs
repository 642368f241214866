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
