//! A backup of a service at work, and its return after everything was lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use crate::support::api::Api;
use crate::support::{turn, until};
use crate::world::World;

fn adit(command: &str, state: &Path, option: &str, folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_adit"))
        .arg(command)
        .arg("--state-dir")
        .arg(state)
        .arg(option)
        .arg(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn make_policy(api: &Api, name: &str) {
    let body = format!(
        r#"{{"name": "{name}", "encryption_algorithm": "aes256", "authentication_algorithm": "sha256", "dh_group": 14, "ike_version": 2, "key_lifetime": 28800}}"#
    );
    api.post("ike_policies", &body).is(201);
}

fn policies(api: &Api) -> BTreeSet<String> {
    let list = api
        .neutron("GET", "vpn/ikepolicies", &serde_json::Value::Null)
        .is(200);
    let all = list["ikepolicies"].as_array().unwrap();
    all.iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_backup_made_at_work_has_what_was_acknowledged_and_brings_it_back() {
    let Some(_turn) = turn(&[]) else { return };
    let mut world = World::new("aek", 24);
    let connections = world.connect();
    world.works(&connections);
    let state = world.serve.folder.join("state");
    let backup = world.serve.folder.join("backup");
    for n in 0..5 {
        make_policy(&world.api, &format!("before-{n}"));
    }
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !end.load(Ordering::SeqCst) && n < 60 {
                make_policy(&world.api, &format!("during-{n}"));
                n += 1;
            }
            n
        });
        let output = adit("backup", &state, "--to", &backup);
        end.store(true, Ordering::SeqCst);
        assert!(output.status.success(), "{}", said(&output));
        writer.join().unwrap();
    });
    make_policy(&world.api, "after");
    let refused = adit("backup", &state, "--to", &backup);
    assert!(!refused.status.success(), "it would have been written over");
    let refused = adit("restore", &state, "--from", &backup);
    assert!(
        said(&refused).contains("another adit serve uses"),
        "{}",
        said(&refused)
    );

    world.serve.end(Signal::SIGKILL);
    // Not the folder itself, or the lock would be another one's.
    for file in ["key", "adit.db", "adit.db-wal", "adit.db-shm"] {
        let _ = fs::remove_file(state.join(file));
    }
    let output = world.serve.command().output().unwrap();
    assert!(said(&output).contains("adit restore"), "{}", said(&output));

    let bent = world.serve.folder.join("bent");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&backup)
        .arg(&bent)
        .status();
    assert!(copied.unwrap().success());
    fs::write(bent.join("key"), [7; 32]).unwrap();
    let refused = adit("restore", &state, "--from", &bent);
    assert!(
        said(&refused).contains("key file is not the one"),
        "{}",
        said(&refused)
    );

    let output = adit("restore", &state, "--from", &backup);
    assert!(output.status.success(), "{}", said(&output));
    world.serve.run();
    world.api = world.api.at(&world.serve.api());
    world.works(&connections);
    let there = policies(&world.api);
    for n in 0..5 {
        assert!(there.contains(&format!("before-{n}")), "{there:?}");
    }
    assert!(!there.contains("after"), "{there:?}");
    // Up to one moment all, from then on none.
    let during: Vec<u32> = there
        .iter()
        .filter_map(|name| name.strip_prefix("during-")?.parse().ok())
        .collect();
    let most = during.iter().max().map_or(0, |most| most + 1);
    assert_eq!(usize::try_from(most).unwrap(), during.len(), "{there:?}");
    until("it is well", crate::support::VERDICT, || {
        (world.serve.log().contains("adit serves")).then_some(())
    });
}
