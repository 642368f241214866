//! SoftLayer's own command line client, with the story that its documentation of 2020 tells: a tunnel is ordered, its
//! parameters and networks are set, and it is configured; then packets come through, by IKEv1.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::programs;
use crate::strongswan::{BLOCK, INNER, More, Peer, TOOLS, Wanted};
use crate::support::namespace::{ip, within};
use crate::support::serve::Serve;
use crate::support::site::{Instance, Site};
use crate::support::traffic::{ping, ping_with};
use crate::support::{PATIENCE, turn, until};

const SITE: &str = "10.240.0.0/24";

/// The first of the addresses that are assigned.
const ASSIGNED: &str = "10.1.255.92";

/// A service of the operator's, and the block that it is in.
const SERVICE: [&str; 2] = ["10.98.7.1", "10.98.7.0/24"];

/// The peer's Child SA for that block.
const TO_SERVICE: &str = "service {
    local_ts = 10.77.0.0/24
    remote_ts = 10.98.7.0/24
    esp_proposals = aes256-sha256-modp1536
    start_action = none
}";

const KEY: &str = "seed-key-1";

/// `slcli` as the demo account.
struct Client<'a> {
    serve: &'a Serve,
    program: PathBuf,
}

impl Client<'_> {
    fn run(&self, words: &[&str]) -> Result<String, String> {
        let clients = self.serve.folder.join("state/clients");
        let output = Command::new(&self.program)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &clients)
            .arg("-C")
            .arg(clients.join("softlayer.conf"))
            .args(["-y", "--format", "json"])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        if output.status.success() {
            Ok(out)
        } else {
            Err(out + &err)
        }
    }

    /// An `ipsec` command as typed, which must work; what it prints.
    #[track_caller]
    fn ipsec(&self, command: &str) -> String {
        let words: Vec<_> = ["ipsec"].into_iter().chain(command.split(' ')).collect();
        let said = self.run(&words);
        said.unwrap_or_else(|said| panic!("slcli ipsec {command}: {said}"))
    }

    /// One that must be refused with these words.
    #[track_caller]
    fn refused(&self, command: &str, why: &str) {
        let words: Vec<_> = ["ipsec"].into_iter().chain(command.split(' ')).collect();
        match self.run(&words) {
            Ok(said) => panic!("slcli ipsec {command} works: {said}"),
            Err(said) => {
                // It breaks lines where a terminal would.
                let said: Vec<_> = said.split_whitespace().collect();
                let said = said.join(" ");
                assert!(said.contains(why), "slcli ipsec {command}: {said}");
            }
        }
    }

    /// A method that no command is for.
    #[track_caller]
    fn call(&self, words: &str) -> Value {
        let words: Vec<_> = ["call-api"].into_iter().chain(words.split(' ')).collect();
        let said = self
            .run(&words)
            .unwrap_or_else(|said| panic!("{words:?}: {said}"));
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{words:?}: {said}"))
    }

    /// What a command prints, which may be several tables, one after another.
    #[track_caller]
    fn tables(&self, command: &str) -> Vec<Value> {
        let said = self.ipsec(command);
        let tables = serde_json::Deserializer::from_str(&said).into_iter();
        tables
            .map(|table| table.unwrap_or_else(|_| panic!("{command}: {said}")))
            .collect()
    }
}

/// All parameters of both phases, as the client spells them.
fn parameters(crypto: &str, auth: &str, group: u8, seconds: [u32; 2]) -> String {
    let [one, two] = seconds;
    format!(
        "--p1-auth {auth} --p1-crypto {crypto} --p1-dh {group} --p1-key-ttl {one} --p2-auth {auth} --p2-crypto {crypto} \
         --p2-dh {group} --p2-key-ttl {two} --p2-forward-secrecy 1"
    )
}

/// Orders one; its number and its gateway's address.
fn order(client: &Client<'_>) -> (u64, String) {
    assert_eq!(client.tables("list"), [json!([])]);
    client.refused("order -d lon02", "Unable to find location: lon02");
    let ordered = &client.tables("order -d dal10")[0];
    assert!(ordered["Id"].is_u64(), "{ordered}");
    assert_eq!(ordered["Name"], "IPSEC - Standard");
    let listed = client.tables("list").remove(0);
    let context = &listed[0];
    let id = context["id"].as_u64().unwrap();
    let address = context["internal peer IP address"].as_str().unwrap();
    (id, address.to_owned())
}

