//! The rings of ARCHITECTURE.md, checked: which crate may name which, which have no clock, no
//! socket and no unsafe code, and how long a file may be.

#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "architecture/circles.rs"]
mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate of ours may depend on. A line here is a decision; think before adding a word.
const MAY_NAME: &[(&str, &[&str])] = &[
    // ring 0: words
    ("model", &[]),
    // ring 1: protocol
    ("crypto", &[]),
    ("ike-wire", &[]),
    ("ike", &["crypto", "ike-wire"]),
    ("esp", &["crypto"]),
    // ring 2: shells
    ("dataplane", &["esp"]),
    (
        "worker",
        &["crypto", "dataplane", "esp", "ike", "ike-wire", "model"],
    ),
    ("netns", &["model"]),
    ("store", &["model"]),
    ("store-sql", &["crypto", "model", "store"]),
    ("control", &["crypto", "model", "store"]),
    ("agent", &["control", "model", "netns", "worker"]),
    ("http-client", &[]),
    ("keystone", &["control", "crypto", "http-client", "model"]),
    // ring 3: faces
    ("api", &["control", "model"]),
    ("api-iam", &["api", "control", "model"]),
    ("api-keystone", &["api", "control", "model"]),
    ("api-native", &["api", "control", "model"]),
    ("api-neutron", &["api", "control", "model"]),
    ("api-softlayer", &["api", "control", "model"]),
    ("api-vpc", &["api", "control", "model"]),
    // a client of a face
    ("cli", &["http-client"]),
    // the page, a client of a face, as it is given out
    ("ui", &[]),
    // of their tests alone
    ("api-testing", &["api", "control", "crypto", "store"]),
    (
        "adit",
        &[
            "agent",
            "api",
            "api-iam",
            "api-keystone",
            "api-native",
            "api-neutron",
            "api-softlayer",
            "api-vpc",
            "cli",
            "control",
            "crypto",
            "http-client",
            "keystone",
            "model",
            "netns",
            "store-sql",
            "ui",
            "worker",
        ],
    ),
    // tools
    ("sim", &["crypto", "ike", "ike-wire"]),
];

/// Crates in which no clock, socket or thread can be named.
const NO_STD: &[&str] = &["ike-wire", "ike", "esp"];

/// No file of ours is longer, in lines.
const LONGEST_FILE: usize = 800;

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn manifest(name: &str) -> toml::Table {
    let path = root().join("crates").join(name).join("Cargo.toml");
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_crate_names_only_what_its_ring_allows() {
    let table: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let allowed = table.get(name.as_str());
        assert!(
            allowed.is_some(),
            "crate {name} has no place in a ring: add it to MAY_NAME"
        );
        let manifest = manifest(&name);
        let Some(dependencies) = manifest.get("dependencies") else {
            continue;
        };
        for dependency in dependencies.as_table().unwrap().keys() {
            if let Some(ours) = dependency.strip_prefix("adit-") {
                assert!(
                    allowed.unwrap().contains(&ours),
                    "{name} may not depend on {ours}"
                );
            }
        }
    }
}

#[test]
fn protocol_crates_have_no_std_and_no_unsafe_code() {
    for name in NO_STD {
        let path = root().join("crates").join(name).join("src/lib.rs");
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("#![no_std]"), "{name} must be no_std");
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{name} must forbid unsafe code"
        );
        assert!(
            !text.contains("extern crate std"),
            "{name} must not bring std back"
        );
    }
}

#[test]
fn no_dialect_s_words_leave_their_face() {
    let dialect = [
        "ipsec_site_connection",
        "vpnservice",
        "vpn_gateway\"",
        "generation=2",
    ];
    for (name, _) in MAY_NAME
        .iter()
        .filter(|(name, _)| !name.starts_with("api") && *name != "adit")
    {
        let mut files = Vec::new();
        rust_files(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                for word in dialect {
                    assert!(!line.contains(word), "{}: {word}", file.display());
                }
            }
        }
    }
}

