//! Which connection, and what of it is shown.

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, Output};

use super::translate::typed;

pub(super) const LIST: &str = "/connections";

pub(super) const COLUMNS: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("STATE", "/state", false),
    ("PEER", "/peer/address", false),
    ("LOCAL CIDRS", "/local/cidrs", false),
    ("PEER CIDRS", "/peer/cidrs", false),
    ("REASON", "/reasons/0/code", false),
    ("GATEWAY", "/gateway", true),
    ("IKE SUITE", "/ike_suite", true),
    ("PACKETS IN", "/traffic/packets_in", true),
    ("PACKETS OUT", "/traffic/packets_out", true),
    ("SINCE", "/since", true),
];

/// What is shown of one.
const ALL: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("DESCRIPTION", "/description", false),
    ("STATE", "/state", false),
    ("SINCE", "/since", false),
    ("ENABLED", "/enabled", false),
    ("GATEWAY", "/gateway", false),
    ("LOCAL ADDRESS", "/local/address", false),
    ("LOCAL IDENTITY", "/local/identity", false),
    ("LOCAL CIDRS", "/local/cidrs", false),
    ("PEER ADDRESS", "/peer/address", false),
    ("PEER HOST", "/peer/host", false),
    ("PEER IDENTITY", "/peer/identity", false),
    ("PEER CIDRS", "/peer/cidrs", false),
    ("TRANSLATIONS", "/translations", false),
    ("PRE-SHARED KEY", "/psk", false),
    ("KEY SET AT", "/psk_set_at", false),
    ("PPK", "/ppk/id", false),
    ("IKE POLICY", "/ike_policy/name", false),
    ("IPSEC POLICY", "/ipsec_policy/name", false),
    ("INITIATOR", "/initiator", false),
    ("DEAD PEER", "/dead_peer_detection/action", false),
    ("MTU", "/mtu", false),
    ("IKE SUITE", "/ike_suite", false),
    ("CHILD SUITE", "/children/0/suite", false),
    ("PACKETS IN", "/traffic/packets_in", false),
    ("PACKETS OUT", "/traffic/packets_out", false),
    ("REASON", "/reasons/0/evidence", false),
    ("NEXT STEP", "/reasons/0/next_step", false),
];

/// One, as it is asked to be printed.
pub(super) fn told(client: &Client, mut connection: Value) -> String {
    let for_people = matches!(client.output, Output::Table | Output::Wide);
    let translations = json!(typed(&connection));
    if let Some(members) = connection.as_object_mut().filter(|_| for_people) {
        members.insert("translations".to_owned(), translations);
    }
    client.output.one(&connection, ALL)
}

#[derive(Args, Debug)]
pub struct One {
    /// The connection's name or id.
    pub(super) connection: String,
}

pub(super) fn find(client: &Client, one: &One) -> Result<String, CliError> {
    client.find("connection", LIST, &one.connection)
}
