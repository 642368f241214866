//! Adit as one service of a cloud: tokens are those of a real Keystone.

use std::process::Command;

use crate::client::{Client, TODAY, programs, turn_with, with_settings};
use crate::keystone::{Keystone, PASSWORD};
use crate::sdk;
use crate::support::serve::Serve;
use crate::support::{PATIENCE, until};

/// How to join a cloud.
const DOCUMENT: &str = include_str!("../../docs/external-keystone.md");

/// Where the service is there.
const DOCUMENTED: &str = "https://vpn.example.com";

/// A Keystone's release.
const KEYSTONE: &str = "keystone-30";

/// A request with a header, by curl: what was answered, the head included.
fn curl(url: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    let output = command.args(["-s", "-i", url]).args(arguments).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// The first line's number.
fn status(answer: &str) -> &str {
    answer.split_whitespace().nth(1).unwrap_or("none")
}

/// Where the API is, as the log says it.
fn base(serve: &Serve) -> String {
    let log = serve.log();
    let (_, rest) = log.rsplit_once("adit serves address=").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    format!("http://{address}")
}

/// The networks, asked for with a token.
fn networks(serve: &Serve, token: &str) -> String {
    let header = format!("X-Auth-Token: {token}");
    curl(&format!("{}/v2.0/networks", base(serve)), &["-H", &header])
}

#[track_caller]
fn until_status(serve: &Serve, token: &str, wanted: &str) -> String {
    until(wanted, PATIENCE, || {
        let answer = networks(serve, token);
        (status(&answer) == wanted).then_some(answer)
    })
}

fn settings(keystone: &Keystone) -> String {
    let (url, file) = (keystone.url(), keystone.password_file());
    format!(
        "identity = \"keystone\"\n[keystone]\nurl = \"{url}\"\nusername = \"adit\"\n\
         password_file = {file:?}\ncache_seconds = 1\n"
    )
}

/// The commands that make the service user, the service and its endpoint.
fn documented(serve: &Serve) -> impl Iterator<Item = String> {
    let commands = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("openstack "));
    commands.map(|line| line.replace(DOCUMENTED, &base(serve)))
}

#[test]
fn a_cloud_s_people_use_it_with_their_own_tokens() {
    let Some(server) = programs(KEYSTONE, "keystone-manage") else {
        return;
    };
    let Some((_turn, programs)) = turn_with(TODAY) else {
        return;
    };
    let mut keystone = Keystone::make("ac4", server);
    let serve = Serve::start_with("ac4", 44, &settings(&keystone));

    // Nobody is let in while nobody knows who they are; nobody needs to start it again.
    let away = networks(&serve, "any");
    assert_eq!(status(&away), "503", "{away}");
    assert!(
        away.contains("The identity service can't be asked"),
        "{away}"
    );
    assert!(away.to_lowercase().contains("retry-after: 5"), "{away}");
    keystone.start();

    let admin = keystone.openrc("admin");
    let client = |openrc| Client::of(&serve, programs.clone(), openrc);
    let root = client(admin.clone());
    for command in documented(&serve) {
        root.works(&command);
    }
    let python = with_settings(&programs.join("python"), &admin);
    sdk::run_with(python, "tenants.py", &[PASSWORD]);
    let (blue, green) = (
        client(keystone.openrc("blue")),
        client(keystone.openrc("green")),
    );

    let unknown = networks(&serve, "unknown");
    assert_eq!(status(&unknown), "401", "{unknown}");
    let place = format!(
        "Keystone uri=\"{}\"",
        keystone.url().trim_end_matches("/v3")
    );
    assert!(unknown.contains(&place), "{unknown}");

    let network = tenants_keep_to_themselves(&blue, &green, &root);

    // The other faces take the same token, and give none.
    let token = blue.field("openstack token issue", "id");
    let bearer = format!("Authorization: Bearer {token}");
    let vpcs = format!("{}/v1/vpcs?version=2020-02-20&generation=2", base(&serve));
    let answer = curl(&vpcs, &["-H", &bearer]);
    assert_eq!(status(&answer), "200", "{answer}");
    let own = curl(
        &format!("{}/identity/token", base(&serve)),
        &["-d", "apikey=x"],
    );
    assert_eq!(status(&own), "400", "{own}");
    assert!(own.contains("Get a token from the Keystone at"), "{own}");
    let own = curl(&format!("{}/identity/v3", base(&serve)), &[]);
    assert_eq!(status(&own), "404", "{own}");

    // Taken back, a token is good for no longer than an answer counts.
    until_status(&serve, &token, "200");
    blue.works(&format!("openstack token revoke {token}"));
    until_status(&serve, &token, "401");

    // What is known of a token counts for as long; then nobody is let in until Keystone is back.
    let token = green.field("openstack token issue", "id");
    until_status(&serve, &token, "200");
    let url = format!("{}/v2.0/networks/{network}", base(&serve));
    let header = format!("X-Auth-Token: {token}");
    let foreign = curl(&url, &["-X", "DELETE", "-H", &header]);
    assert_eq!(status(&foreign), "404", "{foreign}");
    keystone.stop();
    until_status(&serve, &token, "503");
    keystone.start();
    until_status(&serve, &token, "200");

    let log = serve.log();
    assert!(!log.contains(PASSWORD) && !log.contains(&token), "{log}");
    assert!(log.contains("no connection to 127.0.0.1"), "{log}");
}

/// Answers with the id of a network of blue's.
fn tenants_keep_to_themselves(blue: &Client<'_>, green: &Client<'_>, root: &Client<'_>) -> String {
    blue.works("openstack vpn ike policy create ike --ike-version v2");
    let network = blue.field("openstack network create blue-network", "id");
    let names = |client: &Client<'_>, what: &str| {
        let said = client.works(&format!("openstack {what} list -f value -c Name"));
        let mut names: Vec<_> = said.split_whitespace().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names(blue, "vpn ike policy"), ["ike"]);
    assert_eq!(names(blue, "network"), ["blue-network", "ext-net"]);
    assert!(names(green, "vpn ike policy").is_empty());
    assert_eq!(names(green, "network"), ["ext-net"]);
    green.fails(
        &format!("openstack network show {network}"),
        "No Network found",
    );
    // An administrator sees all, and acts for projects that were never seen here.
    assert_eq!(names(root, "network"), ["blue-network", "ext-net"]);
    root.works("openstack network create for-service --project service");
    network
}
