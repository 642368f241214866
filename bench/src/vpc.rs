//! What requests in IBM's dialect cost, and how long a gateway takes to be available and a connection to be up.

#![expect(clippy::print_stdout, reason = "it prints tables")]

use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::measure::{Table, measure};
use crate::service::Service;

/// Requests of one kind.
const REQUESTS: usize = 500;

/// What stands in lists while they are read.
const LISTED: usize = 1000;

/// How many gateways and connections are waited for.
const WAITED: usize = 21;

/// How often it is looked whether something is there.
const LOOK: Duration = Duration::from_millis(2);

/// After so long without an end something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A list, and the body of the one in it with this number.
struct List<'a> {
    path: &'a str,
    word: &'a str,
    body: &'a (dyn Fn(usize) -> Value + Sync),
}

/// A VPC with a gateway.
struct Site {
    gateway: String,
    address: String,
    block: String,
}

/// Measures everything, and prints it.
pub(crate) fn run(service: &Service) -> io::Result<()> {
    let client = &mut service.client()?;
    let mut table = Table::default();
    let policies = List {
        path: "ike_policies",
        word: "ike_policy",
        body: &|number| {
            json!({
                "name": format!("p{number}"), "ike_version": 2, "dh_group": 14,
                "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
            })
        },
    };
    all_of(service, &policies, &mut table)?;
    let (site, _) = Site::new(client, 0)?;
    let connections = List {
        path: &site.connections(),
        word: "connection",
        body: &|number| {
            let block = format!("172.{}.{}.0/24", 16 + number / 256, number % 256);
            site.connection(&format!("c{number}"), ("198.51.100.7", &block), false)
        },
    };
    all_of(service, &connections, &mut table)?;
    table.print();
    println!("\n| what | p50 ms | longest ms |\n|---|---|---|");
    // The other has rested for longer than the service keeps a connection.
    let client = &mut service.client()?;
    let mut sites = Vec::new();
    let mut waits = Vec::new();
    for number in 1..=WAITED {
        let (site, wait) = Site::new(client, number)?;
        sites.push(site);
        waits.push(wait);
    }
    say("gateway, from POST to `available`", waits);
    let mut waits = Vec::new();
    for pair in sites.windows(2) {
        if let [one, other] = pair {
            waits.push(connect(client, one, other)?);
        }
    }
    say("connection, from POST to `up`, both ends here", waits);
    Ok(())
}

fn say(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let ms = |wait: Option<&Duration>| wait.map_or(0.0, |wait| wait.as_secs_f64() * 1000.0);
    let (median, longest) = (ms(waits.get(waits.len() / 2)), ms(waits.last()));
    println!("| {what} | {median:.0} | {longest:.0} |");
}

/// Create, show, rename, list and delete, by one client and by eight.
fn all_of(service: &Service, list: &List<'_>, table: &mut Table) -> io::Result<()> {
    let List { path, word, body } = list;
    for clients in [1, 8] {
        let made = Mutex::new(vec![String::new(); REQUESTS]);
        let mut each = |what: &str, ask: &(dyn Fn(&mut Client, usize) -> io::Result<()> + Sync)| {
            let what = format!("{word} {what}");
            measure(service, table, &what, clients, REQUESTS, ask)
        };
        each("create", &|client, number| {
            let id = make(client, path, &body(number))?;
            if let Ok(mut made) = made.lock()
                && let Some(slot) = made.get_mut(number)
            {
                *slot = id;
            }
            Ok(())
        })?;
        let item = |number: usize| {
            let made = made.lock().ok();
            let id = made.and_then(|made| made.get(number).cloned());
            format!("{path}/{}", id.unwrap_or_default())
        };
        each("show", &|client, number| {
            ask(client, "GET", &item(number), None).map(drop)
        })?;
        each("update", &|client, number| {
            let name = json!({"name": format!("other{number}")});
            ask(client, "PATCH", &item(number), Some(&name)).map(drop)
        })?;
        each("delete", &|client, number| {
            ask(client, "DELETE", &item(number), None).map(drop)
        })?;
    }
    let client = &mut service.client()?;
    let mut made = Vec::new();
    for number in 0..LISTED {
        made.push(make(client, path, &body(number))?);
    }
    for limit in [1, 100] {
        for clients in [1, 8] {
            let what = format!("{word} list, {limit} of {LISTED}");
            let page = format!("{path}?limit={limit}");
            measure(service, table, &what, clients, REQUESTS, |client, _| {
                ask(client, "GET", &page, None).map(drop)
            })?;
        }
    }
    for id in made {
        ask(client, "DELETE", &format!("{path}/{id}"), None)?;
    }
    Ok(())
}

