//! What `adit explain` says of each thing that can be wrong, and that either way out which it names is one.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use crate::native::Terminal;
use crate::scene::{Scene, Suite};
use crate::strongswan::{BLOCK, More, Peer, TOOLS, Wanted};
use crate::support::{PATIENCE, poll, turn, until};

/// Something that either end can mend.
struct Case {
    title: &'static str,
    /// What is explained, and by which evidence.
    code: &'static str,
    evidence: &'static str,
    /// What more the connection is made with, and what takes its place to mend it here.
    wrong: &'static str,
    here: &'static str,
    /// What the peer is while it is wrong, and what mends it there.
    peer: Wanted,
    there: Wanted,
    /// Whether the tunnel is up all the same.
    is_warning: bool,
}

const POLICIES: [&str; 6] = [
    "ike-policy create phase-1 --encryption aes128 --authentication sha256 --groups 14",
    "ike-policy create stronger --encryption aes256 --authentication sha384 --groups 20",
    "ike-policy create older --version v1 --encryption aes128 --authentication sha256 --groups 14",
    "ipsec-policy create phase-2 --encryption aes128 --authentication sha256",
    "ipsec-policy create strong --encryption aes256 --authentication sha512",
    "ipsec-policy create secret-forward --encryption aes128 --authentication sha256 --pfs 14",
];

/// How a connection is made that fits the peer.
const RIGHT: &str = "--ike-policy phase-1 --ipsec-policy phase-2";

impl Case {
    fn new(
        right: &Wanted,
        title: &'static str,
        code: &'static str,
        here: &'static str,
        peer: Wanted,
    ) -> Self {
        Self {
            title,
            code,
            evidence: "",
            wrong: "",
            here,
            peer,
            there: right.clone(),
            is_warning: false,
        }
    }
}

/// Who the two are.
fn of_identities(right: &Wanted, peer: &'static str) -> Vec<Case> {
    let mismatch = "cannot_authenticate_connection";
    let gateway: &'static str = right.gateway.clone().leak();
    vec![
        Case {
            // Where this end begins, it is the peer that refuses, in other words.
            evidence: "AUTH from",
            ..Case::new(
                right,
                "The pre-shared keys differ",
                mismatch,
                "--psk-file /dev/stdin",
                Wanted {
                    psk: OTHER_KEY,
                    ..right.clone()
                },
            )
        },
        Case {
            evidence: "calls itself",
            ..Case::new(
                right,
                "The peer calls itself something else",
                mismatch,
                "--peer-id @branch.example.org",
                Wanted {
                    ids: Some(["branch.example.org", gateway]),
                    ..right.clone()
                },
            )
        },
        Case {
            evidence: "asks for",
            ..Case::new(
                right,
                "The peer asks for somebody else",
                mismatch,
                "--local-id @vpn.example.org",
                Wanted {
                    ids: Some([peer, "vpn.example.org"]),
                    ..right.clone()
                },
            )
        },
    ]
}

/// What protects them.
fn of_algorithms(right: &Wanted) -> Vec<Case> {
    vec![
        Case::new(
            right,
            "The IKE policies have nothing in common",
            "ike_policy_mismatch",
            "--ike-policy stronger",
            Wanted {
                ike: "aes256-sha384-ecp384",
                ..right.clone()
            },
        ),
        Case::new(
            right,
            "The peer speaks another version of IKE",
            "ike_policy_mismatch",
            "--ike-policy older",
            Wanted {
                version: 1,
                ..right.clone()
            },
        ),
        Case::new(
            right,
            "The IPsec policies have nothing in common",
            "ipsec_policy_mismatch",
            "--ipsec-policy strong",
            Wanted {
                esp: "aes256-sha512",
                ..right.clone()
            },
        ),
        Case {
            is_warning: true,
            wrong: "--ipsec-policy secret-forward",
            there: Wanted {
                esp: "aes128-sha256-modp2048",
                ..right.clone()
            },
            ..Case::new(
                right,
                "This end wants forward secrecy, and the peer does not",
                "ipsec_policy_mismatch",
                "--ipsec-policy phase-2",
                right.clone(),
            )
        },
    ]
}

