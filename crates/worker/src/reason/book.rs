//! What is said of each thing that a worker finds wrong, as `docs/each-reason.md` has it. What two ends disagree on is
//! in `docs/explained.md`, where it was played against another program.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use adit_crypto::{CertificateFault, SignatureFault};
use adit_ike::{Distrust, Failure, Identity, Judge, Means, PpkFault};
use adit_ike_wire::IdType;
use adit_model::Cidr;
use time::OffsetDateTime;

use super::AfterLoss;
use crate::authentication::Unusable;
use crate::conversion::Unsupported;
use crate::finding::Finding;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const PEER: &str = "198.51.100.77";
const PAIR: &str = "10.1.0.0/24 === 10.77.0.0/24";
const BOOK: &str = "docs/each-reason.md";
const HEAD: &str = "# Each reason, as it is said

What `adit explain` says of each reason that a gateway finds by itself; what two ends disagree on is in
[explained.md](explained.md). `crates/worker/src/reason/book.rs` compares these texts with what is said today; which test
has each come of its cause is in [status-reasons.md](status-reasons.md). The peer is 198.51.100.77.
";

/// What a failure is called in the book; `None` has its place in `docs/explained.md`. There is no case for the rest,
/// so that one that is new asks for its place.
const fn title(failure: &Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::AggressiveMode => "The peer begins with aggressive mode",
        Failure::AnswersLost { .. } => "Our answers don't arrive",
        Failure::Authentication { by: Judge::Peer } => "The peer refuses the key",
        Failure::Distrust(distrust) => distrusted(distrust),
        Failure::ChildNotInstalled => "The data plane refuses a Child SA",
        Failure::Lost => "The peer is gone, and is looked for",
        Failure::Mode { by: Judge::Peer } => "The peer agrees to tunnel mode alone",
        Failure::Mode { by: Judge::Us } => "The peer asks for tunnel mode",
        Failure::NatInBetween => "A NAT, and ESP is not to go in UDP",
        Failure::NoNatTraversal => "No NAT traversal, and ESP is to go in UDP",
        Failure::NoAnswer { .. } => "Nobody answers",
        Failure::Refused { .. } => "The peer refuses, and does not say why",
        Failure::Authentication { by: Judge::Us }
        | Failure::EspProposal { .. }
        | Failure::IkeProposal { .. }
        | Failure::Identity { .. }
        | Failure::NameAskedFor { .. }
        | Failure::Selectors { .. }
        | Failure::Version { .. } => return None,
    })
}

const fn distrusted(distrust: &Distrust) -> &'static str {
    match distrust {
        Distrust::Certificate(fault) => match fault {
            CertificateFault::Expired { .. } => "A certificate is too old",
            CertificateFault::ListExpired { .. } => "A revocation list is too old",
            CertificateFault::Missing => "No certificate comes",
            CertificateFault::NotForIdentity { .. } => "A certificate is somebody else's",
            CertificateFault::NotYetValid { .. } => "A certificate is not valid yet",
            CertificateFault::Purpose => "A certificate is for something else",
            CertificateFault::Revoked => "A certificate was revoked",
            CertificateFault::TooMany => "Too many certificates come",
            CertificateFault::Untrusted { .. } => {
                "A certificate is of an authority that is not known"
            }
            CertificateFault::Unusable { .. } => "A certificate breaks the rules",
        },
        Distrust::Means { .. } => "A key where a certificate is wanted",
        Distrust::NoCommonHash => "The peer takes no signature of ours",
        Distrust::Ppk(fault) => match fault {
            PpkFault::Differs { .. } => "The post-quantum keys differ",
            PpkFault::Either { .. } => "One of two keys differs",
            PpkFault::Missing => "The peer has no post-quantum key",
            PpkFault::Refused { .. } => "The peer refuses one of two keys",
            PpkFault::Unknown { .. } => "The post-quantum keys have other names",
        },
        Distrust::Refused => "The peer does not believe our certificate",
        Distrust::Signature(SignatureFault::Algorithm) => "The peer signs by SHA-1",
        Distrust::Signature(SignatureFault::Wrong) => "The peer's key is not its certificate's",
    }
}

