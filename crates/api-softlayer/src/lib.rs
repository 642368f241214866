//! The IPsec service of IBM's Classic infrastructure (SoftLayer), under `/xmlrpc/v3.1` and `/rest/v3.1`: what `slcli ipsec`,
//! softlayer-go and Terraform's `ibm_ipsec_vpn` call. Nothing that is edited takes effect until it is applied.
//!
//! | file | what |
//! |---|---|
//! | `xml_rpc`, `rest` | the two transports: requests become a call, its answer or fault a response |
//! | `xml` | values in XML-RPC, read within limits |
//! | `call`, `services` | a call, who makes it, and which service answers it |
//! | `arguments` | what a call brings along, of whatever type clients send it |
//! | `mask`, `filter` | which objects are asked for, and what of them |
//! | one per service | its methods |
//! | `whose` | the account of who calls |
//! | `contexts/` | how a tunnel context is shown and edited, and which parameters there are |
//! | `shape` | objects that are made of parts |
//! | `fault` | every refusal's exception, status and words |
//!
//! Ids are the numbers that `control` keeps for things.

mod account;
mod arguments;
mod billing_items;
mod call;
mod contexts;
mod customer_subnets;
mod fault;
mod filter;
mod locations;
mod mask;
mod orders;
mod packages;
mod rest;
mod services;
mod shape;
mod state;
mod subnets;
mod whose;
mod xml;
mod xml_rpc;

use std::sync::Arc;

use adit_control::Control;
use axum::Router;

use state::Classic;
pub use state::SoftLayerConfig;

/// All routes. Wants `adit_api::request_id::around` it.
pub fn router(control: Control, config: SoftLayerConfig) -> Router {
    let state = Classic {
        control,
        config: Arc::new(config),
    };
    Router::new()
        .merge(xml_rpc::routes())
        .merge(rest::routes())
        .with_state(state)
}

/// Reads a request's XML, for fuzzing: whatever it is, it is a call or refused.
#[doc(hidden)]
pub fn read_xml(octets: &[u8]) -> bool {
    xml::read_call(octets).is_ok()
}
