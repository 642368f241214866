//! Adit's own command line, from logging in to a peer that was configured by what it wrote.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use adit_sim::{Authority, KeyType, Wanted as Certificate};

use crate::scene::{SITE, Scene, Suite};
use crate::strongswan::{BLOCK, Files, INNER, Peer, TOOLS};
use crate::support::serve::Serve;
use crate::support::traffic::ping;
use crate::support::{PATIENCE, turn, until};

/// Somebody's terminal, in which `demo-openrc` was sourced.
pub(crate) struct Terminal<'a> {
    pub(crate) serve: &'a Serve,
}

impl Terminal<'_> {
    /// A command line, words separated by spaces.
    fn run(&self, line: &str, input: &str) -> Output {
        let openrc = self.serve.folder.join("state/clients/demo-openrc");
        let openrc = fs::read_to_string(openrc).unwrap();
        let exports = openrc
            .lines()
            .filter_map(|line| line.strip_prefix("export "));
        let mut child = Command::new(env!("CARGO_BIN_EXE_adit"))
            .args(line.split_whitespace())
            .envs(exports.filter_map(|line| line.split_once('=')))
            .env("XDG_CONFIG_HOME", self.serve.folder.join("config"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> String {
        self.does_with(line, "")
    }

    /// The same, with this on its standard input.
    #[track_caller]
    pub(crate) fn does_with(&self, line: &str, input: &str) -> String {
        let output = self.run(line, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "adit {line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is complained of.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, status: i32) -> String {
        self.fails_with(line, "", status)
    }

    /// The same, with this on its standard input.
    #[track_caller]
    pub(crate) fn fails_with(&self, line: &str, input: &str, status: i32) -> String {
        let output = self.run(line, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "adit {line}: {said}");
        said
    }
}

#[test]
fn a_peer_set_up_from_what_the_command_line_writes_comes_up() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("akc", 196);
    let peer = Peer::start_unplugged(&scene.serve, &scene.wanted(&Suite::gcm()));
    let adit = Terminal {
        serve: &scene.serve,
    };
    let said = adit.fails("connection list", 3);
    assert!(said.contains("hint: `adit login`"), "{said}");
    assert!(adit.does("login").contains("as member in demo until"));
    let address = &peer.address;
    let create = "connection create to-swan --gateway gateway-one --peer";
    let made = adit.does(&format!("{create} {address} --peer-cidrs {BLOCK}"));
    let key = made
        .lines()
        .find_map(|line| line.strip_prefix("pre-shared key"));
    let key = key.unwrap().trim().to_owned();
    assert_eq!(adit.does("connection psk to-swan").trim(), key);
    until("it is said that nobody answers", PATIENCE, || {
        let said = adit.does("explain to-swan");
        let stops = format!("x {address} does not answer.");
        (said.starts_with("to-swan is not up yet") && said.contains(&stops)).then_some(())
    });
    let written = adit.does("peer-config to-swan --vendor strongswan --with-psk");
    assert!(written.contains(&key), "{written}");
    peer.configure_as(&written);
    peer.plug();
    let shown = adit.does("connection update to-swan --enabled true --wait");
    assert!(shown.contains("up"), "{shown}");
    ping(scene.instance(), INNER).all();
    until("all of it is said to be there", PATIENCE, || {
        let said = adit.does("explain to-swan");
        let is_whole = !said.contains(" x ") && !said.contains(" - ");
        let carried = format!("+ {SITE} === {BLOCK} is carried.");
        (is_whole && said.contains(&carried)).then_some(())
    });
    let before = peer.sas().children;
    adit.does("connection rekey to-swan");
    until("its keys are others", PATIENCE, || {
        let now = peer.sas().children;
        (now.len() == 1 && now != before).then_some(())
    });
    ping(scene.instance(), INNER).all();
    let before = peer.sas().ike;
    adit.does("connection restart to-swan --wait");
    ping(scene.instance(), INNER).all();
    let now = peer.sas().ike;
    assert!(!now.iter().any(|ike| before.contains(ike)), "{now:?}");
    let log = adit.does("connection log to-swan");
    assert!(
        log.contains("IKE SA established") && log.contains("the tunnel is up"),
        "{log}"
    );
    let list = adit.does("connection list");
    assert!(list.contains("to-swan") && list.contains("up"), "{list}");
    assert!(adit.does("connection list -o json").contains("\"ladder\""));
    adit.fails("connection show nobody", 4);
    adit.fails("connection delete to-swan", 1);
    adit.does("connection delete to-swan --yes");
    assert_eq!(adit.does("connection list -o name"), "");
    let said = adit.does("logout");
    assert_eq!(said, "Logged out.\n");
    adit.fails("connection list", 3);
}

#[test]
fn one_command_makes_everything_and_is_told_what_is_wrong() {
    let Some(_turn) = turn(TOOLS) else { return };
    let serve = Serve::start("akd", 197);
    let adit = Terminal { serve: &serve };
    adit.does("login");
    let create = "connection create branch --new-network 10.241.0.0/24 --peer";
    let said = adit.fails(&format!("{create} 192.0.2.5 --peer-cidrs 10.2.0.1/24"), 1);
    assert!(said.contains("peer.cidrs[0]"), "{said}");
    let said = adit.fails(&format!("{create} 192.0.2.5 --peer-cidrs 10.241.0.0/25"), 1);
    assert!(said.contains("peer.cidrs"), "{said}");
    assert_eq!(adit.does("gateway list -o name"), "");
    let policy =
        "ike-policy create old --version v1 --encryption aes256,3des --authentication sha1";
    assert!(
        adit.does(&format!("{policy} --groups 5,2"))
            .contains("aes256, 3des")
    );
    adit.does("ipsec-policy create old --encryption aes128 --authentication sha1 --pfs 5");
    adit.does("ipsec-policy delete old --yes");
    adit.does("router create middle");
    adit.does("subnet create inside --router middle --cidr 10.242.0.0/24");
    adit.does("machine create one --subnet inside");
    until("the machine is there", PATIENCE, || {
        let shown = adit.does("machine show one");
        (shown.contains("10.242.0.2") && shown.contains("running")).then_some(())
    });
    adit.fails("router delete middle --yes", 5);
    for gone in [
        "machine delete one",
        "subnet delete inside",
        "router delete middle",
    ] {
        adit.does(&format!("{gone} --yes"));
    }
    let waits = "--peer-cidrs 10.2.0.0/24 --wait --timeout 1";
    let said = adit.fails(&format!("{create} {}.77 {waits}", serve.external), 1);
    assert!(said.contains("is not up after 1 s"), "{said}");
    until("the gateway is there", PATIENCE, || {
        adit.does("gateway list")
            .contains("available")
            .then_some(())
    });
    adit.fails("gateway delete branch --yes", 5);
    adit.does("connection delete branch --yes");
    adit.does("gateway delete branch --yes");
}

#[test]
fn the_command_line_makes_a_tunnel_by_certificates_and_a_post_quantum_key() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("akh", 200);
    let authority = Authority::root("Root", KeyType::P256);
    let [own, other] = ["adit.example.com", "swan.example.com"]
        .map(|name| authority.issue(&Certificate::named(name)));
    let mut wanted = scene.wanted(&Suite::gcm());
    wanted.ids = Some(["swan.example.com", "adit.example.com"]);
    wanted.more.certificates = Some(Box::leak(Box::new(Files {
        own: [other.pem, other.key_pem],
        between: Vec::new(),
        authority: authority.pem.clone(),
        list: None,
    })));
    wanted.more.ppk = Some(("ppk@example.com", "a post-quantum pre-shared key", true));
    let peer = Peer::start(&scene.serve, &wanted);
    let adit = Terminal {
        serve: &scene.serve,
    };
    adit.does("login");
    let folder = scene.serve.folder.join("certificates");
    fs::create_dir(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let create = format!(
        "connection create by-certificate --gateway gateway-one --peer {} --peer-cidrs {BLOCK} \
         --local-id adit.example.com --peer-id swan.example.com \
         --certificate {} --private-key {} --authorities {} --ppk-id ppk@example.com --ppk-file {} --ppk-required --wait",
        peer.address,
        file("own.pem", &own.pem),
        file("own.key", &own.key_pem),
        file("root.pem", &authority.pem),
        file("ppk", "a post-quantum pre-shared key\n"),
    );
    let shown = adit.does(&create);
    assert!(shown.contains("-ppk"), "{shown}");
    ping(scene.instance(), INNER).all();
    adit.does("connection update by-certificate --no-ppk");
    let dump = adit.does("connection show by-certificate -o json");
    let secret = own.key_pem.lines().nth(1).unwrap();
    assert!(!dump.contains(secret) && dump.contains("BEGIN CERTIFICATE"));
}
