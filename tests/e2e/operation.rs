//! What an operator meets: refusals to start, and a tunnel that is switched off and on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::support::capture::Capture;
use crate::support::traffic::{ping, ping_both};
use crate::support::{VERDICT, turn, until};
use crate::world::World;

#[test]
fn a_second_service_on_the_same_state_folder_is_refused_and_harms_nothing() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aea", 10);
    let connections = world.connect();
    world.works(&connections);
    let output = world.serve.command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("another adit serve uses the state folder"),
        "{said}"
    );
    let (a, b) = world.instances();
    ping_both(a, b);
}

#[test]
fn without_root_it_is_said_what_is_missing() {
    let Some(_turn) = turn(&["setpriv"]) else {
        return;
    };
    // Others than root may not be allowed to look into the build folder.
    let program = std::env::temp_dir().join("adit-test-program");
    fs::copy(env!("CARGO_BIN_EXE_adit"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = std::env::temp_dir().join("adit-test-nobody");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
        .arg(&folder)
        .output()
        .unwrap();
    fs::remove_file(&program).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("root is needed"), "{said}");
    assert!(!folder.exists());
}

#[test]
fn a_connection_can_be_switched_off_and_on_and_nothing_leaks_meanwhile() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aeb", 11);
    let connections = world.connect();
    world.works(&connections);
    let api = &world.api;
    let (a, b) = world.instances();

    let capture = Capture::start(&world.serve);
    api.patch(&connections[0], r#"{"admin_state_up": false}"#);
    api.down_for(&connections[0], "administratively_down");
    until("nothing goes through any more", VERDICT, || {
        (ping(a, &b.address).received == 0).then_some(())
    });
    ping(b, &a.address).none();
    let other = api.get(&connections[1]).is(200);
    assert_eq!(other["status"], "down");
    capture.stop().hides(&a.address, &b.address);

    api.patch(&connections[0], r#"{"admin_state_up": true}"#);
    world.works(&connections);
}

#[test]
fn the_demonstration_works_as_process_1_as_in_a_container() {
    let Some(_turn) = turn(&["unshare"]) else {
        return;
    };
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .args([env!("CARGO_BIN_EXE_adit"), "demo"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{error}");
}

#[test]
fn the_service_works_as_process_1_as_in_a_container() {
    let Some(_turn) = turn(&["unshare"]) else {
        return;
    };
    let world = World::contained("ae25", 25);
    let connections = world.connect();
    world.works(&connections);
}

/// What the kernel says of a process's limits.
fn limit(pid: u32, name: &str) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn the_service_has_all_the_descriptors_it_may_and_leaves_no_core() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = crate::support::serve::Serve::start("ael", 25);
    let (soft, hard) = limit(serve.pid(), "Max open files");
    assert_eq!(soft, hard);
    assert_eq!(limit(serve.pid(), "Max core file size").0, "0");
    assert!(serve.api().metric("process_max_fds", "") > 0);
}

#[test]
fn an_unfinished_request_and_a_second_signal_end_it_in_time() {
    use std::io::Write as _;
    use std::time::{Duration, Instant};
    let Some(_turn) = turn(&[]) else { return };
    let mut serve = crate::support::serve::Serve::start("aem", 26);
    let base = serve.api().base;
    let mut open = std::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    open.write_all(b"POST /v1/vpcs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n")
        .unwrap();
    let begun = Instant::now();
    let status = serve.end(nix::sys::signal::Signal::SIGTERM);
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(10));

    serve.run();
    let base = serve.api().base;
    let mut open = std::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    open.write_all(b"GET / HT").unwrap();
    crate::support::serve::signal_to(serve.pid(), nix::sys::signal::Signal::SIGINT);
    let status = serve.end(nix::sys::signal::Signal::SIGTERM);
    // By then it may have ended by the first.
    assert!(status.code().is_some(), "{status}");
}