/// What is carried, and who begins.
fn of_blocks(right: &Wanted) -> Vec<Case> {
    vec![
        Case {
            evidence: "the peer asked for",
            ..Case::new(
                right,
                "The blocks don't mirror each other",
                "ike_v2_local_remote_cidr_mismatch",
                "--local-cidrs 10.250.0.0/24",
                Wanted {
                    remote: "10.250.0.0/24",
                    ..right.clone()
                },
            )
        },
        Case {
            is_warning: true,
            ..Case::new(
                right,
                "The peer agrees to less",
                "ike_v2_local_remote_cidr_mismatch",
                "--peer-cidrs 10.77.0.0/25",
                Wanted {
                    more: More {
                        of_child: "local_ts = 10.77.0.0/25",
                        ..More::default()
                    },
                    ..right.clone()
                },
            )
        },
        Case {
            wrong: "--initiator response-only",
            ..Case::new(
                right,
                "Neither end begins",
                "negotiating",
                "--initiator bi-directional",
                right.clone(),
            )
        },
    ]
}

const KEY: &str = crate::scene::PSK;
const OTHER_KEY: &str = "another key, of the peer";

/// What is explained of the connection.
fn explained(adit: &Terminal<'_>) -> String {
    adit.does("explain to-swan")
}

impl Case {
    fn connect(&self, adit: &Terminal<'_>, peer: &Peer) {
        peer.configure(&self.peer);
        let wrong = match self.wrong {
            policy if policy.contains("--ipsec-policy") => format!("--ike-policy phase-1 {policy}"),
            more => format!("{RIGHT} {more}"),
        };
        let address = &peer.address;
        adit.does_with(
            &format!(
                "connection create to-swan --gateway gateway-one --peer {address} --peer-cidrs {BLOCK} --psk-file /dev/stdin {wrong}"
            ),
            KEY,
        );
    }

    /// Waits until it is explained, while strongSwan begins now and then; the explanation.
    fn named(&self, adit: &Terminal<'_>, peer: &Peer) -> String {
        let why = format!("Why ({}):", self.code);
        let mut last = String::new();
        let seen = poll(PATIENCE * 2, || {
            last = explained(adit);
            // What was seen of both ends comes when the peer has begun.
            let is_whole = self.is_warning || !last.contains("NO_PROPOSAL_CHOSEN");
            let is_whole = is_whole && last.contains("at the other end:");
            if last.contains(&why) && last.contains(self.evidence) && is_whole {
                return Some(last.clone());
            }
            if !last.starts_with("to-swan is up") && self.code != "negotiating" {
                peer.try_initiate();
            }
            None
        });
        seen.unwrap_or_else(|| panic!("{}: {last}", self.title))
    }

    /// Waits until it is mended.
    fn mended(&self, adit: &Terminal<'_>) {
        let mut last = String::new();
        let is_up = poll(PATIENCE * 2, || {
            last = explained(adit);
            (last.starts_with("to-swan is up") && !last.contains(self.code)).then_some(())
        });
        is_up.unwrap_or_else(|| panic!("{}: {last}", self.title));
    }

    fn forget(&self, adit: &Terminal<'_>, peer: &Peer) {
        adit.does("connection delete to-swan --yes");
        until("the peer has no SA left", PATIENCE, || {
            peer.sas().ike.is_empty().then_some(())
        });
    }
}

