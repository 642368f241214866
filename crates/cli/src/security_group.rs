//! `adit security-group`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, id};
use crate::error::CliError;
use crate::noun::{self, Body, Noun};
use crate::output::Column;
use crate::router::ROUTER;

pub(crate) const SECURITY_GROUP: Noun = Noun {
    called: "security group",
    list: "/security-groups",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("DEFAULT", "/is_default", false),
        ("ROUTER", "/router", true),
        ("CREATED", "/created_at", true),
    ],
};

const RULES: &[Column] = &[
    ("ID", "/id", false),
    ("DIRECTION", "/direction", false),
    ("FAMILY", "/family", false),
    ("PROTOCOL", "/protocol", false),
    ("FROM PORT", "/port_min", false),
    ("TO PORT", "/port_max", false),
    ("REMOTE CIDR", "/remote/cidr", false),
    ("REMOTE GROUP", "/remote/group", false),
    ("DESCRIPTION", "/description", true),
];

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a security group, whose members may send anything and are sent nothing but answers.
    Create(New),
    /// Change what a security group is called and what is said of it.
    Update(noun::Rename),
    /// List the rules of a security group.
    Rules(noun::One),
    /// Have a security group allow something.
    Allow(Allow),
    /// Change a rule of a security group; what is not named stays.
    UpdateRule(UpdateRule),
    /// Take a rule of a security group away.
    Disallow(Disallow),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    /// The router that it is of, by name or id; without one it is the project's.
    #[arg(long)]
    router: Option<String>,
}

#[derive(Args, Debug)]
pub struct Allow {
    #[command(flatten)]
    one: noun::One,
    /// Into machines, or out of them.
    #[arg(long, value_parser = ["ingress", "egress"], default_value = "ingress")]
    direction: String,
    /// The protocol's name, such as tcp, udp or icmp, or its number; any, if it is left out.
    #[arg(long)]
    protocol: Option<String>,
    /// A port, or a range of them such as 80-89; of ICMP, a type.
    #[arg(long, value_name = "PORT[-PORT]", requires = "protocol")]
    port: Option<String>,
    /// With the addresses of a block; with anybody, if it is left out.
    #[arg(long, value_name = "CIDR", conflicts_with = "remote_group")]
    remote_cidr: Option<String>,
    /// With the machines of this security group, by name or id.
    #[arg(long, value_name = "GROUP")]
    remote_group: Option<String>,
    /// Of IPv6, where neither block nor protocol says so.
    #[arg(long)]
    ipv6: bool,
    /// Say this of it.
    #[arg(long)]
    description: Option<String>,
}

#[derive(Args, Debug)]
pub struct UpdateRule {
    #[command(flatten)]
    one: noun::One,
    /// The rule's id.
    rule: uuid::Uuid,
    /// Call it so.
    #[arg(long)]
    name: Option<String>,
    /// Into machines, or out of them.
    #[arg(long, value_parser = ["ingress", "egress"])]
    direction: Option<String>,
    /// The first port, or the ICMP type; "" is all.
    #[arg(long, value_name = "PORT")]
    port_min: Option<String>,
    /// The last port, or the ICMP code; "" is all.
    #[arg(long, value_name = "PORT")]
    port_max: Option<String>,
    /// With the addresses of a block; "" is with anybody.
    #[arg(long, value_name = "CIDR", conflicts_with = "remote_group")]
    remote_cidr: Option<String>,
    /// With the machines of this security group, by name or id.
    #[arg(long, value_name = "GROUP")]
    remote_group: Option<String>,
}

impl UpdateRule {
    fn body(&self, client: &Client) -> Result<Body, CliError> {
        let port = |said: Option<&String>| {
            let number = |text: &String| match text.as_str() {
                "" => Ok(Value::Null),
                text => port(text).map(Value::from),
            };
            said.map(number).transpose()
        };
        let remote = match (self.remote_cidr.as_deref(), &self.remote_group) {
            (Some(""), _) => Some(Value::Null),
            (Some(cidr), _) => Some(json!({"cidr": cidr})),
            (None, Some(group)) => {
                let path = SECURITY_GROUP.find(client, group)?;
                Some(json!({"group": id(&path)}))
            }
            (None, None) => None,
        };
        Ok(Body::default()
            .with("name", self.name.as_ref())
            .with("direction", self.direction.as_ref())
            .with("port_min", port(self.port_min.as_ref())?)
            .with("port_max", port(self.port_max.as_ref())?)
            .with("remote", remote))
    }
}

#[derive(Args, Debug)]
pub struct Disallow {
    #[command(flatten)]
    one: noun::One,
    /// The rule's id.
    rule: uuid::Uuid,
}

fn port(text: &str) -> Result<u16, CliError> {
    text.parse().map_err(|_| CliError::Needed {
        what: "a port, or a range of them such as 80-89,",
    })
}

impl Allow {
    fn body(&self, client: &Client) -> Result<Body, CliError> {
        let is_icmp = self
            .protocol
            .as_deref()
            .is_some_and(|name| name.contains("icmp"));
        let [first, last] = match self.port.as_deref().map(|text| text.split_once('-')) {
            None => [None, None],
            Some(Some((first, last))) => [Some(port(first)?), Some(port(last)?)],
            Some(None) => {
                let one = port(self.port.as_deref().unwrap_or_default())?;
                // Of ICMP the second one is a code.
                [Some(one), (!is_icmp).then_some(one)]
            }
        };
        let remote = match (&self.remote_cidr, &self.remote_group) {
            (Some(cidr), _) => Some(json!({"cidr": cidr})),
            (None, Some(group)) => {
                let path = SECURITY_GROUP.find(client, group)?;
                Some(json!({"group": id(&path)}))
            }
            (None, None) => None,
        };
        Ok(Body::default()
            .with("direction", Some(&self.direction))
            .with("protocol", self.protocol.as_ref())
            .with("port_min", first)
            .with("port_max", last)
            .with("remote", remote)
            .with("family", self.ipv6.then_some("IPv6"))
            .with("description", self.description.as_ref()))
    }
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    let group = |one: &noun::One| SECURITY_GROUP.find(client, &one.which);
    match command {
        Command::Other(command) => SECURITY_GROUP.run(client, command),
        Command::Create(new) => {
            let body = new.naming.body();
            let body = body.with_one(client, "router", (&ROUTER, new.router.as_ref()))?;
            SECURITY_GROUP.create(client, body)
        }
        Command::Update(rename) => {
            SECURITY_GROUP.update(client, &rename.one, rename.renaming.body())
        }
        Command::Rules(one) => {
            let shown = client.get(&group(one)?)?;
            let rules = shown.get("rules").and_then(Value::as_array);
            Ok(client.output.list(rules.ok_or(CliError::Answer)?, RULES))
        }
        Command::Allow(allow) => {
            let path = format!("{}/rules", group(&allow.one)?);
            let made = client.post(&path, &allow.body(client)?.into_value())?;
            Ok(client.output.one(&made, RULES))
        }
        Command::UpdateRule(update) => {
            let path = format!("{}/rules/{}", group(&update.one)?, update.rule);
            let changed = client.patch(&path, &update.body(client)?.into_value())?;
            Ok(client.output.one(&changed, RULES))
        }
        Command::Disallow(disallow) => {
            let path = group(&disallow.one)?;
            client.delete(&format!("{path}/rules/{}", disallow.rule))?;
            Ok(String::new())
        }
    }
}
