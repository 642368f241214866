//! Every algorithm against strongSwan: one Adit gateway and one charon are kept, and connections between them come and
//! go. Each is up by both sides' word with the suite that was wanted and no other, and carries pings both ways, which
//! strongSwan counts. Adit begins; by IKEv2 strongSwan then renews both SAs, and the same is asked again.
//!
//! A slice with every word runs with the other tests; `make interop-full` runs all.

use std::time::{Duration, Instant};

use adit_model::policy::DhGroup;
use serde_json::{Value, json};

use crate::ends::Ends;
use crate::scene::{Scene, Suite, ike, ikev1, ipsec};
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::traffic::ping_with;
use crate::support::{PATIENCE, poll, skipped, turn, until};

const CIPHERS: [&str; 6] = [
    "aes128",
    "aes192",
    "aes256",
    "3des",
    "aes256gcm16",
    "chacha20poly1305",
];
const HASHES: [&str; 4] = ["sha1", "sha256", "sha384", "sha512"];
const GROUPS: [(u16, &str); 9] = [
    (2, "modp1024"),
    (5, "modp1536"),
    (14, "modp2048"),
    (15, "modp3072"),
    (16, "modp4096"),
    (19, "ecp256"),
    (20, "ecp384"),
    (21, "ecp521"),
    (31, "x25519"),
];

/// How long one combination may take until it is up.
const LIMIT: Duration = Duration::from_secs(8);

/// One combination, in strongSwan's words, which are the names of Adit's suites too.
#[derive(Clone, Debug)]
struct Combination {
    version: u8,
    ike: String,
    esp: String,
    /// Adit's policies; `null` negotiates.
    ike_policy: Policy,
    ipsec_policy: Policy,
}

/// A policy to make, or none.
#[derive(Clone, Debug)]
enum Policy {
    None,
    /// By the VPC dialect.
    Vpc(Value),
    /// By the OpenStack dialect, which has words for more.
    Neutron(Value),
}

impl Combination {
    /// `None` where IKEv1 has no such thing.
    fn of(version: u8, cipher: &str, hash: &str, (number, group): (u16, &str)) -> Option<Self> {
        let is_cbc = !matches!(cipher, "aes256gcm16" | "chacha20poly1305");
        // A CBC cipher is named by policies. The others have no word in the VPC dialect's IKE policies: without a
        // policy Adit offers them among others, and strongSwan takes nothing else.
        let vpc = |suite: Value| Policy::Vpc(suite);
        Some(match (version, is_cbc) {
            (2, true) => Self {
                version,
                ike: format!("{cipher}-{hash}-{group}"),
                esp: format!("{cipher}-{hash}"),
                ike_policy: vpc(ike(cipher, hash, number)),
                ipsec_policy: vpc(ipsec(cipher, hash)),
            },
            (2, false) => Self {
                version,
                ike: format!("{cipher}-prf{hash}-{group}"),
                esp: cipher.to_owned(),
                ike_policy: Policy::None,
                ipsec_policy: Policy::None,
            },
            (_, true) => Self {
                version,
                ike: format!("{cipher}-{hash}-{group}"),
                esp: format!("{cipher}-{hash}"),
                ike_policy: vpc(ikev1(cipher, hash, number)),
                ipsec_policy: vpc(ipsec(cipher, hash)),
            },
            // IKEv1's own messages are in CBC mode, and ChaCha20 has no number in its ESP.
            (_, false) if cipher == "aes256gcm16" => Self {
                version,
                ike: format!("aes256-{hash}-{group}"),
                esp: cipher.to_owned(),
                ike_policy: vpc(ikev1("aes256", hash, number)),
                ipsec_policy: vpc(ipsec(cipher, "disabled")),
            },
            (_, false) => return None,
        })
    }

