//! Connections in SQL. Their keys are sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adit_crypto::{EnvelopeKey, SystemRandom};
use adit_model::authentication::{Authentication, Certificates, Ppk};
use adit_model::connection::{Ends, GroupBlocks};
use adit_model::translation::{End, Translation, shown};
use adit_model::{Cidr, Connection, ConnectionId, GatewayId, Noun, Psk, RouterId};
use adit_store::{PeerCidrs, PeerHosts, StoreError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

/// What a key's envelope is bound to: copied to another row, it doesn't open.
fn context(id: ConnectionId) -> Vec<u8> {
    format!("connection {id} psk").into_bytes()
}

/// The same of what else a connection authenticates by.
fn credentials_context(id: ConnectionId) -> Vec<u8> {
    format!("connection {id} credentials").into_bytes()
}

/// What a connection authenticates by beside a pre-shared key, or in its place.
#[derive(Default, Serialize, Deserialize)]
struct Credentials {
    certificates: Option<Box<Certificates>>,
    ppk: Option<Ppk>,
}

/// What is stored of it; nothing where it can't be opened, which is a lost key: without a part of it the rest is not
/// what was wished.
fn credentials(
    row: &Stored<'_>,
    key: &EnvelopeKey,
    id: ConnectionId,
) -> Result<Option<Credentials>, StoreError> {
    let Some(sealed) = row.octets_or_null("credentials")? else {
        return Ok(Some(Credentials::default()));
    };
    let opened = key.open(&credentials_context(id), sealed).ok();
    Ok(opened.and_then(|opened| serde_json::from_slice(opened.as_slice()).ok()))
}

fn sealed_credentials(row: &Connection, key: &EnvelopeKey) -> Result<Option<Vec<u8>>, StoreError> {
    let certificates = match &row.authentication {
        Authentication::Certificates(certificates) => Some(certificates.clone()),
        Authentication::PresharedKey(_) => None,
    };
    if certificates.is_none() && row.ppk.is_none() {
        return Ok(None);
    }
    let credentials = Credentials {
        certificates,
        ppk: row.ppk.clone(),
    };
    let plain = serde_json::to_vec(&credentials).map_err(|error| StoreError::Corrupt {
        what: Connection::WHAT,
        source: error.into(),
    })?;
    let plain = Zeroizing::new(plain);
    Ok(Some(key.seal(
        &mut SystemRandom,
        &credentials_context(row.id),
        &plain,
    )))
}

impl Table for Connection {
    const WHAT: &'static str = "connection";
    const TABLE: &'static str = "connections";
    const FIXED: &'static [&'static str] = &["gateway"];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "peer_address",
        "peer_host",
        "peer_id",
        "local_id",
        "psk",
        "local_cidrs",
        "peer_cidrs",
        "local_is_subnet",
        "local_group",
        "peer_group",
        "by_routes",
        "distribute_traffic",
        "mtu",
        "initiator",
        "dead_peer_detection",
        "ike_policy",
        "ipsec_policy",
        "admin_state_up",
        "credentials",
        "psk_set_at",
        "translations",
    ];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::EndpointGroup, "local_group = ? OR peer_group = ?"),
        (Noun::Gateway, "gateway = ?"),
        (Noun::IkePolicy, "ike_policy = ?"),
        (Noun::IpsecPolicy, "ipsec_policy = ?"),
    ];
    const LISTS: &'static [List] = &[List {
        table: "connection_peer_cidrs",
        row: "connection",
        columns: &["gateway", "cidr"],
    }];

    fn read(row: &Stored<'_>, key: &EnvelopeKey) -> Result<Self, StoreError> {
        let id = row.parsed("id")?;
        // One that can't be opened is this connection's trouble alone: what is read with it goes on.
        let psk = key.open(&context(id), row.octets("psk")?).ok();
        let psk = psk.and_then(|psk| Psk::new(psk.as_slice().to_vec()).ok());
        let psk = psk.unwrap_or_else(Psk::lost);
        let (authentication, ppk) = match credentials(row, key, id)? {
            None => (Psk::lost().into(), None),
            Some(Credentials { certificates, ppk }) => {
                let by_certificates = certificates.map(Authentication::Certificates);
                (by_certificates.unwrap_or_else(|| psk.into()), ppk)
            }
        };
        Ok(Self {
            id,
            project: row.parsed("project")?,
            gateway: row.parsed("gateway")?,
            name: row.name()?,
            description: row.plain("description")?,
            peer_address: row.parsed("peer_address")?,
            peer_host: row.plain("peer_host")?,
            peer_id: row.plain("peer_id")?,
            local_id: row.plain("local_id")?,
            authentication,
            psk_set_at: row.time_option("psk_set_at")?,
            ppk,
            ends: ends(row)?,
            translations: row.json("translations")?,
            distribute_traffic: row.plain("distribute_traffic")?,
            mtu: row.plain("mtu")?,
            initiator: row.json("initiator")?,
            dead_peer_detection: row.json("dead_peer_detection")?,
            ike_policy: row.parsed_option("ike_policy")?,
            ipsec_policy: row.parsed_option("ipsec_policy")?,
            admin_state_up: row.plain("admin_state_up")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::Text(text(self.gateway))])
    }

    fn values(&self, key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        // A lost key stays lost, until there is another one: its place is sealed like any.
        let [local_group, peer_group] = match self.ends.groups() {
            Some(groups) => groups.map(Some),
            None => [None; 2],
        };
        let psk = self
            .authentication
            .psk()
            .map(Psk::expose)
            .unwrap_or_default();
        let sealed = key.seal(&mut SystemRandom, &context(self.id), psk);
        let credentials = sealed_credentials(self, key)?;
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Text(text(self.peer_address)),
            Value::OptionalText(self.peer_host.clone()),
            Value::OptionalText(self.peer_id.clone()),
            Value::OptionalText(self.local_id.clone()),
            Value::Octets(sealed),
            Value::Text(json(Self::WHAT, self.ends.local())?),
            Value::Text(json(Self::WHAT, self.ends.peer())?),
            Value::Flag(matches!(self.ends, Ends::Subnet { .. })),
            Value::OptionalText(local_group.map(text)),
            Value::OptionalText(peer_group.map(text)),
            Value::Flag(matches!(self.ends, Ends::Routes { .. })),
            Value::Flag(self.distribute_traffic),
            Value::Number(self.mtu.into()),
            Value::Text(json(Self::WHAT, &self.initiator)?),
            Value::Text(json(Self::WHAT, &self.dead_peer_detection)?),
            Value::OptionalText(self.ike_policy.map(text)),
            Value::OptionalText(self.ipsec_policy.map(text)),
            Value::Flag(self.admin_state_up),
            Value::OptionalOctets(credentials),
            Value::from(self.psk_set_at.map(nanoseconds)),
            Value::Text(json(Self::WHAT, &self.translations)?),
        ])
    }

    fn lists(&self) -> Vec<Vec<Vec<String>>> {
        let blocks = self.peer_known_here();
        vec![
            blocks
                .iter()
                .map(|cidr| vec![text(self.gateway), text(cidr)])
                .collect(),
        ]
    }
}