/// Sets all parameters and networks, and configures it; the numbers of the networks here and there.
fn configure(client: &Client<'_>, id: u64, peer: &Peer) -> [u64; 2] {
    // The weakest that the service ever had, then the strongest.
    let weakest = parameters("DES", "MD5", 1, [120, 172_800]);
    let address = &peer.address;
    client.ipsec(&format!(
        "update {id} --friendly-name branch --remote-peer {address} --preshared-key {} {weakest}",
        KEY
    ));
    client.refused(&format!("update {id} --p1-dh 0"), "phase one needs a group");
    client.refused(
        &format!("configure {id}"),
        "no internal subnet was added yet",
    );
    let subnets = client.call("SoftLayer_Account getPrivateSubnets");
    let subnet = subnets[0]["id"].as_u64().unwrap();
    client.ipsec(&format!("subnet-add {id} -t internal -s {subnet}"));
    client.ipsec(&format!("subnet-add {id} -t remote -n {BLOCK}"));
    client.refused(
        &format!("subnet-add {id} -t remote -n 10.240.0.0/25"),
        "shares addresses with",
    );
    client.refused(
        &format!("subnet-add {id} -t service -s 999"),
        "Unable to find object",
    );
    client.ipsec(&format!("configure {id}"));
    let detail = client.tables(&format!("detail {id} -i is -i rs -i at -i sr -i ss"));
    assert_eq!(detail[0]["phase 1 encryption"], "DES", "{detail:?}");
    assert_eq!(detail[0]["phase 1 diffie hellman group"], 1);
    assert_eq!(detail[0]["phase 2 key life"], 172_800);
    assert_eq!(detail[1][0]["network identifier"], "10.240.0.0");
    assert_eq!(detail[2][0]["network identifier"], "10.77.0.0");
    [subnet, detail[2][0]["id"].as_u64().unwrap()]
}

/// What is not there is refused by its name.
fn refuse(client: &Client<'_>, id: u64) {
    for (command, why) in [
        (
            format!("translation-add {id} -s 10.1.255.200 -r 10.77.0.1"),
            "none of the assigned addresses",
        ),
        (
            format!("translation-add {id} -s 10.1.255.92 -r 192.168.10.15"),
            "in none of the customer subnets",
        ),
        (
            format!("translation-update {id} -t 1 -n web"),
            "Unable to find object",
        ),
        (
            format!("translation-remove {id} -t 1"),
            "Unable to find object",
        ),
        (
            format!("subnet-remove {id} -t internal -s 999"),
            "Unable to find object",
        ),
    ] {
        client.refused(&command, why);
    }
}

/// An assigned address stands for a host at the other end, both ways, as soon as that is configured and as long as it is.
fn translate(client: &Client<'_>, id: u64, instance: &Instance, peer: &Peer) {
    let translation = |client: &Client<'_>| {
        let tables = client.tables(&format!("detail {id} -i at -i sr"));
        assert_eq!(tables[2][0]["network identifier"], ASSIGNED, "{tables:?}");
        tables[1][0].clone()
    };
    client.ipsec(&format!(
        "translation-add {id} -s 10.1.255.93 -r {INNER} -n host"
    ));
    let made = translation(client);
    let number = made["id"].as_u64().unwrap();
    client.ipsec(&format!(
        "translation-update {id} -t {number} -s {ASSIGNED} -n web"
    ));
    let changed = translation(client);
    assert_eq!(
        (&changed["id"], &changed["note"]),
        (&made["id"], &json!("web")),
        "{changed}"
    );
    ping(instance, ASSIGNED).none();
    client.ipsec(&format!("configure {id}"));
    until("the address stands for the host", PATIENCE, || {
        ping(instance, ASSIGNED).are_all().then_some(())
    });
    // It is known by that address alone, and what it begins comes from it.
    ping(instance, INNER).none();
    let nft = |words: &str| {
        let output = within(&instance.namespace, "nft").arg(words).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    nft(&format!(
        "add table ip seen; add chain ip seen in {{ type filter hook input priority 0; }}; \
         add rule ip seen in icmp type echo-request ip saddr {ASSIGNED} counter"
    ));
    let from = format!("-I {INNER} -c 3 -i 0.02");
    ping_with(&peer.namespace, &instance.address, &from).all();
    let seen = nft("list table ip seen");
    assert!(!seen.contains("packets 0 "), "{seen}");
    nft("delete table ip seen");
    client.ipsec(&format!("translation-remove {id} -t {number}"));
    client.ipsec(&format!("configure {id}"));
    until("the address stands for nobody", PATIENCE, || {
        (!ping(instance, ASSIGNED).are_all()).then_some(())
    });
    ping(instance, INNER).all();
}

