//! `adit connection update`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::credentials::Credentials;
use super::shown::{One, find, told};
use super::translate::Translate;
use super::wait::Wait;
use crate::client::{Client, id};
use crate::error::CliError;

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
        let [mut body, mut local, mut peer] = [(); 3].map(|()| Map::new());
        let set = |to: &mut Map<String, Value>, name: &str, value: Option<Value>| {
            if let Some(value) = value {
                to.insert(name.to_owned(), value);
            }
        };
        set(
            &mut local,
            "cidrs",
            self.local_cidrs.as_ref().map(|it| json!(it)),
        );
        set(
            &mut local,
            "identity",
            self.local_id.as_deref().map(or_null),
        );
        set(&mut peer, "address", self.peer.as_ref().map(|it| json!(it)));
        set(
            &mut peer,
            "cidrs",
            self.peer_cidrs.as_ref().map(|it| json!(it)),
        );
        set(&mut peer, "identity", self.peer_id.as_deref().map(or_null));
        set(&mut body, "name", self.name.as_ref().map(|it| json!(it)));
        set(
            &mut body,
            "description",
            self.description.as_ref().map(|it| json!(it)),
        );
        set(
            &mut body,
            "initiator",
            self.initiator.as_ref().map(|it| json!(it)),
        );
        set(&mut body, "enabled", self.enabled.map(|it| json!(it)));
        for (name, part) in [("local", local), ("peer", peer)] {
            set(
                &mut body,
                name,
                (!part.is_empty()).then_some(Value::Object(part)),
            );
        }
        let policies = [
            ("ike_policy", &self.ike_policy, crate::policy::IKE),
            ("ipsec_policy", &self.ipsec_policy, crate::policy::IPSEC),
        ];
        for (field, policy, kind) in policies {
            let value = match policy.as_deref() {
                None => continue,
                Some("") => Value::Null,
                Some(policy) => json!(id(&kind.find(client, policy)?)),
            };
            body.insert(field.to_owned(), value);
        }
        if self.no_translations || !self.translate.is_empty() {
            let all = self.translate.iter().map(Translate::body);
            body.insert("translations".to_owned(), all.collect());
        }
        self.credentials.write(&mut body)?;
        if self.no_ppk {
            body.insert("ppk".to_owned(), Value::Null);
        }
        Ok(Value::Object(body))
    }
}
