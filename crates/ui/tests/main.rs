//! What was built is what the sources make, as far as can be told without building it.

#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzEncoder;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui")
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").unwrap();
        text
    })
}

/// The names of all files below a folder, but for these.
fn files(root: &Path, at: &Path, skipped: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if skipped.contains(&name.as_str()) {
            continue;
        }
        match path.is_dir() {
            true => files(root, &path, skipped, found),
            false => found.push(name),
        }
    }
}

#[test]
fn what_is_committed_was_built_of_these_sources() {
    let root = folder();
    let mut names = Vec::new();
    files(
        &root,
        &root,
        &["node_modules", "dist", "tests", "src/api.d.ts"],
        &mut names,
    );
    names.sort();
    let mut lines = String::new();
    for name in names {
        let hash = adit_crypto::sha256(&[&fs::read(root.join(&name)).unwrap()]);
        writeln!(lines, "{name} {}", hex(hash)).unwrap();
    }
    let recorded = fs::read_to_string(root.join("dist/sources.sha256")).unwrap();
    let found = hex(adit_crypto::sha256(&[lines.as_bytes()]));
    assert_eq!(
        recorded.trim(),
        found,
        "ui/ was changed after it was built: `make ui` builds it anew"
    );
}

#[test]
fn the_page_is_small() {
    let dist = folder().join("dist");
    let mut names = Vec::new();
    files(&dist, &dist, &[], &mut names);
    let index = fs::read_to_string(dist.join("index.html")).unwrap();
    let mut sizes = [0, 0];
    for name in names.iter().filter(|name| !name.ends_with(".sha256")) {
        let content = fs::read(dist.join(name)).unwrap();
        let mut packed = GzEncoder::new(&content[..], Compression::default());
        let size = io::copy(&mut packed, &mut io::sink()).unwrap();
        let [initial, all] = &mut sizes;
        *all += size;
        if name == "index.html" || index.contains(&format!("\"/ui/{name}\"")) {
            *initial += size;
        }
    }
    let [initial, all] = sizes;
    assert!(initial <= 60 * 1024, "{initial} octets come at first");
    assert!(all <= 200 * 1024, "{all} octets in all");
    assert!(initial > 1024, "where is it?");
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_nothing_runs_within_the_page() {
    let index = fs::read_to_string(folder().join("dist/index.html")).unwrap();
    assert!(!index.contains("http:") && !index.contains("https:") && !index.contains("style="));
    for tag in index.split("<script").skip(1) {
        assert!(tag.contains("src=\"/ui/assets/"), "{tag}");
    }
}
