//! `adit connection create`.

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use super::credentials::Credentials;
use super::shown::{LIST, told};
use super::translate::Translate;
use super::wait::Wait;
use crate::client::{Client, id};
use crate::endpoint_group::ENDPOINT_GROUP;
use crate::error::CliError;
use crate::gateway::GATEWAY;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("where").required(true).args(["gateway", "new_network", "subnet", "router"]))]
pub struct Create {
    /// What to call it. Without a pre-shared key and a certificate, a key is made up.
    name: String,
    /// What to say of it.
    #[arg(long, default_value = "")]
    description: String,
    /// The gateway at this end, by name or id.
    #[arg(long)]
    gateway: Option<String>,
    /// Make a network of these addresses along, with a router and a gateway.
    #[arg(long, value_name = "CIDR")]
    new_network: Option<String>,
    /// Make a gateway along, in this subnet, by id.
    #[arg(long, value_name = "ID")]
    subnet: Option<String>,
    /// Make a gateway along, on this router, by id; what is reachable is said by endpoint groups then.
    #[arg(long, value_name = "ID")]
    router: Option<String>,
    /// What is reachable here [default: the gateway's subnet].
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    local_cidrs: Vec<String>,
    /// What is reachable here, by an endpoint group of subnets, by name or id: of a gateway that has no subnet.
    #[arg(long, value_name = "GROUP", conflicts_with = "local_cidrs")]
    local_group: Option<String>,
    /// What this end calls itself in IKE [default: the gateway's address].
    #[arg(long, value_name = "IDENTITY")]
    local_id: Option<String>,
    /// The other end: an address, or a host's name; 0.0.0.0 is any.
    #[arg(long, value_name = "ADDRESS")]
    peer: String,
    /// What is reachable there.
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        required_unless_present = "peer_group"
    )]
    peer_cidrs: Vec<String>,
    /// What is reachable there, by an endpoint group of blocks, by name or id: of a gateway that has no subnet.
    #[arg(long, value_name = "GROUP", conflicts_with = "peer_cidrs")]
    peer_group: Option<String>,
    /// What the other end calls itself in IKE [default: its address]. "@" stands before a name.
    #[arg(long, value_name = "IDENTITY")]
    peer_id: Option<String>,
    /// What of either end the opposite one knows by other addresses: local:CIDR=CIDR is ours, as the peer knows it;
    /// peer:CIDR=CIDR is the peer's, as we do.
    #[arg(long, value_name = "END:CIDR=CIDR", value_delimiter = ',')]
    translate: Vec<Translate>,
    #[command(flatten)]
    credentials: Credentials,
    /// Phase 1, by the policy's name or id; without one it negotiates.
    #[arg(long, value_name = "POLICY")]
    ike_policy: Option<String>,
    /// Phase 2, by the policy's name or id; without one it negotiates.
    #[arg(long, value_name = "POLICY")]
    ipsec_policy: Option<String>,
    /// Who begins.
    #[arg(long, value_parser = ["bi-directional", "response-only"], default_value = "bi-directional")]
    initiator: String,
    /// What becomes of the tunnel when the peer is gone.
    #[arg(long, value_name = "ACTION", default_value = "restart",
        value_parser = ["clear", "hold", "none", "restart", "restart-by-peer"])]
    dead_peer: String,
    /// Seconds without anything from the peer until it is asked.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    dead_peer_interval: u32,
    /// Seconds without an answer until it is dead.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    dead_peer_timeout: u32,
    /// The most octets of an inner packet; 0 leaves it to the path.
    #[arg(long, default_value_t = 0)]
    mtu: u32,
    /// Want the tunnel up, or only later.
    #[arg(long, value_name = "true|false", default_value_t = true, action = clap::ArgAction::Set)]
    enabled: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Create {
    pub(super) fn run(&self, client: &Client) -> Result<String, CliError> {
        let made = client.post(LIST, &self.body(client)?)?;
        let shown = self.wait.until_up(client, made)?;
        Ok(told(client, shown))
    }

    fn body(&self, client: &Client) -> Result<Value, CliError> {
        let gateway = match (&self.gateway, &self.new_network, &self.router) {
            (Some(gateway), ..) => {
                let path = GATEWAY.find(client, gateway)?;
                json!({"id": id(&path)})
            }
            (None, Some(cidr), _) => json!({"network": {"cidr": cidr}}),
            (None, None, Some(router)) => json!({"router": router}),
            (None, None, None) => json!({"subnet": self.subnet}),
        };
        let mut local = Map::new();
        let mut peer = Map::new();
        peer.insert("address".to_owned(), json!(self.peer));
        if !self.peer_cidrs.is_empty() {
            peer.insert("cidrs".to_owned(), json!(self.peer_cidrs));
        }
        for (end, group) in [
            (&mut local, &self.local_group),
            (&mut peer, &self.peer_group),
        ] {
            if let Some(group) = group {
                let path = ENDPOINT_GROUP.find(client, group)?;
                end.insert("group".to_owned(), json!({"id": id(&path)}));
            }
        }
        if !self.local_cidrs.is_empty() {
            local.insert("cidrs".to_owned(), json!(self.local_cidrs));
        }
        if let Some(identity) = &self.local_id {
            local.insert("identity".to_owned(), json!(identity));
        }
        if let Some(identity) = &self.peer_id {
            peer.insert("identity".to_owned(), json!(identity));
        }
        let mut body = json!({
            "name": self.name,
            "description": self.description,
            "gateway": gateway,
            "local": local,
            "peer": peer,
            "translations": self.translate.iter().map(Translate::body).collect::<Vec<_>>(),
            "initiator": self.initiator,
            "mtu": self.mtu,
            "enabled": self.enabled,
            "dead_peer_detection": {
                "action": self.dead_peer,
                "interval_s": self.dead_peer_interval,
                "timeout_s": self.dead_peer_timeout,
            },
        });
        let policies = [
            ("ike_policy", &self.ike_policy, crate::policy::IKE),
            ("ipsec_policy", &self.ipsec_policy, crate::policy::IPSEC),
        ];
        let Value::Object(members) = &mut body else {
            return Ok(body);
        };
        for (field, policy, kind) in policies {
            if let Some(policy) = policy {
                let path = kind.find(client, policy)?;
                members.insert(field.to_owned(), json!({"id": id(&path)}));
            }
        }
        self.credentials.write(members)?;
        Ok(body)
    }
}
