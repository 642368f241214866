//! `SoftLayer_Network_Customer_Subnet`: a block at another end. It is what it says, so that of each block an account has one.

use std::net::{IpAddr, Ipv4Addr};

use adit_control::NumberOf;
use adit_model::Cidr;
use serde_json::{Map, Value, json};

use crate::arguments::{at_most, member, number, object, text, thing};
use crate::call::{Answer, Call, Cx};
use crate::fault::Fault;
use crate::shape::joined;
use crate::subnets::{block, netmask};
use crate::whose;

/// What may be said of a block.
const MEMBERS: [&str; 5] = [
    "accountId",
    "cidr",
    "complexType",
    "netmask",
    "networkIdentifier",
];

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    match call.method.as_str() {
        "createObject" => {
            at_most(&call.arguments, 1)?;
            let template = object(&call.arguments, 0, "templateObject")?;
            let cidr = read(cx, template).await?;
            let id = cx.control.add_peer_block(&cx.caller, cidr).await?;
            Ok(Answer::One(shown(cx, id, cidr).await?))
        }
        "getObject" => {
            at_most(&call.arguments, 0)?;
            let id = call.object()?;
            let cidr = find(cx, id).await?;
            Ok(Answer::One(shown(cx, id, cidr).await?))
        }
        "deleteObject" => {
            at_most(&call.arguments, 0)?;
            let cidr = find(cx, call.object()?).await?;
            cx.control.remove_peer_block(&cx.caller, cidr).await?;
            Ok(Answer::Plain(true.into()))
        }
        _ => Err(call.no_method()),
    }
}

/// The block of a number.
pub(crate) async fn find(cx: &Cx, id: u32) -> Result<Cidr, Fault> {
    let cidr = thing(cx, NumberOf::CustomerSubnet, id).await?;
    cidr.parse().map_err(|_| Fault::not_found(id))
}

async fn shown(cx: &Cx, id: u32, cidr: Cidr) -> Result<Value, Fault> {
    let account = whose::number(cx).await?;
    Ok(joined(block(id, cidr), json!({"accountId": account})))
}

async fn read(cx: &Cx, template: &Map<String, Value>) -> Result<Cidr, Fault> {
    if let Some(name) = template
        .keys()
        .find(|name| !MEMBERS.contains(&name.as_str()))
    {
        return Err(Fault::invalid(format!(
            "Property '{name}' is not valid for a customer subnet that is made."
        )));
    }
    if let Some(said) = template.get("accountId").filter(|said| !said.is_null()) {
        let said = number("accountId", said)?;
        if said != whose::number(cx).await? {
            return Err(Fault::not_found(said));
        }
    }
    let address = text("networkIdentifier", member(template, "networkIdentifier")?)?;
    let address: Ipv4Addr = address
        .parse()
        .map_err(|_| Fault::invalid("networkIdentifier must be an IPv4 address."))?;
    let length = number("cidr", member(template, "cidr")?)?;
    let length = u8::try_from(length).ok().filter(|length| *length <= 32);
    let length = length.ok_or_else(|| Fault::invalid("cidr must be 0 to 32."))?;
    let cidr = Cidr::new(IpAddr::V4(address), length);
    let cidr = cidr.map_err(|error| Fault::invalid(error.to_string()))?;
    let mask = template.get("netmask").filter(|mask| !mask.is_null());
    if mask.is_some_and(|mask| *mask != netmask(cidr).to_string()) {
        return Err(Fault::invalid("netmask and cidr say different things."));
    }
    Ok(cidr)
}
