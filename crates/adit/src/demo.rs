//! `adit demo`: a service of its own on this host, two VPCs made through its REST API,
//! and a tunnel between them, in the steps of IBM's example "Connecting two VPCs using VPN".

mod api;
mod error;
mod service;
mod wire;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use api::Api;
use error::{DemoError, PINGS};
use service::Service;
use wire::Wire;

/// How long anything may take before the demonstration counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `adit demo` can be told.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave everything running, and say how to use it.
    #[arg(long)]
    keep: bool,
}

#[expect(clippy::print_stdout, reason = "the demonstration is what it prints")]
fn say(text: &str) {
    println!("{text}");
}

/// One of the two sites.
struct Site {
    name: &'static str,
    cidr: &'static str,
    subnet: String,
    instance: String,
    address: String,
}

/// Runs the demonstration.
pub(crate) fn run(options: &Options) -> Result<(), DemoError> {
    say("Adit demo: two VPCs, one tunnel, through the REST API.\n");
    say("[1/7] starting adit serve with a fresh state folder (SQLite) ...");
    let service = Service::start()?;
    say(&format!(
        "      API at {}, log in {}",
        service.url(),
        service.log().display()
    ));
    let outcome = show(&service);
    match outcome {
        Ok(()) if options.keep => {
            keep(service);
            Ok(())
        }
        Ok(()) => {
            say("[7/7] cleaning up ...");
            service.stop()?;
            say("      nothing is left behind. Done.");
            Ok(())
        }
        Err(error) => {
            say(&format!(
                "\nFAILED. The service's log is {}",
                service.log().display()
            ));
            service.keep_log();
            Err(error)
        }
    }
}

fn show(service: &Service) -> Result<(), DemoError> {
    let api = Api::open(&service.settings())?;
    say("[2/7] making two VPCs with a subnet and an instance each ...");
    let one = make_site(&api, "1", "10.240.0.0/24")?;
    let two = make_site(&api, "2", "10.240.64.0/24")?;

    say("[3/7] creating a VPN gateway in each (POST /v1/vpn_gateways) ...");
    let (gateway_1, address_1) = make_gateway(&api, &one)?;
    let (gateway_2, address_2) = make_gateway(&api, &two)?;
    let wire = Wire::listen(&service.bridge())?;

    say("[4/7] creating a connection on each gateway (POST .../connections) ...");
    make_connection(&api, &gateway_1, "2", &address_2, (one.cidr, two.cidr))?;
    let posted = Instant::now();
    make_connection(&api, &gateway_2, "1", &address_1, (two.cidr, one.cidr))?;
    let connection = await_up(&api, &gateway_1)?;
    await_up(&api, &gateway_2)?;
    let took = posted.elapsed();
    await_machine(&api, &one)?;
    await_machine(&api, &two)?;
    say(&format!(
        "      up on both sides {} ms after the second POST",
        took.as_millis()
    ));

    say("[5/7] pinging through the tunnel, both ways ...");
    ping(service, &one, &two)?;
    ping(service, &two, &one)?;
    let seen = wire.stop()?;
    say(&format!(
        "      on the wire between the gateways: {} ESP packets in UDP 4500, {} IKE messages, {} packets in clear",
        seen.esp, seen.ike, seen.clear
    ));
    if seen.clear > 0 {
        return Err(DemoError::InClear(seen.clear));
    }
    if seen.esp == 0 {
        return Err(DemoError::NoEsp);
    }

    say("[6/7] the connection as the API returns it:");
    let path = format!(
        "vpn_gateways/{gateway_1}/connections/{}",
        text(&connection, "id")?
    );
    let connection = api.get(&path)?;
    let pretty = serde_json::to_string_pretty(&connection).unwrap_or_default();
    say(&pretty
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect::<String>());
    Ok(())
}

fn text(value: &Value, field: &'static str) -> Result<String, DemoError> {
    value
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or(DemoError::Missing(field))
}

fn make_site(api: &Api, number: &str, cidr: &'static str) -> Result<Site, DemoError> {
    let vpc = api.post("vpcs", &json!({ "name": format!("vpc-{number}") }))?;
    let subnet = api.post(
        "subnets",
        &json!({
            "name": format!("subnet-{number}"),
            "vpc": { "id": text(&vpc, "id")? },
            "ipv4_cidr_block": cidr,
            "zone": { "name": "us-south-1" },
        }),
    )?;
    let subnet = text(&subnet, "id")?;
    let name = if number == "1" {
        "instance-1"
    } else {
        "instance-2"
    };
    let body = json!({ "name": name, "primary_network_interface": { "subnet": { "id": subnet } } });
    let instance = api.post("instances", &body)?;
    let address = instance
        .pointer("/primary_network_interface/primary_ipv4_address")
        .and_then(Value::as_str)
        .ok_or(DemoError::Missing("primary_ipv4_address"))?;
    say(&format!("      {name} has {address} in {cidr}"));
    let address = address.to_owned();
    Ok(Site {
        name,
        cidr,
        subnet,
        instance: text(&instance, "id")?,
        address,
    })
}

