//! `adit connection update`.

use clap::Args;
use serde_json::{Value, json};

use super::credentials::Credentials;
use super::shown::{One, find, told};
use super::translate::Translate;
use super::wait::Wait;
use crate::client::Client;
use crate::error::CliError;
use crate::noun::Body;

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: One,
    /// Call it so.
    #[arg(long)]
    name: Option<String>,
    /// Say this of it.
    #[arg(long)]
    description: Option<String>,
    /// What is reachable here.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    local_cidrs: Option<Vec<String>>,
    /// What this end calls itself; "" is the gateway's address.
    #[arg(long, value_name = "IDENTITY")]
    local_id: Option<String>,
    /// The other end: an address, or a host's name.
    #[arg(long, value_name = "ADDRESS")]
    peer: Option<String>,
    /// What is reachable there.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    peer_cidrs: Option<Vec<String>>,
    /// What is reachable here, by another endpoint group of subnets, by name or id, where it has one.
    #[arg(long, value_name = "GROUP", conflicts_with = "local_cidrs")]
    local_group: Option<String>,
    /// What is reachable there, by another endpoint group of blocks, by name or id, where it has one.
    #[arg(long, value_name = "GROUP", conflicts_with = "peer_cidrs")]
    peer_group: Option<String>,
    /// What the other end calls itself; "" is its address.
    #[arg(long, value_name = "IDENTITY")]
    peer_id: Option<String>,
    /// What of either end the opposite one knows by other addresses, all of it anew: local:CIDR=CIDR is ours, as the
    /// peer knows it; peer:CIDR=CIDR is the peer's, as we do.
    #[arg(long, value_name = "END:CIDR=CIDR", value_delimiter = ',')]
    translate: Vec<Translate>,
    /// Have both ends know all blocks as what they are.
    #[arg(long, conflicts_with = "translate")]
    no_translations: bool,
    #[command(flatten)]
    credentials: Credentials,
    /// Do without a post-quantum pre-shared key.
    #[arg(long, conflicts_with = "ppk_id")]
    no_ppk: bool,
    /// Phase 1, by the policy's name or id; "" negotiates.
    #[arg(long, value_name = "POLICY")]
    ike_policy: Option<String>,
    /// Phase 2, by the policy's name or id; "" negotiates.
    #[arg(long, value_name = "POLICY")]
    ipsec_policy: Option<String>,
    /// Who begins.
    #[arg(long, value_parser = ["bi-directional", "response-only"])]
    initiator: Option<String>,
    /// What becomes of the tunnel when the peer is gone.
    #[arg(long, value_name = "ACTION",
        value_parser = ["clear", "hold", "none", "restart", "restart-by-peer"])]
    dead_peer: Option<String>,
    /// Seconds without anything from the peer until it is asked.
    #[arg(long, value_name = "SECONDS")]
    dead_peer_interval: Option<u32>,
    /// Seconds without an answer until it is dead.
    #[arg(long, value_name = "SECONDS")]
    dead_peer_timeout: Option<u32>,
    /// The most octets of an inner packet; 0 leaves it to the path.
    #[arg(long)]
    mtu: Option<u32>,
    /// Want the tunnel up, or down.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    wait: Wait,
}

/// An empty text takes away what there was.
fn or_null(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        json!(text)
    }
}

impl Update {
    pub(super) fn run(&self, client: &Client) -> Result<String, CliError> {
        let path = find(client, &self.one)?;
        let changed = client.patch(&path, &self.body(client)?)?;
        let shown = self.wait.until_up(client, changed)?;
        Ok(told(client, shown))
    }

    fn body(&self, client: &Client) -> Result<Value, CliError> {
        let groups = &crate::endpoint_group::ENDPOINT_GROUP;
        let local = Body::default()
            .with("cidrs", self.local_cidrs.as_ref())
            .with("identity", self.local_id.as_deref().map(or_null))
            .with_one(client, "group", (groups, self.local_group.as_ref()))?;
        let peer = Body::default()
            .with("address", self.peer.as_ref())
            .with("cidrs", self.peer_cidrs.as_ref())
            .with("identity", self.peer_id.as_deref().map(or_null))
            .with_one(client, "group", (groups, self.peer_group.as_ref()))?;
        let dead_peer = Body::default()
            .with("action", self.dead_peer.as_ref())
            .with("interval_s", self.dead_peer_interval)
            .with("timeout_s", self.dead_peer_timeout);
        let (ike, ipsec) = (&crate::policy::IKE, &crate::policy::IPSEC);
        let body = Body::default()
            .with("name", self.name.as_ref())
            .with("description", self.description.as_ref())
            .with("initiator", self.initiator.as_ref())
            .with("mtu", self.mtu)
            .with("enabled", self.enabled)
            .with("local", local.some())
            .with("peer", peer.some())
            .with("dead_peer_detection", dead_peer.some())
            .with_one(client, "ike_policy", (ike, self.ike_policy.as_ref()))?
            .with_one(client, "ipsec_policy", (ipsec, self.ipsec_policy.as_ref()))?;
        let mut members = body.into_members();
        if self.no_translations || !self.translate.is_empty() {
            let all = self.translate.iter().map(Translate::body);
            members.insert("translations".to_owned(), all.collect());
        }
        self.credentials.write(&mut members)?;
        if self.no_ppk {
            members.insert("ppk".to_owned(), Value::Null);
        }
        Ok(Value::Object(members))
    }
}
