//! What people do on the page, from beginning to end.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::browser::{account, turn_in_browser};
use crate::strongswan::{BLOCK, INNER, More, Peer, TOOLS, Wanted};
use crate::support::api::Api;
use crate::support::serve::Serve;
use crate::support::site::Instance;
use crate::support::traffic::ping;
use crate::support::{PATIENCE, until};

/// The block at this end.
const SITE: &str = "10.240.0.0/24";

/// What the peer is told at the beginning; most of it comes from the page.
fn wanted(gateway: &str) -> Wanted {
    Wanted {
        version: 2,
        gateway: gateway.to_owned(),
        ike: "aes256-sha256-modp2048",
        esp: "aes256-sha256-modp2048",
        psk: "your-pre-shared-key",
        remote: SITE,
        remote_v6: None,
        ids: None,
        more: More::default(),
    }
}

/// A machine is a namespace that is called after the first digits of its id.
fn namespace_of(serve: &Serve, machine: &Value) -> String {
    let digits = machine.as_str().unwrap().get(..8).unwrap();
    format!("{}-i-{digits}", serve.prefix)
}

/// Pings from a machine, whose id this is, to behind the peer.
fn ping_from(serve: &Serve, machine: &Value) -> Value {
    let instance = Instance {
        namespace: namespace_of(serve, machine),
        address: String::new(),
    };
    until("pings come through", PATIENCE, || {
        (ping(&instance, INNER).received > 0).then_some(())
    });
    ping(&instance, INNER).all();
    Value::Null
}

#[test]
fn the_dashboard_s_steps_lead_to_active_word_by_word() {
    let Some((_turn, stage)) = turn_in_browser(TOOLS) else {
        return;
    };
    let serve = Serve::start("aua", 201);
    let mut peer = None;
    let told = json!({"site": SITE, "block": BLOCK});
    stage.play(&serve, "seed", told, |what, value| match what {
        "peer" => {
            let started = Peer::start(&serve, &wanted(value.as_str().unwrap()));
            let address = started.address.clone();
            peer = Some(started);
            json!(address)
        }
        "ping" => ping_from(&serve, value),
        other => panic!("what is {other}?"),
    });
}

#[test]
fn the_wizard_leads_to_a_tunnel_and_what_goes_wrong_is_mended_from_the_page() {
    let Some((_turn, stage)) = turn_in_browser(TOOLS) else {
        return;
    };
    let serve = Serve::start("aub", 202);
    let address = Peer::address_on(&serve);
    let peer = Peer::start_unplugged(&serve, &wanted(&format!("{}.2", serve.external)));
    let told = json!({"site": SITE, "block": BLOCK, "peer": address});
    stage.play(&serve, "wizard", told, |what, value| match what {
        "configure" => {
            peer.configure_as(value.as_str().unwrap());
            peer.plug();
            Value::Null
        }
        "ping" => ping_from(&serve, value),
        other => panic!("what is {other}?"),
    });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Makes a project; its id.
fn project(admin: &Api, name: &str) -> String {
    let made = admin.keystone("POST", "projects", &json!({"project": {"name": name}}));
    text(&made.is(201)["project"]["id"])
}

/// Makes a project, and a member of it and of another one who is called the same.
fn tenant(admin: &Api, name: &str, other: &str) -> Value {
    let password = format!("the password of {name}");
    let own = project(admin, name);
    let user = json!({"user": {"name": name, "password": password, "default_project_id": own}});
    let user = text(&admin.keystone("POST", "users", &user).is(201)["user"]["id"]);
    let roles = admin.keystone("GET", "roles", &Value::Null).is(200);
    let mut roles = roles["roles"].as_array().unwrap().iter();
    let role = text(&roles.find(|role| role["name"] == "member").unwrap()["id"]);
    for project in [&own, other] {
        let path = format!("projects/{project}/users/{user}/roles/{role}");
        assert_eq!(admin.keystone("PUT", &path, &Value::Null).status, 204);
    }
    json!({"user": name, "password": password, "project": name})
}

#[test]
fn two_users_of_two_projects_see_nothing_of_each_other() {
    let Some((_turn, stage)) = turn_in_browser(&[]) else {
        return;
    };
    let serve = Serve::start("auc", 203);
    let settings = account(&serve, "admin-openrc");
    let [user, password, own] =
        ["OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"].map(|name| &settings[name]);
    let admin = Api::with_password(&serve.base(), user, password, own);
    let shared = project(&admin, "shared");
    let users = ["ann", "ben"].map(|name| tenant(&admin, name, &shared));
    let told = json!({"users": users});
    stage.play(&serve, "tenants", told, |what, _| panic!("what is {what}?"));
}

#[test]
fn everything_can_be_clicked_by_everybody_and_nothing_is_complained_of() {
    let Some((_turn, stage)) = turn_in_browser(&[]) else {
        return;
    };
    let serve = Serve::start("aud", 204);
    let admin = account(&serve, "admin-openrc");
    let told = json!({
        "user": admin["OS_USERNAME"],
        "password": admin["OS_PASSWORD"],
        "project": admin["OS_PROJECT_NAME"],
    });
    stage.play(&serve, "crawl", told, |what, _| panic!("what is {what}?"));
}

#[test]
fn what_happens_while_the_line_is_cut_is_shown_and_a_thousand_connections_too() {
    let Some((_turn, stage)) = turn_in_browser(&[]) else {
        return;
    };
    let serve = Serve::start("aue", 205);
    stage.play(&serve, "stream", json!({}), |what, _| {
        panic!("what is {what}?")
    });
}

/// Sends until it is dropped, so that there are rates to be seen.
struct Sender(Child);

impl Sender {
    fn start(from: &Instance, to: &str) -> Self {
        let child = Command::new("ip")
            .args(["netns", "exec", &from.namespace])
            .args(["ping", "-q", "-i", "0.1", "-s", "900", to])
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "it writes the pictures of docs/ui"]
fn the_pictures_of_the_documents_are_taken() {
    let Some((_turn, stage)) = turn_in_browser(&[]) else {
        return;
    };
    let serve = Serve::start("auf", 206);
    let pictures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ui");
    std::fs::create_dir_all(&pictures).unwrap();
    let told = json!({"external": serve.external, "pictures": pictures.canonicalize().unwrap()});
    let mut senders = Vec::new();
    stage.play(&serve, "pictures", told, |_, value| {
        let from = Instance {
            namespace: namespace_of(&serve, &value[0]),
            address: String::new(),
        };
        let to = value[1].as_str().unwrap();
        until("pings come through", PATIENCE, || {
            (ping(&from, to).received > 0).then_some(())
        });
        senders.push(Sender::start(&from, to));
        Value::Null
    });
}

#[test]
fn a_ticket_becomes_a_tunnel_and_the_key_goes_to_one_person_once() {
    let Some((_turn, stage)) = turn_in_browser(TOOLS) else {
        return;
    };
    let serve = Serve::start("aug", 207);
    let address = Peer::address_on(&serve);
    let peer = Peer::start_unplugged(&serve, &wanted(&format!("{}.2", serve.external)));
    let told = json!({"site": SITE, "block": BLOCK, "peer": address});
    stage.play(&serve, "onboarding", told, |what, value| match what {
        "configure" => {
            peer.configure_as(value.as_str().unwrap());
            peer.plug();
            Value::Null
        }
        other => panic!("what is {other}?"),
    });
}
