//! The command line on a running service: by logging in, and as the operator by the socket in the state folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::serve::Serve;
use crate::support::site::Instance;
use crate::support::traffic::{ping, ping_both};
use crate::support::{PATIENCE, VERDICT, turn, until};
use crate::world::World;

/// Runs a command line, words separated by spaces, in a terminal in which `demo-openrc` was sourced.
fn run(serve: &Serve, line: &str) -> Output {
    let openrc = fs::read_to_string(serve.folder.join("state/clients/demo-openrc")).unwrap();
    let exports = openrc
        .lines()
        .filter_map(|line| line.strip_prefix("export "));
    Command::new(env!("CARGO_BIN_EXE_adit"))
        .args(line.split_whitespace())
        .envs(exports.filter_map(|line| line.split_once('=')))
        .env("XDG_CONFIG_HOME", serve.folder.join("config"))
        .output()
        .unwrap()
}

#[track_caller]
fn does(serve: &Serve, line: &str) -> String {
    let output = run(serve, line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "adit {line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fails(serve: &Serve, line: &str, status: i32) -> String {
    let output = run(serve, line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "adit {line}: {said}");
    said
}

/// From one machine to the other, and outside by the floating IP.
fn are_told_how_far_they_reach(serve: &Serve) {
    until("the machine gets it, once it is there", PATIENCE, || {
        let reached = does(serve, "reach n m");
        reached
            .starts_with("passes: the machine m gets it")
            .then_some(())
    });
    let reached = does(serve, "reach n 10.9.9.9");
    let by = "passes: it goes outside by the floating IP";
    assert!(reached.starts_with(by), "{reached}");
}

/// One of each noun, and what it needs.
const MADE: &[&str] = &[
    "network create net --mtu 9000",
    "router create r",
    "subnet create s --router r --cidr 10.5.0.0/24",
    "subnet create alone --network net --cidr 10.6.0.0/24",
    "security-group create web",
    "security-group allow web --protocol tcp --port 80-89 --remote-cidr 10.0.0.0/8",
    "machine create m --subnet s --security-group web",
    "machine create n --subnet s",
    "floating-ip create f --machine m",
    "router update r --outside true",
    "endpoint-group create ours --subnet s",
    "endpoint-group create theirs --cidr 10.9.0.0/24,10.10.0.0/24",
    "endpoint-group create others --cidr 10.12.0.0/24",
    "gateway create g --router r",
    "ike-policy create ike --encryption aes256 --authentication sha256 --groups 14,19",
    "ipsec-policy create ipsec --encryption aes256 --authentication sha256 --pfs 14",
    "connection create c --gateway g --local-group ours --peer-group theirs --peer 192.0.2.9 --ike-policy ike",
];

/// Changes, and what is shown then.
const CHANGED: &[(&str, &str)] = &[
    ("network update net --name other --enabled false", "other"),
    ("router update r --description said -o wide", "said"),
    (
        "subnet update alone --pool 10.6.0.40-10.6.0.49 --gateway-address 10.6.0.9 -o json",
        "10.6.0.49",
    ),
    (
        "subnet update alone --router r --name along -o wide",
        "along",
    ),
    (
        "machine update m --unfiltered --description tried -o wide",
        "tried",
    ),
    ("floating-ip update f --machine n --name front", "front"),
    (
        "endpoint-group update theirs --cidr 10.11.0.0/24",
        "10.11.0.0/24",
    ),
    ("gateway update g --name edge --enabled false", "edge"),
    ("security-group update web --name www", "www"),
    (
        "network update other --port-security false -o json",
        "\"port_security\": false",
    ),
    (
        "ike-policy update ike --encryption aes256gcm16 --lifetime 7200 -o wide",
        "7200",
    ),
    (
        "ipsec-policy update ipsec --name phase-2 --pfs= --encapsulation transport -o wide",
        "transport",
    ),
    (
        "connection update c --mtu 1280 --dead-peer hold --dead-peer-interval 10 --dead-peer-timeout 40",
        "1280",
    ),
    ("connection update c --peer-group others", "10.12.0.0/24"),
];

const DELETED: &[&str] = &[
    "connection delete c --yes",
    "ike-policy delete ike --yes",
    "ipsec-policy delete phase-2 --yes",
    "gateway delete edge --yes",
    "floating-ip delete front --yes",
    "machine delete m --yes",
    "machine delete n --yes",
    "endpoint-group delete ours --yes",
    "endpoint-group delete theirs --yes",
    "endpoint-group delete others --yes",
    "security-group delete www --yes",
    "subnet delete along --yes",
    "subnet delete s --yes",
    "router delete r --yes",
];

#[test]
fn each_noun_is_made_changed_listed_and_deleted_from_a_terminal() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aet", 57);
    assert!(fails(&serve, "network list", 3).contains("hint: `adit login`"));
    assert!(does(&serve, "login").contains("as member in demo until"));
    for line in MADE {
        does(&serve, line);
    }
    assert!(does(&serve, "network list").contains("9000"));
    assert!(does(&serve, "security-group rules web").contains("89"));
    let machine: Value = serde_json::from_str(&does(&serve, "machine show m -o json")).unwrap();
    assert_eq!(machine["floating_addresses"].as_array().unwrap().len(), 1);
    let yaml = does(&serve, "endpoint-group show theirs -o yaml");
    assert!(
        yaml.contains("kind: cidr\n") && yaml.contains("- 10.10.0.0/24\n"),
        "{yaml}"
    );
    for (line, shown) in CHANGED {
        assert!(does(&serve, line).contains(shown), "{line}");
    }
    are_told_how_far_they_reach(&serve);
    assert!(does(&serve, "summary").contains("The one connection"));
    assert!(
        does(
            &serve,
            "audit --since 2020-01-01T00:00:00Z --noun connection"
        )
        .contains("updated")
    );
    let before = "audit --until 2020-01-01T00:00:00Z -o name";
    assert_eq!(does(&serve, before), "");
    assert!(does(&serve, "project list").contains("demo"));
    assert!(does(&serve, "quota list").contains("floating_ip"));
    fails(&serve, "quota update demo router=5", 3);
    fails(&serve, "project create x", 3);
    let rules = does(&serve, "security-group rules www -o name");
    let rule = rules.lines().last().unwrap();
    let line = format!("security-group update-rule www {rule} --port-min 90 --port-max 99");
    assert!(does(&serve, &line).contains("99"));
    fails(
        &serve,
        &format!("security-group update-rule www {rule} --port-min x"),
        1,
    );
    does(&serve, &format!("security-group disallow www {rule}"));
    for line in DELETED {
        does(&serve, line);
    }
}