/// What is behind the peer reaches a service of the operator's, which has no way back but to the router.
fn serve_the_operators(client: &Client<'_>, id: u64, peer: &Peer) {
    let [service, block] = SERVICE;
    let bridge = format!("{}-ext", client.serve.prefix);
    ip(&format!("address add {service}/32 dev {bridge}"));
    let from = format!("-I {INNER} -c 3 -i 0.02");
    let reached = || ping_with(&peer.namespace, service, &from);
    reached().none();
    let known = client.call(&format!(
        "SoftLayer_Network_Tunnel_Module_Context getAllAvailableServiceSubnets --id {id}"
    ));
    let (network, _) = block.split_once('/').unwrap();
    assert_eq!(known[0]["networkIdentifier"], network, "{known}");
    let number = known[0]["id"].as_u64().unwrap();
    client.ipsec(&format!("subnet-add {id} -t service -s {number}"));
    let listed = client.tables(&format!("detail {id} -i ss"));
    assert_eq!(listed[1][0]["network identifier"], network, "{listed:?}");
    client.ipsec(&format!("configure {id}"));
    until("the service answers", PATIENCE, || {
        reached().are_all().then_some(())
    });
    client.ipsec(&format!("subnet-remove {id} -t service -s {number}"));
    client.ipsec(&format!("configure {id}"));
    until("it does not any more", PATIENCE, || {
        (reached().received == 0).then_some(())
    });
}

/// Addresses that stand for hosts, and the operator's services.
fn settings() -> String {
    let service = SERVICE[1];
    format!("[classic]\nstatic_addresses = \"{ASSIGNED}/30\"\nservice_subnets = [\"{service}\"]\n")
}

#[test]
fn a_tunnel_is_ordered_edited_configured_and_cancelled_by_slcli() {
    let Some(programs) = programs("softlayer-6", "slcli") else {
        return;
    };
    let Some(_turn) = turn(TOOLS) else { return };
    let serve = Serve::start_with("av8", 68, &settings());
    let site = Site::new(&serve, &serve.api(), "one", &[SITE]);
    let client = Client {
        serve: &serve,
        program: programs.join("slcli"),
    };
    let (id, gateway) = order(&client);
    let wanted = Wanted {
        version: 1,
        gateway,
        ike: "des-md5-modp768",
        esp: "des-md5-modp768",
        psk: KEY,
        remote: SITE,
        remote_v6: None,
        ids: None,
        more: More::default(),
    };
    let peer = Peer::start(&serve, &wanted);

    let [subnet, block] = configure(&client, id, &peer);
    let instance = &site.instances[0];
    peer.bring_up(PATIENCE);
    until("packets come through", PATIENCE, || {
        ping(instance, INNER).are_all().then_some(())
    });
    assert!(peer.sas().text.contains("DES_CBC"), "{}", peer.sas().text);

    // A change waits until it is configured: the peer speaks of it too early.
    let mut wanted = Wanted {
        ike: "aes256-sha256-modp1536",
        esp: "aes256-sha256-modp1536",
        ..wanted
    };
    wanted.more.children = TO_SERVICE;
    peer.try_terminate();
    peer.configure(&wanted);
    let strongest = parameters("AES256", "SHA256", 5, [14_400, 3600]);
    client.ipsec(&format!("update {id} {strongest}"));
    peer.try_initiate();
    let sas = peer.sas();
    assert!(!sas.text.contains("AES_CBC"), "{}", sas.text);
    client.ipsec(&format!("configure {id}"));
    peer.bring_up(PATIENCE);
    until("packets come through", Duration::from_secs(20), || {
        ping(instance, INNER).are_all().then_some(())
    });
    let sas = peer.sas();
    assert!(sas.text.contains("IKEv1"), "{}", sas.text);
    assert!(sas.text.contains("MODP_1536"), "{}", sas.text);

    refuse(&client, id);
    translate(&client, id, instance, &peer);
    serve_the_operators(&client, id, &peer);
    // A peer that has moved on to IKEv2 gets in by that.
    wanted.version = 2;
    peer.try_terminate();
    peer.configure(&wanted);
    peer.bring_up(PATIENCE);
    until("packets come through", PATIENCE, || {
        ping(instance, INNER).are_all().then_some(())
    });
    let sas = peer.sas();
    assert!(sas.text.contains("IKEv2"), "{}", sas.text);
    client.ipsec(&format!("subnet-remove {id} -t remote -s {block}"));
    client.ipsec(&format!("subnet-remove {id} -t internal -s {subnet}"));
    // What was taken away stays until it is configured, which needs some networks.
    assert!(ping(instance, INNER).are_all());
    client.refused(&format!("configure {id}"), "no internal subnet");

    client.ipsec(&format!("cancel {id}"));
    assert_eq!(client.tables("list").remove(0).as_array().unwrap().len(), 1);
    client.ipsec(&format!("cancel {id} --immediate --force"));
    assert_eq!(client.tables("list"), [json!([])]);
    let gateways = serve.api().get("vpn_gateways").is(200);
    assert_eq!(
        gateways["vpn_gateways"].as_array().unwrap().len(),
        1,
        "{gateways}"
    );
    ping(instance, INNER).none();
}
