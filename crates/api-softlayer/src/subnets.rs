//! `SoftLayer_Network_Subnet`: a subnet of the account's private network, which is the project's default router.

use std::net::Ipv4Addr;

use adit_control::NumberOf;
use adit_model::{Cidr, Subnet};
use serde_json::{Value, json};

use crate::arguments::{at_most, thing};
use crate::call::{Answer, Call, Cx};
use crate::fault::Fault;
use crate::shape::joined;

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    at_most(&call.arguments, 0)?;
    match call.method.as_str() {
        "getObject" => {
            let id = call.object()?;
            let subnet = thing(cx, NumberOf::Subnet, id).await?;
            let subnets = cx.control.private_subnets(&cx.caller).await?;
            let mut subnets = subnets.iter();
            let found = subnets.find(|one| one.id.to_string() == subnet);
            let found = found.ok_or_else(|| Fault::not_found(id))?;
            Ok(Answer::One(shown(id, found)))
        }
        _ => Err(call.no_method()),
    }
}

/// All of the account.
pub(crate) async fn all(cx: &Cx) -> Result<Vec<Value>, Fault> {
    let subnets = cx.control.private_subnets(&cx.caller).await?;
    numbered(cx, &subnets).await
}

/// Subnets, with their numbers.
pub(crate) async fn numbered(cx: &Cx, subnets: &[Subnet]) -> Result<Vec<Value>, Fault> {
    let ids: Vec<_> = subnets.iter().map(|one| one.id.to_string()).collect();
    let numbers = cx.control.numbers(&cx.caller, NumberOf::Subnet, &ids);
    let numbers = numbers.await?;
    let pairs = numbers.into_iter().zip(subnets);
    Ok(pairs.map(|(id, one)| shown(id, one)).collect())
}

fn shown(id: u32, subnet: &Subnet) -> Value {
    let more = json!({
        "addressSpace": "PRIVATE",
        "broadcastAddress": subnet.cidr.last().to_string(),
        "gateway": subnet.gateway.map(|gateway| gateway.to_string()),
        "note": subnet.name.as_str(),
        "subnetType": "PRIMARY",
        "totalIpAddresses": subnet.cidr.address_count(),
        "version": 4,
    });
    joined(block(id, subnet.cidr), more)
}

/// What all blocks show.
pub(crate) fn block(id: u32, cidr: Cidr) -> Value {
    json!({
        "id": id,
        "networkIdentifier": cidr.first().to_string(),
        "cidr": cidr.prefix_len(),
        "netmask": netmask(cidr).to_string(),
    })
}

/// The mask of a block by IPv4.
pub(crate) fn netmask(cidr: Cidr) -> Ipv4Addr {
    let host_bits = 32_u32.saturating_sub(cidr.prefix_len().into());
    Ipv4Addr::from(u32::MAX.checked_shl(host_bits).unwrap_or(0))
}
