//! Tunnels whose ends show who they are by certificates. The gateway is told without a face; `native` has one by the command
//! line.

use adit_model::ReasonCode;
use adit_model::authentication::{Authentication, Certificates, Pem, PrivateKey};
use adit_model::connection::{Identity, Initiator};
use adit_model::policy::IkeVersion;
use adit_sim::{Authority, Issued, KeyType, NOW, Wanted as Certificate};

use crate::ends::Ends;
use crate::scoreboard::comes_up_and_goes;
use crate::strongswan::{Files, Peer, TOOLS};
use crate::support::{VERDICT, turn, until};

const SWAN: &str = "swan.example.com";
const ADIT: &str = "adit.example.com";

const BOTH: [Initiator; 2] = [Initiator::BiDirectional, Initiator::ResponseOnly];

fn pem(text: &str) -> Pem {
    Pem::new(text.to_owned()).unwrap()
}

fn by(authority: &Authority, issued: &Issued, list: Option<&str>) -> Authentication {
    Authentication::Certificates(Box::new(Certificates {
        own: pem(&issued.pem),
        key: PrivateKey::new(issued.key_pem.clone().into_bytes()).unwrap(),
        authorities: pem(&authority.pem),
        revocation_lists: list.map(pem),
    }))
}

fn issue(authority: &Authority, name: &str, key: KeyType) -> Issued {
    authority.issue(&Certificate {
        key,
        ..Certificate::named(name)
    })
}

/// The files of a strongSwan of this certificate, which believes this authority.
fn files(issued: &Issued, authority: &Authority) -> Files {
    Files {
        own: [issued.pem.clone(), issued.key_pem.clone()],
        between: Vec::new(),
        authority: authority.pem.clone(),
        list: None,
    }
}

/// Has strongSwan have these; a test has few, and they last as long as it does.
fn set(ends: &mut Ends, files: Files) {
    ends.wanted.more.certificates = Some(Box::leak(Box::new(files)));
}

fn named(prefix: &str, number: u8) -> Ends {
    let mut ends = Ends::new(prefix, number);
    ends.wanted.ids = Some([SWAN, ADIT]);
    ends.tunnel().local_id = Identity::parse(ADIT);
    ends.tunnel().peer_id = Identity::parse(SWAN);
    ends.speak(IkeVersion::V2);
    ends
}

/// Begun by each end.
#[track_caller]
fn by_each_end(ends: &mut Ends, peer: &Peer) {
    for initiator in BOTH {
        ends.tunnel().initiator = initiator;
        comes_up_and_goes(ends, peer);
    }
}

#[test]
fn each_type_of_key_authenticates_both_ends_whoever_begins() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al1", 171);
    let peer = Peer::start(&ends.host, &ends.wanted);
    for key in KeyType::ALL {
        eprintln!("{key:?}");
        let authority = Authority::root("Root", key);
        let (own, other) = (issue(&authority, ADIT, key), issue(&authority, SWAN, key));
        ends.tunnel().authentication = by(&authority, &own, None);
        set(&mut ends, files(&other, &authority));
        by_each_end(&mut ends, &peer);
    }
}

#[test]
fn a_peer_without_rfc_7427_signs_by_ecdsa_s_own_numbers() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al2", 172);
    ends.wanted.more.of_daemon = "signature_authentication = no";
    let peer = Peer::start(&ends.host, &ends.wanted);
    for key in [KeyType::P256, KeyType::P384, KeyType::P521] {
        let authority = Authority::root("Root", KeyType::P256);
        let (own, other) = (issue(&authority, ADIT, key), issue(&authority, SWAN, key));
        ends.tunnel().authentication = by(&authority, &own, None);
        set(&mut ends, files(&other, &authority));
        by_each_end(&mut ends, &peer);
    }
    // RSA without RFC 7427 is SHA-1 there, which is not taken.
    let authority = Authority::root("Root", KeyType::Rsa2048);
    let key = KeyType::Rsa2048;
    let (own, other) = (issue(&authority, ADIT, key), issue(&authority, SWAN, key));
    ends.tunnel().authentication = by(&authority, &own, None);
    ends.tunnel().initiator = Initiator::ResponseOnly;
    set(&mut ends, files(&other, &authority));
    peer.configure(&ends.wanted);
    ends.apply();
    ends.host.has_order(ends.id());
    peer.try_initiate();
    is_told(&ends, &["SHA-1"]);
}

#[test]
fn authorities_between_are_sent_in_fragments_both_ways() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al3", 173);
    ends.wanted.more.fragment_size = Some(600);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let root = Authority::root("Root", KeyType::Rsa2048);
    let [one, two] = ["One", "Two"].map(|name| root.below(name, KeyType::Rsa2048));
    let own = issue(&one, ADIT, KeyType::Rsa2048);
    let other = issue(&two, SWAN, KeyType::Rsa2048);
    let whole = Issued {
        pem: own.pem.clone() + &one.pem,
        ..own
    };
    ends.tunnel().authentication = by(&root, &whole, None);
    let files = Files {
        between: vec![two.pem],
        ..files(&other, &root)
    };
    set(&mut ends, files);
    by_each_end(&mut ends, &peer);
}