fn failures() -> Vec<Failure> {
    let (until, now) = (1_790_000_000, 1_795_000_000);
    let subject = || "CN=branch.example.org".to_owned();
    let id = || b"site-ppk".to_vec();
    let certificates = [
        CertificateFault::Expired {
            subject: subject(),
            until,
            now,
        },
        CertificateFault::NotYetValid {
            subject: subject(),
            from: now,
            now: until,
        },
        CertificateFault::Untrusted {
            subject: subject(),
            issuer: "CN=Branch CA".to_owned(),
        },
        CertificateFault::NotForIdentity {
            names: vec!["branch.example.org".to_owned(), subject()],
        },
        CertificateFault::Revoked,
        CertificateFault::ListExpired { until, now },
        CertificateFault::Purpose,
        CertificateFault::Missing,
        CertificateFault::TooMany,
        CertificateFault::Unusable {
            what: "it is no certificate of X.509 version 3",
        },
    ];
    let keys = [
        PpkFault::Differs { id: id() },
        PpkFault::Either { id: id() },
        PpkFault::Missing,
        PpkFault::Unknown {
            theirs: b"other-ppk".to_vec(),
        },
        PpkFault::Refused { id: id() },
    ];
    let mut distrust: Vec<_> = certificates
        .into_iter()
        .map(Distrust::Certificate)
        .collect();
    distrust.extend([
        Distrust::Means {
            wanted: Means::Certificate,
            shown: Means::PresharedKey,
        },
        Distrust::NoCommonHash,
        Distrust::Signature(SignatureFault::Algorithm),
        Distrust::Signature(SignatureFault::Wrong),
        Distrust::Refused,
    ]);
    distrust.extend(keys.into_iter().map(Distrust::Ppk));
    let mut all = vec![
        Failure::NoAnswer { sent: 5 },
        Failure::AnswersLost {
            after: Duration::from_secs(32),
        },
        Failure::Lost,
        Failure::Refused {
            notification: "INVALID_SYNTAX".to_owned(),
        },
        Failure::Authentication { by: Judge::Peer },
        Failure::AggressiveMode,
        Failure::Mode { by: Judge::Peer },
        Failure::Mode { by: Judge::Us },
        Failure::NatInBetween,
        Failure::NoNatTraversal,
        Failure::ChildNotInstalled,
    ];
    all.extend(distrust.into_iter().map(Failure::Distrust));
    all
}

const fn unsupported_title(unsupported: &Unsupported) -> &'static str {
    match unsupported {
        Unsupported::Algorithms(_) => "IKEv1 has no number for an algorithm",
        Unsupported::AnyAddressByV1(_) => "A peer at any address, by IKEv1",
        Unsupported::Anybody(_) => "A peer at any address, and of any name",
        Unsupported::Family(_) => "No address of the peer's family",
        Unsupported::Certificates(Unusable::ByV1) => "Certificates, by IKEv1",
        Unsupported::Certificates(_) => "A certificate that is not of this end's identity",
        Unsupported::AhEsp => "ESP within AH",
        Unsupported::AhInUdp => "AH in UDP",
        Unsupported::Transport { .. } => "Transport mode between networks",
        Unsupported::TooMany => "Too many connections",
    }
}

fn unsupported() -> Vec<Unsupported> {
    let block = |text: &str| text.parse::<Cidr>().unwrap();
    let any = [0, 0, 0, 0].into();
    vec![
        Unsupported::Algorithms("encryption".to_owned()),
        Unsupported::AnyAddressByV1(any),
        Unsupported::Anybody(any),
        Unsupported::Family("2001:db8::77".parse().unwrap()),
        Unsupported::Certificates(Unusable::ByV1),
        Unsupported::Certificates(Unusable::OwnIdentity {
            identity: Identity {
                kind: IdType::FQDN,
                data: b"vpn.example.org".to_vec(),
            },
            names: vec!["gateway.example.org".to_owned()],
        }),
        Unsupported::AhEsp,
        Unsupported::AhInUdp,
        Unsupported::Transport {
            local: block("203.0.113.1/32"),
            peer: block("198.51.100.77/32"),
        },
        Unsupported::TooMany,
    ]
}

/// What has a constructor of its own.
fn others() -> Vec<(&'static str, Finding)> {
    vec![
        (
            "The first answer is awaited",
            Finding::negotiating(NOW, PEER),
        ),
        ("The peer has to begin", Finding::waiting(NOW, PEER)),
        (
            "A peer at any address has to begin",
            Finding::waiting_for_any(NOW, "a peer at any address"),
        ),
        (
            "The peer closed the tunnel",
            Finding::closed_by_peer(NOW, PEER),
        ),
        (
            "The peer is gone, and has to begin",
            Finding::lost(NOW, PEER, AfterLoss::WaitForPeer),
        ),
        (
            "The peer is gone, and a packet begins",
            Finding::lost(NOW, PEER, AfterLoss::WaitForTraffic),
        ),
        ("One of two tunnels is silent", Finding::silent(NOW, PEER)),
        ("A pair without a Child SA", Finding::dead_pair(NOW, PAIR)),
        (
            "SHA-256, truncated otherwise",
            Finding::unreadable(NOW, PAIR, PEER, true),
        ),
        (
            "No packet passes its check",
            Finding::unreadable(NOW, PAIR, PEER, false),
        ),
        ("AH, and a NAT", Finding::nat_before_ah(NOW, PEER)),
    ]
}

#[test]
fn each_reason_is_said_as_the_book_has_it() {
    let mut all = others();
    for failure in failures() {
        let title = title(&failure).expect("those of the other book are not among them");
        all.push((title, Finding::of_failure(NOW, &failure, PEER)));
    }
    for one in unsupported() {
        all.push((unsupported_title(&one), Finding::of_unsupported(NOW, &one)));
    }
    let mut book = HEAD.to_owned();
    for (title, finding) in all {
        let text = finding.reason;
        write!(book, "\n## {title}\n\n```text\n{text}\n```\n").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(BOOK);
    if env::var_os("ADIT_WRITE_EXPLAINED").is_some() {
        fs::write(&path, &book).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        book,
        "see ADIT_WRITE_EXPLAINED"
    );
}