    /// By OpenStack's words, for what the other dialect has none for: the cipher and hash of both phases.
    fn neutron(ike: &str, esp: &str, [ike_words, esp_words]: [[&str; 3]; 2]) -> Self {
        let [cipher, hash, group] = ike_words;
        let [esp_cipher, esp_hash, pfs] = esp_words;
        let ike_policy = json!({
            "ike_version": "v2",
            "encryption_algorithm": cipher,
            "auth_algorithm": hash,
            "pfs": group,
        });
        let ipsec_policy = json!({
            "encryption_algorithm": esp_cipher,
            "auth_algorithm": esp_hash,
            "pfs": pfs,
        });
        Self {
            version: 2,
            ike: ike.to_owned(),
            esp: esp.to_owned(),
            ike_policy: Policy::Neutron(ike_policy),
            ipsec_policy: Policy::Neutron(ipsec_policy),
        }
    }

    /// The same by IKEv1.
    fn by_ikev1(mut self) -> Self {
        self.version = 1;
        if let Policy::Neutron(body) = &mut self.ike_policy {
            body["ike_version"] = json!("v1");
        }
        self
    }
}

/// What is kept from one combination to the next.
struct Bench {
    scene: Scene,
    peer: Option<Peer>,
    ran: usize,
    failed: Vec<String>,
    began: Instant,
}

/// A policy that was made: what a connection names it by, and how it is deleted.
type Made = (Value, Option<Policy>);

impl Bench {
    fn new(prefix: &str, number: u8) -> Self {
        Self {
            scene: Scene::new(prefix, number),
            peer: None,
            ran: 0,
            failed: Vec::new(),
            began: Instant::now(),
        }
    }

    fn make(&self, kind: [&str; 2], policy: &Policy) -> Made {
        match policy {
            Policy::None => (Value::Null, None),
            Policy::Vpc(body) => {
                let reference = self.scene.policy(kind[0], body);
                let path = format!("{}/{}", kind[0], reference["id"].as_str().unwrap());
                (reference, Some(Policy::Vpc(json!(path))))
            }
            Policy::Neutron(body) => {
                let mut body = body.clone();
                body["name"] = json!("words");
                let path = format!("vpn/{}", kind[1].replace('_', ""));
                let collection = path.replace("policy", "policies");
                let made = self
                    .scene
                    .api
                    .make(&collection, &kind[1].replace('_', ""), body);
                let id = made["id"].as_str().unwrap();
                let path = format!("{collection}/{id}");
                // The VPC dialect knows the same by the region's prefix and its own spelling.
                (
                    json!({"id": format!("r006-{id}")}),
                    Some(Policy::Neutron(json!(path))),
                )
            }
        }
    }

    fn remove(&self, (_, how): Made) {
        match how {
            Some(Policy::Vpc(path)) => {
                let answer = self.scene.api.delete(path.as_str().unwrap());
                assert_eq!(answer.status, 204, "{}", answer.body);
            }
            Some(Policy::Neutron(path)) => {
                let path = path.as_str().unwrap();
                let answer = self.scene.api.neutron("DELETE", path, &Value::Null);
                assert_eq!(answer.status, 204, "{}", answer.body);
            }
            _ => {}
        }
    }