fn ends(row: &Stored<'_>) -> Result<Ends, StoreError> {
    let (mut local, peer): (Vec<Cidr>, Vec<Cidr>) =
        (row.json("local_cidrs")?, row.json("peer_cidrs")?);
    let groups = [
        row.parsed_option("local_group")?,
        row.parsed_option("peer_group")?,
    ];
    if row.plain("by_routes")? {
        return Ok(Ends::Routes { peer });
    }
    Ok(match (groups, row.plain("local_is_subnet")?) {
        ([Some(local_group), Some(peer_group)], false) => Ends::Groups {
            local: GroupBlocks {
                group: local_group,
                cidrs: local,
            },
            peer: GroupBlocks {
                group: peer_group,
                cidrs: peer,
            },
        },
        ([None, None], true) if local.len() == 1 => Ends::Subnet {
            local: local.swap_remove(0),
            peer,
        },
        ([None, None], false) => Ends::Blocks { local, peer },
        _ => {
            return Err(StoreError::Corrupt {
                what: Connection::WHAT,
                source: "its ends are neither blocks, a subnet nor groups".into(),
            });
        }
    })
}

#[async_trait]
impl<S: Session> PeerCidrs for SqlTransaction<S> {
    async fn peer_cidrs_of_router(
        &mut self,
        id: RouterId,
    ) -> Result<BTreeMap<GatewayId, BTreeSet<Cidr>>, StoreError> {
        let sql = "SELECT DISTINCT connections.gateway, connections.peer_cidrs, connections.translations \
                   FROM gateways JOIN connections ON connections.gateway = gateways.id \
                   WHERE gateways.router = ?";
        let statement = Statement::new(sql, values![text(id)]);
        let rows = self
            .session
            .rows(Finds::Many, Connection::WHAT, statement, |row| {
                let blocks = row.json::<Vec<Cidr>>("peer_cidrs")?;
                let translations = row.json::<Vec<Translation>>("translations")?;
                let known = shown(End::Peer, &blocks, &translations);
                Ok((row.parsed("gateway")?, known))
            });
        let mut behind = BTreeMap::<_, BTreeSet<_>>::new();
        for (gateway, blocks) in rows.await? {
            behind.entry(gateway).or_default().extend(blocks);
        }
        Ok(behind)
    }

    async fn connections_behind(
        &mut self,
        id: RouterId,
        cidr: Cidr,
    ) -> Result<Vec<Connection>, StoreError> {
        let sql = "SELECT * FROM connections WHERE id IN (SELECT blocks.connection \
                   FROM gateways JOIN connection_peer_cidrs AS blocks \
                   ON blocks.gateway = gateways.id AND blocks.cidr = ? \
                   WHERE gateways.router = ?) ORDER BY id";
        let statement = Statement::new(sql, values![text(cidr), text(id)]);
        let key = Arc::clone(&self.key);
        let read = move |row: &Stored<'_>| Connection::read(row, &key);
        let rows = self
            .session
            .rows(Finds::Few, Connection::WHAT, statement, read);
        rows.await
    }
}

#[async_trait]
impl<S: Session> PeerHosts for SqlTransaction<S> {
    async fn connections_with_peer_host(&mut self) -> Result<Vec<Connection>, StoreError> {
        let sql = "SELECT * FROM connections WHERE peer_host IS NOT NULL ORDER BY id";
        let key = Arc::clone(&self.key);
        let read = move |row: &Stored<'_>| Connection::read(row, &key);
        let statement = Statement::new(sql, values![]);
        let rows = self
            .session
            .rows(Finds::Many, Connection::WHAT, statement, read);
        rows.await
    }
}