#[test]
fn addresses_are_identities_of_certificates_too() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("al4", 174);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let authority = Authority::root("Root", KeyType::P256);
    let of = |address: &str| {
        authority.issue(&Certificate {
            names: Vec::new(),
            addresses: vec![address.parse().unwrap()],
            ..Certificate::named("a gateway")
        })
    };
    let (own, other) = (of(&ends.wanted.gateway), of(&peer.address));
    ends.tunnel().authentication = by(&authority, &own, None);
    set(&mut ends, files(&other, &authority));
    by_each_end(&mut ends, &peer);
}

/// The reason's evidence comes to have all of this.
#[track_caller]
fn is_told(ends: &Ends, told: &[&str]) {
    let mut last = String::new();
    until("the reason is told", VERDICT, || {
        last = ends
            .host
            .down_for(ends.id(), ReasonCode::CannotAuthenticateConnection);
        told.iter().all(|part| last.contains(part)).then_some(())
    });
}

/// The tunnel stays down for a reason whose evidence has all of this, whoever begins.
#[track_caller]
fn refused(ends: &mut Ends, peer: &Peer, told: &[&str]) {
    for initiator in BOTH {
        ends.tunnel().initiator = initiator;
        peer.configure(&ends.wanted);
        ends.apply();
        if initiator == Initiator::ResponseOnly {
            ends.host.has_order(ends.id());
            peer.try_initiate();
        }
        is_told(ends, told);
        assert!(peer.sas().children.is_empty());
        ends.host.remove(&ends.place, ends.id());
    }
}

#[test]
fn what_is_wrong_with_the_peer_s_certificate_is_named_and_heals() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al5", 175);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let authority = Authority::root("Root", KeyType::P256);
    let stranger = Authority::root("Stranger", KeyType::P256);
    let own = issue(&authority, ADIT, KeyType::P256);
    let other = issue(&authority, SWAN, KeyType::P256);
    let trusts_own = |issued: &Issued| files(issued, &authority);
    ends.tunnel().authentication = by(&authority, &own, None);

    let untrusted = issue(&stranger, SWAN, KeyType::P256);
    set(&mut ends, trusts_own(&untrusted));
    refused(&mut ends, &peer, &["CN=Stranger", "no authority"]);

    let over = authority.issue(&Certificate {
        valid: (1_000_000_000, 1_700_000_000),
        ..Certificate::named(SWAN)
    });
    set(&mut ends, trusts_own(&over));
    refused(
        &mut ends,
        &peer,
        &["CN=swan.example.com", "was valid until 2023-11-14"],
    );

    let (_, list) = authority.revoke(&[&other], NOW + 1000);
    ends.tunnel().authentication = by(&authority, &own, Some(&list));
    set(&mut ends, trusts_own(&other));
    refused(&mut ends, &peer, &["revoked"]);

    ends.tunnel().authentication = by(&authority, &own, None);
    by_each_end(&mut ends, &peer);
}

#[test]
fn a_peer_by_another_name_is_refused() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al6", 176);
    ends.wanted.ids = Some(["other.example.com", ADIT]);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let authority = Authority::root("Root", KeyType::P256);
    let own = issue(&authority, ADIT, KeyType::P256);
    let other = issue(&authority, "other.example.com", KeyType::P256);
    ends.tunnel().authentication = by(&authority, &own, None);
    ends.tunnel().initiator = Initiator::ResponseOnly;
    set(&mut ends, files(&other, &authority));
    peer.configure(&ends.wanted);
    ends.apply();
    ends.host.has_order(ends.id());
    peer.try_initiate();
    is_told(&ends, &["other.example.com", SWAN]);
}

#[test]
fn a_peer_that_does_not_believe_us_says_so() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al7", 177);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let authority = Authority::root("Root", KeyType::P256);
    let stranger = Authority::root("Stranger", KeyType::P256);
    let own = issue(&stranger, ADIT, KeyType::P256);
    let other = issue(&authority, SWAN, KeyType::P256);
    ends.tunnel().authentication = by(&authority, &own, None);
    set(&mut ends, files(&other, &authority));
    peer.configure(&ends.wanted);
    ends.apply();
    is_told(&ends, &["AUTHENTICATION_FAILED"]);
}

#[test]
fn a_key_where_a_certificate_is_wanted_is_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = named("al8", 178);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let authority = Authority::root("Root", KeyType::P256);
    let own = issue(&authority, ADIT, KeyType::P256);
    ends.tunnel().authentication = by(&authority, &own, None);
    ends.tunnel().initiator = Initiator::ResponseOnly;
    ends.apply();
    ends.host.has_order(ends.id());
    peer.try_initiate();
    is_told(&ends, &["by a pre-shared key", "wants a certificate"]);
}