#[test]
fn several_logins_are_kept_each_under_its_name() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aex", 61);
    does(&serve, "login");
    does(&serve, "login --profile second --project demo");
    let all = does(&serve, "profile list");
    let current = all.lines().find(|line| line.starts_with('*')).unwrap();
    assert!(
        all.contains("default") && current.contains("second"),
        "{all}"
    );
    does(&serve, "profile use default");
    assert!(does(&serve, "profile show").contains("default"));
    assert!(does(&serve, "router list --profile second --project demo").starts_with("ID"));
    fails(&serve, "router list --profile third", 4);
    fails(&serve, "router list --project nowhere", 3);
    does(&serve, "profile delete second");
    assert!(does(&serve, "logout").contains("Logged out"));
    fails(&serve, "router list", 3);
}

#[test]
fn who_is_on_the_host_is_the_operator_by_the_socket_and_nobody_else() {
    let Some(_turn) = turn(&["setpriv"]) else {
        return;
    };
    let mut serve = Serve::start("aeu", 58);
    let path = serve.folder.join("state/adit.sock");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let by = format!("--socket={}", path.display());
    does(&serve, &format!("project create lab {by}"));
    assert!(does(&serve, &format!("project list {by}")).contains("lab"));
    assert!(does(&serve, &format!("quota update lab router=1 {by}")).contains("router"));
    does(&serve, &format!("router create r {by} --project lab"));
    fails(&serve, &format!("router create s {by} --project lab"), 5);
    assert!(!does(&serve, &format!("router list {by}")).contains(" r"));
    fails(&serve, &format!("router list {by} --project nowhere"), 1);
    let audit: Value = serde_json::from_str(&does(&serve, &format!("audit -o json {by}"))).unwrap();
    let actors: Vec<_> = audit.as_array().unwrap().iter().collect();
    assert!(
        actors.iter().any(|one| one["actor"]["kind"] == "operator"),
        "{audit}"
    );
    // Without a login nobody is let in by the address, and others than root not by the socket.
    let program = std::env::temp_dir().join("adit-test-operator");
    fs::copy(env!("CARGO_BIN_EXE_adit"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["router", "list", &by])
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    fs::remove_file(&program).unwrap();
    assert_eq!(output.status.code(), Some(6));
    serve.end(Signal::SIGTERM);
    assert!(!path.exists());
    // One that was left behind is in nobody's way.
    serve.run();
    serve.end(Signal::SIGKILL);
    assert!(path.exists());
    serve.run();
    does(&serve, &format!("project list {by}"));
}

#[test]
fn a_tunnel_says_how_old_its_sas_are_and_what_goes_through() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aev", 59);
    let connections = world.connect();
    world.works(&connections);
    let serve = &world.serve;
    let path = serve.folder.join("state/adit.sock");
    let line = format!(
        "connection list -o json --project demo --socket={}",
        path.display()
    );
    let all = || -> Vec<Value> { serde_json::from_str(&does(serve, &line)).unwrap() };
    let now = OffsetDateTime::now_utc();
    let time = |value: &Value| {
        let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    };
    for one in all() {
        assert_eq!(one["state"], "up", "{one}");
        let child = &one["children"][0];
        for (since, rekey_at) in [
            (&one["ike_since"], &one["ike_rekey_at"]),
            (&child["since"], &child["rekey_at"]),
        ] {
            let age = now - time(since);
            assert!(
                (Duration::ZERO..Duration::minutes(5)).contains(&age),
                "{one}"
            );
            assert!(time(rekey_at) > now + Duration::minutes(5), "{one}");
        }
    }
    let (a, b) = world.instances();
    until("it is said what goes through", VERDICT, || {
        ping_both(a, b);
        let rates = all()
            .iter()
            .map(|one| one["rates"].clone())
            .collect::<Vec<_>>();
        let carries = |one: &Value| one["packets_in"].as_u64() > Some(0);
        rates.iter().any(carries).then_some(())
    });
    let counted = all();
    let child = &counted[0]["children"][0]["traffic"];
    assert!(child["packets_in"].as_u64() > Some(0), "{child}");
}

