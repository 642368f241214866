//! OpenStack's SDK: every call on every resource that there is here.

use std::path::PathBuf;
use std::process::Command;

use crate::client::{TODAY, program, turn_with};
use crate::support::serve::Serve;

/// Runs one of the scripts beside this file, which must end well.
#[track_caller]
pub(crate) fn run(python: Command, script: &str) {
    run_with(python, script, &[]);
}

/// The same, with arguments.
#[track_caller]
pub(crate) fn run_with(mut python: Command, script: &str, arguments: &[&str]) {
    let folder =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/clients");
    python.arg("-B").arg(folder.join(script)).args(arguments);
    let output = python.output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    assert!(
        output.status.success(),
        "{script}:\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

#[test]
fn the_sdk_makes_finds_changes_and_deletes_everything() {
    let Some((_turn, programs)) = turn_with(TODAY) else {
        return;
    };
    let serve = Serve::start("ac2", 42);
    run(
        program(&programs.join("python"), &serve, "admin"),
        "resources.py",
    );
}