    /// Tries one; what goes wrong is kept, and the next one is tried.
    fn run(&mut self, one: &Combination) {
        let began = Instant::now();
        let suite = Suite {
            ike: one.ike.clone().leak(),
            esp: one.esp.clone().leak(),
            ike_policy: Value::Null,
            ipsec_policy: Value::Null,
        };
        let mut wanted = self.scene.wanted(&suite);
        wanted.version = one.version;
        let serve = &self.scene.serve;
        let peer = self.peer.get_or_insert_with(|| Peer::start(serve, &wanted));
        peer.configure(&wanted);
        let ike_policy = self.make(["ike_policies", "ike_policy"], &one.ike_policy);
        let ipsec_policy = self.make(["ipsec_policies", "ipsec_policy"], &one.ipsec_policy);
        let fields = json!({
            "ike_policy": &ike_policy.0,
            "ipsec_policy": &ipsec_policy.0,
        });
        let connection = self.scene.connect_with(&suite, &fields);
        let verdict = self
            .carries(&connection, one)
            .and_then(|()| self.renewed(&connection, one));
        let line = format!("IKEv{} {} / {}", one.version, one.ike, one.esp);
        let took = began.elapsed().as_millis();
        match verdict {
            Ok(()) => eprintln!("{line}: {took} ms"),
            Err(why) => {
                eprintln!("{line}: FAILED: {why}");
                self.failed.push(format!("{line}: {why}"));
            }
        }
        self.ran += 1;
        assert_eq!(self.scene.api.delete(&connection).status, 202);
        let peer = self.peer.as_ref().unwrap();
        let gone = || peer.sas().text.trim().is_empty().then_some(());
        if poll(PATIENCE, gone).is_none() {
            peer.try_terminate();
            self.failed.push(format!("{line}: strongSwan kept its SA"));
        }
        let forgotten = || (self.scene.api.get(&connection).status == 404).then_some(());
        poll(PATIENCE, forgotten).expect("the connection is gone");
        self.remove(ike_policy);
        self.remove(ipsec_policy);
    }

    /// By IKEv2, strongSwan renews both SAs and so has Adit answer with each algorithm.
    fn renewed(&self, connection: &str, one: &Combination) -> Result<(), String> {
        if one.version == 1 || matches!(one.ike_policy, Policy::Neutron(_)) {
            return Ok(());
        }
        let peer = self.peer.as_ref().unwrap();
        for what in ["--ike adit", "--child net"] {
            let before = peer.sas();
            peer.swanctl(&format!("--rekey {what}"));
            let renewed = poll(LIMIT, || {
                let now = peer.sas();
                let alone = now.ike.len() == 1 && now.children.len() == 1;
                let changed = match what {
                    "--child net" => now.children != before.children,
                    _ => now.ike != before.ike,
                };
                (alone && changed).then_some(())
            });
            if renewed.is_none() {
                return Err(format!("--rekey {what}: {}", peer.sas().text));
            }
            self.carries(connection, one)?;
        }
        Ok(())
    }

    fn carries(&self, connection: &str, one: &Combination) -> Result<(), String> {
        let mut last = Value::Null;
        let up = poll(LIMIT, || {
            last = self.scene.api.get(connection).is(200);
            (last["status"] == "up").then_some(())
        });
        if up.is_none() {
            return Err(format!("not up: {}", last["status_reasons"]));
        }
        let negotiated = &last["negotiated"];
        let (ike, child) = (&negotiated["ike_suite"], &negotiated["children"][0]);
        if ike != one.ike.as_str() || child["suite"] != one.esp.as_str() {
            return Err(format!("another suite: {negotiated}"));
        }
        let peer = self.peer.as_ref().unwrap();
        let before = peer.sas();
        let (namespace, to) = (
            &self.scene.instance().namespace,
            &self.scene.instance().address,
        );
        let there = ping_with(namespace, INNER, "-c 3 -i 0.02 -W 2");
        let back = ping_with(
            &peer.namespace,
            to,
            &format!("-c 3 -i 0.02 -W 2 -I {INNER}"),
        );
        for pings in [there, back] {
            if pings.received != pings.sent {
                return Err(format!("lost pings: {}", pings.text));
            }
        }
        let after = peer.sas();
        let counted = (
            after.packets_in.saturating_sub(before.packets_in),
            after.packets_out.saturating_sub(before.packets_out),
        );
        let version = format!(", IKEv{}, ", one.version);
        let said = after.ike.iter().any(|line| line.contains(&version));
        if counted.0 < 6 || counted.1 < 6 || !said {
            return Err(format!("strongSwan says otherwise: {}", after.text));
        }
        Ok(())
    }

    /// Says what ran; nothing may have failed.
    fn end(self, what: &str) {
        let took = self.began.elapsed().as_secs();
        let (ran, failed) = (self.ran, self.failed.len());
        eprintln!("{what}: {ran} ran, {failed} failed, {took} s");
        assert!(self.failed.is_empty(), "{:#?}", self.failed);
    }
}