fn make_gateway(api: &Api, site: &Site) -> Result<(String, String), DemoError> {
    let number = site.name.rsplit('-').next().unwrap_or_default();
    let name = format!("vpn-gateway-{number}");
    let body = json!({ "name": name, "subnet": { "id": site.subnet } });
    let gateway = api.post("vpn_gateways", &body)?;
    let address = gateway
        .pointer("/public_ip/address")
        .and_then(Value::as_str)
        .ok_or(DemoError::Missing("public_ip.address"))?;
    say(&format!("      {name} has the public address {address}"));
    Ok((text(&gateway, "id")?, address.to_owned()))
}

fn make_connection(
    api: &Api,
    gateway: &str,
    peer: &str,
    peer_address: &str,
    (local, remote): (&str, &str),
) -> Result<Value, DemoError> {
    let body = json!({
        "name": format!("vpn-connection-to-vpn-gateway-{peer}"),
        "peer_address": peer_address,
        "psk": "VPNDemoPassword",
        "local_cidrs": [local],
        "peer_cidrs": [remote],
    });
    api.post(&format!("vpn_gateways/{gateway}/connections"), &body)
}

fn await_up(api: &Api, gateway: &str) -> Result<Value, DemoError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let list = api.get(&format!("vpn_gateways/{gateway}/connections"))?;
        let first = list
            .pointer("/connections/0")
            .ok_or(DemoError::Missing("connections"))?;
        if first.get("status").and_then(Value::as_str) == Some("up") {
            return Ok(first.clone());
        }
        if Instant::now() >= end {
            let reasons = first
                .get("status_reasons")
                .map(Value::to_string)
                .unwrap_or_default();
            return Err(DemoError::NotUp(PATIENCE, reasons));
        }
    }
}

/// Waits until a machine is there: it is made after it was answered for, and the tunnel may be up
/// before.
fn await_machine(api: &Api, site: &Site) -> Result<(), DemoError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let instance = api.get(&format!("instances/{}", site.instance))?;
        let status = text(&instance, "status")?;
        if status == "running" {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(DemoError::NoMachine(site.name.into(), status, PATIENCE));
        }
    }
}

fn ping(service: &Service, from: &Site, to: &Site) -> Result<(), DemoError> {
    let namespace = service.instance_namespace(&from.instance);
    let output = Command::new("ip")
        .args(["netns", "exec", &namespace, "ping", "-n", "-W2", "-i0.2"])
        .args(["-c", &PINGS.to_string(), &to.address])
        .output()
        .map_err(|source| DemoError::Program {
            program: "ip".into(),
            source,
        })?;
    let report = String::from_utf8_lossy(&output.stdout);
    let answered = report
        .lines()
        .filter(|line| line.contains("bytes from"))
        .count();
    let answered = u32::try_from(answered).unwrap_or(u32::MAX);
    let times = report.lines().last().unwrap_or_default();
    say(&format!(
        "      {} -> {}: {answered} of {PINGS} answered; {times}",
        from.name, to.name
    ));
    if answered == PINGS {
        Ok(())
    } else {
        Err(DemoError::PingsLost(
            answered,
            from.name.into(),
            to.name.into(),
        ))
    }
}

fn keep(service: Service) {
    let settings = service.settings().display().to_string();
    let pid = service.leave_running();
    say("[7/7] left running, as asked. Three things to try (in a root shell):");
    say(&format!(
        "\n      . {settings}\n      \
         TOKEN=$(curl -s $VPC_AUTH_URL/identity/token -d grant_type=urn:ibm:params:oauth:grant-type:apikey -d apikey=$VPC_APIKEY | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n\n      \
         curl -s -H \"Authorization: Bearer $TOKEN\" \"$VPC_URL/vpn_gateways?version=2020-02-20&generation=2\"\n      \
         curl -s ${{VPC_URL%/v1}}/readyz\n      \
         ip netns\n\n      \
         The credentials are in {settings}. To end it and clean up: kill {pid}"
    ));
}