impl Site {
    /// Makes one, and says how long its gateway took to be available.
    fn new(client: &mut Client, number: usize) -> io::Result<(Self, Duration)> {
        let vpc = make(client, "vpcs", &json!({"name": format!("v{number}")}))?;
        let block = format!("10.1.{number}.0/24");
        let subnet = json!({
            "name": format!("s{number}"), "vpc": {"id": vpc}, "ipv4_cidr_block": block,
            "zone": {"name": "us-south-1"},
        });
        let subnet = make(client, "subnets", &subnet)?;
        let gateway = json!({"name": format!("g{number}"), "subnet": {"id": subnet}});
        let begun = Instant::now();
        let gateway = make(client, "vpn_gateways", &gateway)?;
        let path = format!("vpn_gateways/{gateway}");
        let seen = until(client, &path, "available")?;
        let wait = begun.elapsed();
        let address = seen.pointer("/public_ip/address").and_then(Value::as_str);
        let address = address.unwrap_or_default().to_owned();
        let site = Self {
            gateway,
            address,
            block,
        };
        Ok((site, wait))
    }

    fn connections(&self) -> String {
        format!("vpn_gateways/{}/connections", self.gateway)
    }

    /// What asks for one to this address and block.
    fn connection(&self, name: &str, (peer, block): (&str, &str), up: bool) -> Value {
        json!({
            "name": name, "peer_address": peer, "psk": "VPNDemoPassword",
            "admin_state_up": up, "local_cidrs": [self.block], "peer_cidrs": [block],
        })
    }
}

/// Connects two sites, says how long it took, and makes an end of it.
fn connect(client: &mut Client, one: &Site, other: &Site) -> io::Result<Duration> {
    let begun = Instant::now();
    let mut made = Vec::new();
    for (here, there) in [(one, other), (other, one)] {
        let path = here.connections();
        let body = here.connection("c", (&there.address, &there.block), true);
        let id = make(client, &path, &body)?;
        made.push(format!("{path}/{id}"));
    }
    for path in &made {
        until(client, path, "up")?;
    }
    let wait = begun.elapsed();
    for path in &made {
        ask(client, "DELETE", path, None)?;
    }
    Ok(wait)
}

/// A request that has to succeed, of a version that has the seed's shapes.
fn ask(client: &mut Client, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let path = format!("/v1/{path}{sign}version=2020-02-20&generation=2");
    let answer = client.ask(method, &path, body)?;
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    let what = format!("{method} {path}: {} {said}", answer.status);
    Err(io::Error::other(what))
}

/// The id of what was made.
fn make(client: &mut Client, path: &str, body: &Value) -> io::Result<String> {
    let made = ask(client, "POST", path, Some(body))?.json()?;
    let id = made.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| io::Error::other(format!("POST {path}: {made}")))?;
    Ok(id.to_owned())
}

/// Looks until the status is this one.
fn until(client: &mut Client, path: &str, status: &str) -> io::Result<Value> {
    let begun = Instant::now();
    loop {
        let seen = ask(client, "GET", path, None)?.json()?;
        if seen.get("status").and_then(Value::as_str) == Some(status) {
            return Ok(seen);
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("{path} is not {status}: {seen}")));
        }
        thread::sleep(LOOK);
    }
}