/// Without what differs from run to run.
fn settled(text: &str, own: &str, peer: &str) -> String {
    let text = text
        .replace(own, "203.0.113.1")
        .replace(peer, "198.51.100.77");
    let text = match text.split_once("sent ").zip(text.split_once(" times")) {
        Some(((before, _), (_, after))) => format!("{before}sent n times{after}"),
        None => text,
    };
    let lines = text.lines().filter(|line| !line.contains("packet"));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// What one end alone can mend.
fn one_sided(scene: &Scene, adit: &Terminal<'_>, peer: &Peer, right: &Wanted, book: &mut String) {
    let aggressive = Wanted {
        version: 1,
        more: More {
            of_connection: "aggressive = yes",
            ..More::default()
        },
        ..right.clone()
    };
    let older = "--ike-policy older --ipsec-policy phase-2";
    let weak = "--ike-policy weak --ipsec-policy phase-2";
    let down = format!("{RIGHT} --enabled false");
    adit.does("ike-policy create weak --encryption 3des --authentication sha1 --groups 2");
    for (title, code, of_connection, of_peer) in [
        (
            "It is set down",
            "administratively_down",
            down.as_str(),
            None,
        ),
        ("Nobody answers", "peer_not_responding", RIGHT, None),
        (
            "The peer begins with aggressive mode",
            "ike_policy_mismatch",
            older,
            Some(&aggressive),
        ),
        ("An algorithm is weak", "weak_algorithm", weak, None),
    ] {
        match of_peer {
            Some(wanted) => peer.configure(wanted),
            None => peer.forget(),
        }
        let nobody = format!("{}.99", scene.serve.external);
        let address = of_peer.map_or(&nobody, |_| &peer.address);
        let create = format!("connection create to-swan --gateway gateway-one --peer {address}");
        let more = format!("--peer-cidrs {BLOCK} --psk-file /dev/stdin {of_connection}");
        adit.does_with(&format!("{create} {more}"), KEY);
        let why = format!("Why ({code}):");
        let text = until(title, PATIENCE * 2, || {
            if of_peer.is_some() {
                peer.try_initiate();
            }
            let text = explained(adit);
            // Both reasons are there once nobody has answered for a while.
            let is_whole = code != "weak_algorithm" || text.contains("no answer from");
            (text.contains(&why) && is_whole).then_some(text)
        });
        let text = settled(&text, &scene.site.address, address);
        write!(book, "\n## {title}\n\n```text\n{text}```\n").unwrap();
        adit.does("connection delete to-swan --yes");
    }
}

const BOOK: &str = "docs/explained.md";

#[test]
fn some_of_what_two_ends_don_t_agree_on_is_mended_as_it_is_explained() {
    story("axe", 203, |number| [number % 6 == 0, number % 6 == 3]);
}

#[test]
#[ignore = "either way out of everything takes longer: make interop-full"]
fn each_end_can_mend_what_the_two_don_t_agree_on_as_it_is_explained() {
    story("axf", 206, |_| [true, true]);
}

/// Plays everything; what is wrong is mended here, and there, where that is so for its number.
fn story(prefix: &str, number: u8, ways: impl Fn(usize) -> [bool; 2]) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let right = Wanted {
        psk: KEY,
        ..scene.wanted(&Suite::cbc_sha256())
    };
    let peer = Peer::start(&scene.serve, &right);
    let adit = Terminal {
        serve: &scene.serve,
    };
    adit.does("login");
    for policy in POLICIES {
        adit.does(policy);
    }
    let own: &'static str = peer.address.clone().leak();
    let mut book = "# What is explained\n\n`adit explain` of a connection between a gateway at 203.0.113.1 and a strongSwan at 198.51.100.77, for each thing on\nwhich two ends can disagree. Each text was seen, and both ways out of each were tried, one after the other: each\nbrought the tunnel up (`tests/interop/explain.rs`, which also compares these texts with what is said today). The last\nfour are what one end alone can mend.\n".to_owned();
    let identities = of_identities(&right, own).into_iter();
    let others = { of_algorithms(&right).into_iter() }.chain(of_blocks(&right));
    let mut is_whole = true;
    for (number, case) in identities.chain(others).enumerate() {
        let [here, there] = ways(number);
        if !here && !there {
            is_whole = false;
            continue;
        }
        let mut text = String::new();
        if here {
            case.connect(&adit, &peer);
            text = case.named(&adit, &peer);
            let update = format!("connection update to-swan {}", case.here);
            adit.does_with(&update, OTHER_KEY);
            case.mended(&adit);
            case.forget(&adit, &peer);
        }
        if there {
            case.connect(&adit, &peer);
            text = case.named(&adit, &peer);
            if case.code == "negotiating" {
                peer.try_initiate();
            }
            peer.configure(&case.there);
            if case.is_warning {
                adit.does("connection restart to-swan");
            }
            case.mended(&adit);
            case.forget(&adit, &peer);
        }
        let text = settled(&text, &scene.site.address, own);
        write!(book, "\n## {}\n\n```text\n{text}```\n", case.title).unwrap();
    }
    one_sided(&scene, &adit, &peer, &right, &mut book);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(BOOK);
    if is_whole && env::var_os("ADIT_WRITE_EXPLAINED").is_some() {
        fs::write(&path, &book).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    for chapter in book.split("\n## ") {
        assert!(
            written.contains(chapter),
            "ADIT_WRITE_EXPLAINED=1 writes {BOOK}, which lacks: {chapter}"
        );
    }
    if is_whole {
        assert_eq!(written, book);
    }
}
