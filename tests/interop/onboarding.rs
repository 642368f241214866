//! A ticket goes in, a sheet comes out; a peer that is set up from it alone connects, the test passes, the request closes.

use std::fs;

use crate::native::Terminal;
use crate::scene::{SITE, Scene, Suite};
use crate::strongswan::{BLOCK, INNER, Peer, TOOLS};
use crate::support::traffic::ping;
use crate::support::{PATIENCE, turn, until};

/// What follows a word on a line that begins with it, or the line after it.
#[track_caller]
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let (_, rest) = text
        .split_once(word)
        .unwrap_or_else(|| panic!("no {word:?} in {text}"));
    rest.split_whitespace().next().unwrap()
}

/// A section of the sheet.
fn section<'a>(sheet: &'a str, title: &str) -> &'a str {
    let (_, rest) = sheet.split_once(&format!("----- {title} -----\n")).unwrap();
    rest.split("\n-----").next().unwrap()
}

#[test]
fn a_ticket_becomes_a_tunnel_that_both_ends_agree_on() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("akf", 198);
    let adit = Terminal {
        serve: &scene.serve,
    };
    adit.does("login");
    let peer = Peer::start_unplugged(&scene.serve, &scene.wanted(&Suite::gcm()));
    let address = &peer.address;
    let ticket = format!(
        "Subject: Power VS VPNaaS Beta Setup: Loc: dal10\n\
         a. Gateway IP: {address}\n\
         b. Connection Name: branch\n\
         c. Subnets to be reached at customer location in CIDR notation: {BLOCK}\n\
         d. Subnets to be reached in Power VS environment in CIDR form: {SITE}\n\
         e. Authorized recipient: Ann\n"
    );
    let without_name = ticket.replace("b. Connection Name: branch\n", "");
    let said = adit.fails_with("request new --ticket -", &without_name, 1);
    assert!(said.contains("Connection Name is missing"), "{said}");
    let made = adit.does_with("request new --ticket -", &ticket);
    let gateway = &scene.site.address;
    assert!(
        made.contains(&format!("Gateway IP here:     {gateway}")),
        "{made}"
    );
    let link = after(&made, "Send this link, which works once, until");
    assert!(link.starts_with("20"), "a time: {link}");
    let link = made
        .lines()
        .map(str::trim)
        .find(|line| line.contains("/secret?code="));
    let (link, passphrase) = (link.unwrap(), after(&made, "by another way:"));
    let said = adit.fails("request confirm branch", 5);
    assert!(said.contains("not tested"), "{said}");

    // At the other end: the sheet and the key, and nothing else.
    let open = format!("secret {link} --passphrase-file -");
    adit.fails_with(&open, "no", 3);
    let key = adit.does_with(&open, passphrase);
    let said = adit.fails_with(&open, passphrase, 1);
    assert!(said.contains("used already"), "{said}");
    let sheet = adit.does("request show branch");
    assert!(!sheet.contains(key.trim()), "the key is on the sheet");
    let written = section(&sheet, "strongSwan (swanctl.conf)");
    peer.configure_as(&written.replace("PUT-THE-PRE-SHARED-KEY-HERE", key.trim()));
    let tested = adit.does("request test branch");
    let silent = format!("{SITE} and {BLOCK}: no Child SA carries it; none of");
    assert!(tested.contains(&silent), "{tested}");
    peer.plug();
    until("packets come through", PATIENCE, || {
        let tested = adit.does("request test branch");
        let whole =
            format!("{SITE} and {BLOCK}: a Child SA carries it; {INNER} answered 10.240.0.1");
        tested
            .contains(&whole)
            .then(|| assert!(tested.contains("octets come through whole"), "{tested}"))
    });
    ping(scene.instance(), INNER).all();
    let closed = adit.does("request confirm branch");
    assert!(closed.contains("closed"), "{closed}");
    let sheet = adit.does("request show branch");
    for state in [
        "submitted",
        "configured",
        "secret fetched",
        "tested",
        "confirmed",
        "closed",
    ] {
        assert!(sheet.contains(&format!("\n  {state} ")), "{state}: {sheet}");
    }
    if let Some(folder) = std::env::var_os("ADIT_WRITE_STORY") {
        fs::write(std::path::Path::new(&folder).join("made"), made).unwrap();
        fs::write(std::path::Path::new(&folder).join("sheet"), sheet).unwrap();
    }
    let audit = adit.does("audit --noun connection_request -o wide");
    assert!(audit.contains("127.0.0.1"), "{audit}");
    // What is closed is a record: the tunnel stays when it goes.
    adit.does("request delete branch --yes");
    ping(scene.instance(), INNER).all();
}

#[test]
fn a_request_that_is_withdrawn_leaves_nothing() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("akg", 199);
    let adit = Terminal {
        serve: &scene.serve,
    };
    adit.does("login");
    let before = adit.does("gateway list -o name");
    let new = "request new --name gone --peer-address 192.0.2.9 --recipient Ann";
    let said = adit.fails(
        &format!("{new} --peer-cidr 10.9.0.0/24 --local-cidr 10.250.0.0/24"),
        1,
    );
    assert!(said.contains("no router is on subnets"), "{said}");
    adit.does(&format!(
        "{new} --peer-cidr 10.9.0.0/24 --local-cidr {SITE}"
    ));
    assert!(adit.does("connection list").contains("gone"));
    adit.does("request delete gone --yes");
    assert!(!adit.does("connection list").contains("gone"));
    assert_eq!(adit.does("gateway list -o name"), before);
    assert_eq!(adit.does("request list -o name"), "");
}