/// The lines of the use cases' code that have a text, by file; comments don't count.
fn in_use_cases(text: &str) -> Vec<String> {
    let folder = root().join("crates/control/src");
    let mut files = Vec::new();
    rust_files(&folder, &mut files);
    let mut found = Vec::new();
    for file in files {
        let code = fs::read_to_string(&file).unwrap();
        let mut code = code.lines().map(str::trim_start);
        if code.any(|line| !line.starts_with("//") && line.contains(text)) {
            let name = file.strip_prefix(&folder).unwrap();
            found.push(name.display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn there_is_one_place_where_things_change() {
    assert_eq!(in_use_cases("store.write()"), ["change.rs"]);
    // A slow name server is waited for before anything else, and only for those who may write; and for
    // them alone packets are sent, to see whether they come through.
    let may_write = [
        "change.rs",
        "connection.rs",
        "connection/update.rs",
        "connection_request/test.rs",
    ];
    assert_eq!(in_use_cases("may_write()"), may_write);
}

/// What projects have.
const NOUNS: &[&str] = &[
    "connection",
    "endpoint_group",
    "floating_ip",
    "gateway",
    "network",
    "network_acl",
    "policy",
    "port",
    "public_gateway",
    "router",
    "security_group",
    "ssh_key",
    "subnet",
    "tunnel_context",
];

#[test]
fn a_noun_has_one_file_at_each_layer() {
    for noun in NOUNS {
        for layer in ["model", "store-sql", "control"] {
            let file = root().join(format!("crates/{layer}/src/{noun}.rs"));
            assert!(file.exists(), "{} is not there", file.display());
        }
        for verb in ["create", "update", "delete"] {
            // Of a noun whose name begins with this one's there are others.
            let of = |end| in_use_cases(&format!("pub async fn {verb}_{noun}{end}"));
            let found = [of("("), of("<")].concat();
            assert!(!found.is_empty(), "nobody can {verb} a {noun}");
            for file in found {
                let own = file == format!("{noun}.rs") || file.starts_with(&format!("{noun}/"));
                assert!(own, "{file} can {verb} a {noun}");
            }
        }
    }
}

#[test]
fn nouns_in_sql_name_no_database() {
    let mut files = Vec::new();
    rust_files(&root().join("crates/store-sql/src"), &mut files);
    let behind_the_seam = |file: &Path| {
        let file = file
            .strip_prefix(root().join("crates/store-sql/src"))
            .unwrap();
        file.starts_with("sqlite.rs") || file.starts_with("sqlite")
    };
    files.retain(|file| !behind_the_seam(file));
    assert!(files.len() > 15, "the files of nouns are elsewhere now");
    files.retain(|file| fs::read_to_string(file).unwrap().contains("rusqlite"));
    assert_eq!(
        files,
        Vec::<PathBuf>::new(),
        "these name a database's library"
    );
}

#[test]
fn no_lane_is_woken_by_hand() {
    for file in in_use_cases("wakes.") {
        let own = file == "change.rs" || file.starts_with("reconcile");
        assert!(own, "{file} wakes a lane");
    }
}

#[test]
fn faces_do_not_own_what_they_share() {
    // What `api` has for it: `times`, `ids`, `answer`, `request_id`, `origin`, `metrics`, `body`.
    let shared = [
        "format_description!",
        "Uuid::parse_str",
        "\"********\"",
        "a request failed",
        "\"x-request-id\"",
        "x-forwarded",
        "header::HOST",
        "prometheus_client",
        "body::to_bytes",
    ];
    for face in ["api-iam", "api-keystone", "api-neutron", "api-vpc"] {
        let mut files = Vec::new();
        rust_files(&root().join("crates").join(face).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for own in shared {
                assert!(!text.contains(own), "{}: {own}", file.display());
            }
        }
    }
}

#[test]
fn an_attribute_stands_where_the_document_says() {
    let document = fs::read_to_string(root().join("docs/adding-an-attribute.md")).unwrap();
    let listed = document
        .split('`')
        .filter(|text| text.starts_with("crates/"));
    let listed: BTreeSet<PathBuf> = listed.map(PathBuf::from).collect();
    let mut files = Vec::new();
    // Engines have words of their own for what they are told.
    let engines = ["dataplane", "esp", "ike", "ike-wire", "sim"];
    for (name, _) in MAY_NAME.iter().filter(|(name, _)| !engines.contains(name)) {
        rust_files(&root().join("crates").join(name).join("src"), &mut files);
    }
    let migrations = root().join("crates/store-sql/migrations/sqlite");
    files.extend(
        fs::read_dir(migrations)
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let stands = |text: &str| text.split(|c| !is_word(c)).any(|word| word == "local_id");
    files.retain(|file| stands(&fs::read_to_string(file).unwrap()));
    let found = files.iter().map(|file| file.strip_prefix(root()).unwrap());
    let found: BTreeSet<PathBuf> = found.map(PathBuf::from).collect();
    assert_eq!(found, listed);
}

#[test]
fn no_file_of_tests_is_left_out_of_its_program() {
    for (name, _) in MAY_NAME {
        let manifest = manifest(name);
        let package = manifest["package"].as_table().unwrap();
        if package.get("autotests").and_then(toml::Value::as_bool) != Some(false) {
            continue;
        }
        let folder = root().join("crates").join(name).join("tests");
        let program = fs::read_to_string(folder.join("main.rs")).unwrap();
        let listed = manifest["test"].as_array().unwrap();
        let is_own = |module: &str| {
            listed
                .iter()
                .any(|test| test["name"].as_str() == Some(module))
        };
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let module = path.file_stem().unwrap().to_str().unwrap();
            let named = program.contains(&format!("mod {module};"));
            assert!(
                named || is_own(module) || module == "main" || module == "fixtures",
                "{name}: tests/main.rs must have `mod {module};`, or nobody runs it"
            );
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut files = Vec::new();
    for folder in ["crates", "tests", "fuzz/fuzz_targets"] {
        rust_files(&root().join(folder), &mut files);
    }
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines",
            file.display()
        );
    }
}

#[test]
fn what_a_newcomer_reads_first_is_short() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, path) = page.split_once("## Half an hour of reading").unwrap();
    let named = path.split('`').skip(1).step_by(2);
    let files: Vec<_> = named.filter(|name| name.contains('.')).collect();
    assert!(files.len() > 8 && files.iter().any(|name| name.contains("api-neutron")));
    for name in files {
        let lines = fs::read_to_string(root().join(name))
            .unwrap()
            .lines()
            .count();
        assert!(lines < 300, "{name} has {lines} lines");
    }
}