/// Every cipher, every hash, every group, by both versions.
#[test]
fn a_slice_with_every_word() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut bench = Bench::new("mxs", 161);
    for version in [1, 2] {
        for (n, group) in GROUPS.into_iter().enumerate() {
            let (cipher, hash) = (CIPHERS[n % CIPHERS.len()], HASHES[n % HASHES.len()]);
            if let Some(one) = Combination::of(version, cipher, hash, group) {
                bench.run(&one);
            }
        }
    }
    bench.end("slice of the algorithm matrix");
}

/// All there are. Takes minutes: `make interop-full` runs it.
#[test]
#[ignore = "takes minutes; make interop-full"]
fn the_whole_matrix() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut bench = Bench::new("mxw", 162);
    let mut without = 0;
    for version in [1, 2] {
        for cipher in CIPHERS {
            for hash in HASHES {
                for group in GROUPS {
                    match Combination::of(version, cipher, hash, group) {
                        Some(one) => bench.run(&one),
                        None => without += 1,
                    }
                }
            }
        }
    }
    eprintln!("not possible: {without}, as IKEv1 has no number for ChaCha20-Poly1305 (RFC 7634)");
    bench.end("algorithm matrix");
}

/// What a gateway without any policy takes by the seed's tables of automatic negotiation: three ciphers, three
/// hashes and three groups in phase 1, three ciphers and three hashes in phase 2, in any combination.
#[test]
fn without_a_policy_every_combination_of_the_documented_tables_comes_up() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut bench = Bench::new("mxa", 163);
    let hashes = ["sha1", "sha256", "md5"];
    let ciphers = ["aes128", "aes256", "3des"];
    let combination = |ike: String, esp: String| Combination {
        version: 2,
        ike,
        esp,
        ike_policy: Policy::None,
        ipsec_policy: Policy::None,
    };
    for cipher in ciphers {
        for hash in hashes {
            for group in ["modp1024", "modp1536", "modp2048"] {
                let ike = format!("{cipher}-{hash}-{group}");
                bench.run(&combination(ike, "aes128-sha256".to_owned()));
            }
        }
    }
    assert_eq!(bench.ran, 27);
    for cipher in ciphers {
        for hash in hashes {
            let ike = "aes128-sha256-modp2048".to_owned();
            bench.run(&combination(ike, format!("{cipher}-{hash}")));
        }
    }
    bench.end("tables of automatic negotiation");
}

/// ML-KEM beside the group's exchange, at the start and with a rekey of the IKE SA. strongSwan has it from 6.0 on.
#[test]
fn ml_kem_beside_a_group() {
    let Some(_turn) = turn(TOOLS) else { return };
    if Peer::major().is_none_or(|major| major < 6) {
        return skipped("strongSwan 6");
    }
    let mut bench = Bench::new("mxk", 165);
    for (ike, esp) in [
        ("aes256gcm16-prfsha256-x25519", "aes256gcm16"),
        ("aes128-sha256-modp2048", "aes128-sha256"),
        ("aes256-sha512-ecp384", "aes256-sha512"),
    ] {
        bench.run(&Combination {
            version: 2,
            ike: format!("{ike}-ke1_mlkem768"),
            esp: esp.to_owned(),
            ike_policy: Policy::None,
            ipsec_policy: Policy::None,
        });
    }
    bench.end("ML-KEM");
}