#[test]
fn what_is_said_to_reach_another_does_and_what_is_said_to_be_stopped_does_not() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aew", 60);
    let path = serve.folder.join("state/adit.sock");
    let does = |line: &str| does(&serve, &format!("{line} --socket={}", path.display()));
    for line in [
        "router create r",
        "subnet create a --router r --cidr 10.5.0.0/24",
        "subnet create b --router r --cidr 10.6.0.0/24",
        "security-group create shut",
        "security-group create open",
        "security-group allow open --protocol icmp --remote-cidr 10.5.0.0/24",
        "machine create m --subnet a",
        "machine create n --subnet b",
    ] {
        does(line);
    }
    let [m, n] = ["m", "n"].map(|name| {
        let shown = until("the machine is there", PATIENCE, || {
            let shown = does(&format!("machine show {name} -o json"));
            let shown: Value = serde_json::from_str(&shown).unwrap();
            (shown["status"] == "running").then_some(shown)
        });
        let id = shown["id"].as_str().unwrap();
        Instance {
            namespace: format!("{}-i-{}", serve.prefix, &id[..8]),
            address: shown["address"].as_str().unwrap().to_owned(),
        }
    });
    for (change, verdict) in [
        ("machine update n --description open", "passes"),
        ("machine update n --security-group shut", "stopped"),
        ("machine update n --security-group open", "passes"),
        // What a new group lets its members send is anything.
        ("machine update m --security-group shut", "passes"),
        ("router update r --enabled false", "stopped"),
        ("router update r --enabled true", "passes"),
        ("machine update n --enabled false", "stopped"),
        ("machine update n --enabled true", "passes"),
    ] {
        does(change);
        until("packets do as it is said", VERDICT, || {
            let said = does("reach m n --protocol icmp --port 8 -o json");
            let said: Value = serde_json::from_str(&said).unwrap();
            // A machine may be on its way.
            (said["verdict"] == verdict).then_some(())?;
            ((ping(&m, &n.address).received > 0) == (verdict == "passes")).then_some(())
        });
    }
}
