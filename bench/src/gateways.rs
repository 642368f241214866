//! How long many gateways take: made, back after the service was killed, and gone at its end.

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Client;
use crate::service::{Service, make};

/// How often it is looked at what is there.
const LOOK: Duration = Duration::from_millis(100);

/// After so long without an end something is wrong.
const PATIENCE: Duration = Duration::from_secs(600);

/// Makes `count` gateways, each with a router and a network of its own, and prints what they took.
pub(crate) fn run(service: &mut Service, count: usize) -> io::Result<()> {
    let begun = Instant::now();
    let mut client = service.client()?;
    let all = "/v2.0/networks?router:external=True";
    let all = client.ask("GET", all, None)?.json()?;
    let outside = all.pointer("/networks/0/id").cloned();
    for number in 0..count {
        one(&mut client, outside.as_ref(), number)?;
    }
    println!("{count} gateways, each with a router and a network:");
    say("asked for", begun);
    until_active(&mut client, count)?;
    say("all active", begun);
    let killed = Instant::now();
    service.kill_and_start()?;
    let mut client = service.client()?;
    say("killed, and answers again", killed);
    until_active(&mut client, count)?;
    say("all active again", killed);
    let ended = Instant::now();
    service.end()?;
    say("gone, at SIGTERM", ended);
    Ok(())
}

fn say(what: &str, since: Instant) {
    println!("{what:<28} {:6.1} s", since.elapsed().as_secs_f64());
}

fn one(client: &mut Client, outside: Option<&Value>, number: usize) -> io::Result<()> {
    let body = json!({"network": {"name": format!("n{number}")}});
    let network = make(client, "/v2.0/networks", &body)?;
    let body = json!({"subnet": {"network_id": network, "cidr": "10.1.0.0/24", "ip_version": 4}});
    let subnet = make(client, "/v2.0/subnets", &body)?;
    let body = json!({"router": {"external_gateway_info": {"network_id": outside}}});
    let router = make(client, "/v2.0/routers", &body)?;
    let path = format!("/v2.0/routers/{router}/add_router_interface");
    client.ask("PUT", &path, Some(&json!({"subnet_id": subnet})))?;
    let body = json!({"vpnservice": {"router_id": router, "subnet_id": subnet}});
    make(client, "/v2.0/vpn/vpnservices", &body)?;
    Ok(())
}

/// A service is active once its worker runs.
fn until_active(client: &mut Client, count: usize) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let all = "/v2.0/vpn/vpnservices?fields=status&status=ACTIVE";
        let all = client.ask("GET", all, None)?.json()?;
        let active = all.get("vpnservices").and_then(Value::as_array);
        let active = active.map_or(0, Vec::len);
        if active == count {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let what = format!("{active} of {count} gateways are active");
            return Err(io::Error::other(what));
        }
        thread::sleep(LOOK);
    }
}