/// The same for a Child SA with forward secrecy, which either end rekeys.
#[test]
fn ml_kem_beside_the_group_of_a_child_sa() {
    let Some(_turn) = turn(TOOLS) else { return };
    if Peer::major().is_none_or(|major| major < 6) {
        return skipped("strongSwan 6");
    }
    let mut ends = Ends::new("mxc", 167);
    ends.wanted.ike = "aes128-sha256-modp2048-ke1_mlkem768";
    ends.wanted.esp = "aes128-sha256-x25519-ke1_mlkem768";
    ends.tunnel().ipsec.pfs = vec![DhGroup::try_from(31).unwrap()];
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    // Where forward secrecy is wanted Adit rekeys the first one after some seconds.
    let rekeyed = |by: &str| {
        until("a rekey with IKE_FOLLOWUP_KE", PATIENCE, || {
            let log = peer.log();
            let done = log.contains(&format!("parsed IKE_FOLLOWUP_KE {by}"));
            let suite = peer.sas().text.contains("ML_KEM_768");
            (done && suite).then_some(())
        });
    };
    rekeyed("request");
    ends.works(&peer);
    peer.swanctl("--rekey --child net");
    rekeyed("response");
    ends.works(&peer);
}

/// What policies of OpenStack can name beside that.
#[test]
fn the_rarer_words_of_openstack_s_policies() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut bench = Bench::new("mxr", 164);
    let usual = ["aes-128", "sha256", "group14"];
    let esp = |name: &str, cipher, hash| {
        let words = [usual, [cipher, hash, "group14"]];
        Combination::neutron("aes128-sha256-modp2048", name, words)
    };
    let of_esp = [
        esp("aes128ctr-sha256", "aes-128-ctr", "sha256"),
        esp("aes256ctr-sha384", "aes-256-ctr", "sha384"),
        esp("aes128ccm8", "aes-128-ccm-8", "sha256"),
        esp("aes192ccm12", "aes-192-ccm-12", "sha256"),
        esp("aes256ccm16", "aes-256-ccm-16", "sha256"),
        esp("aes128gcm8", "aes-128-gcm-8", "sha256"),
        esp("aes192gcm12", "aes-192-gcm-12", "sha256"),
        esp("aes256gcm16", "aes-256-gcm-16", "sha256"),
        esp("aes128-aesxcbc", "aes-128", "aes-xcbc"),
        esp("aes256-aescmac", "aes-256", "aes-cmac"),
    ];
    for one in &of_esp {
        bench.run(one);
        // IKEv1 has no number for AES-CMAC, and agrees on a group in quick mode at once.
        if !one.esp.ends_with("aescmac") {
            let mut old = one.clone().by_ikev1();
            old.esp.push_str("-modp2048");
            bench.run(&old);
        }
    }
    for (ike, cipher, hash) in [
        ("aes128ctr-sha256-ecp256", "aes-128-ctr", "sha256"),
        ("aes128ccm8-prfsha256-ecp256", "aes-128-ccm-8", "sha256"),
        ("aes256ccm12-prfsha256-ecp256", "aes-256-ccm-12", "sha256"),
        ("aes192ccm16-prfsha384-ecp256", "aes-192-ccm-16", "sha384"),
        ("aes128gcm8-prfsha256-ecp256", "aes-128-gcm-8", "sha256"),
        ("aes256gcm12-prfsha512-ecp256", "aes-256-gcm-12", "sha512"),
        ("aes128-aesxcbc-ecp256", "aes-128", "aes-xcbc"),
        ("aes128-aescmac-ecp256", "aes-128", "aes-cmac"),
    ] {
        let words = [[cipher, hash, "group19"], ["aes-128", "sha256", "group19"]];
        bench.run(&Combination::neutron(ike, "aes128-sha256", words));
    }
    for (group, name) in [
        (17, "modp6144"),
        (22, "modp1024s160"),
        (23, "modp2048s224"),
        (24, "modp2048s256"),
        (25, "ecp192"),
        (26, "ecp224"),
        (27, "ecp224bp"),
        (28, "ecp256bp"),
        (29, "ecp384bp"),
        (30, "ecp512bp"),
    ] {
        let group = format!("group{group}");
        let words = [["aes-128", "sha256", &group], ["aes-128", "sha256", &group]];
        let ike = format!("aes128-sha256-{name}");
        let new = Combination::neutron(&ike, "aes128-sha256", words);
        bench.run(&new);
        let mut old = new.by_ikev1();
        old.esp = format!("aes128-sha256-{name}");
        bench.run(&old);
    }
    bench.end("rarer words");
}
