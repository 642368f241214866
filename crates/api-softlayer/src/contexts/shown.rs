//! How a context is shown: what is staged of it, with all that hangs on it.

use adit_control::NumberOf;
use adit_model::policy::{Authentication, DhGroup, Encryption};
use adit_model::{Cidr, Subnet, TunnelContext};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::parameters::{AUTHENTICATION, ENCRYPTION};
use super::translations;
use crate::call::Cx;
use crate::fault::Fault;
use crate::packages::{CATEGORY, DESCRIPTION};
use crate::shape::joined;
use crate::{locations, subnets, whose};

/// All of the account's contexts.
pub(crate) async fn all(cx: &Cx) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for row in cx.control.tunnel_contexts(&cx.caller).await? {
        all.push(shown(cx, &row).await?);
    }
    Ok(all)
}

/// A moment, with its distance from UTC.
pub(crate) fn date(when: OffsetDateTime) -> String {
    adit_api::times::seconds(when).replace('Z', "+00:00")
}

/// What is paid for of a context, and by which order it is there.
pub(crate) async fn billing_item(cx: &Cx, row: &TunnelContext) -> Result<Value, Fault> {
    let id = cx.control.number(&cx.caller, NumberOf::BillingItem, row.id);
    let id = id.await?;
    let order = cx.control.number(&cx.caller, NumberOf::Order, row.id);
    let order = order.await?;
    Ok(json!({
        "id": id,
        "categoryCode": CATEGORY,
        "description": DESCRIPTION,
        "recurringFee": "0",
        "cancellationDate": row.ends_at.map(date),
        "createDate": date(row.created_at),
        "orderItemId": order,
        "orderItem": {"id": order, "description": DESCRIPTION, "order": {"id": order, "status": "APPROVED"}},
    }))
}

pub(super) async fn shown(cx: &Cx, row: &TunnelContext) -> Result<Value, Fault> {
    let id = cx
        .control
        .number(&cx.caller, NumberOf::TunnelContext, row.id);
    let id = id.await?;
    let staged = &row.staged;
    // Somebody may have deleted it since.
    let gateway = cx.control.gateway(&cx.caller, row.gateway).await.ok();
    let address = gateway.map(|view| view.gateway.addresses.v4.to_string());
    let context = json!({
        "id": id,
        "accountId": whose::number(cx).await?,
        "name": row.name.as_str(),
        "friendlyName": staged.friendly_name.as_str(),
        "advancedConfigurationFlag": 0,
        "createDate": date(row.created_at),
        "modifyDate": date(row.updated_at),
        "customerPeerIpAddress": staged.peer_address.map(|address| address.to_string()),
        "internalPeerIpAddress": address,
        "phaseOneAuthentication": authentication(&staged.ike.authentication),
        "phaseOneDiffieHellmanGroup": group(staged.ike.groups.first().copied()),
        "phaseOneEncryption": encryption(&staged.ike.encryption),
        "phaseOneKeylife": staged.ike.lifetime_s,
        "phaseTwoAuthentication": authentication(&staged.ipsec.authentication),
        "phaseTwoDiffieHellmanGroup": group(staged.pfs_group),
        "phaseTwoEncryption": encryption(&staged.ipsec.encryption),
        "phaseTwoKeylife": staged.ipsec.lifetime_s,
        "phaseTwoPerfectForwardSecrecy": u8::from(!staged.ipsec.pfs.is_empty()),
        "account": whose::shown(cx).await?,
        "addressTranslations": translations::shown(cx, row).await?,
        "allAvailableServiceSubnets": blocks(cx, NumberOf::ServiceSubnet, cx.control.service_blocks()).await?,
        "billingItem": billing_item(cx, row).await?,
        "customerSubnets": blocks(cx, NumberOf::CustomerSubnet, &staged.peer_cidrs).await?,
        "datacenter": locations::shown(&cx.config),
        "internalSubnets": internal_subnets(cx, row).await?,
        "serviceSubnets": blocks(cx, NumberOf::ServiceSubnet, &staged.services).await?,
        "staticRouteSubnets": static_subnets(cx, row).await?,
    });
    if cx.config.show_psk && cx.caller.may_see_keys() {
        // All that this face takes is text.
        let key = String::from_utf8_lossy(row.psk.expose());
        return Ok(joined(context, json!({"presharedKey": key})));
    }
    Ok(context)
}

async fn internal_subnets(cx: &Cx, row: &TunnelContext) -> Result<Vec<Value>, Fault> {
    let known = cx.control.private_subnets(&cx.caller).await?;
    let listed = row.staged.subnets.iter();
    let listed = listed.filter_map(|id| known.iter().find(|one| one.id == *id));
    let listed: Vec<Subnet> = listed.cloned().collect();
    subnets::numbered(cx, &listed).await
}

async fn static_subnets(cx: &Cx, row: &TunnelContext) -> Result<Vec<Value>, Fault> {
    let Some(assigned) = row.staged.assigned else {
        return Ok(Vec::new());
    };
    let id = cx
        .control
        .number(&cx.caller, NumberOf::StaticSubnet, row.id);
    Ok(vec![subnets::block(id.await?, assigned)])
}

/// Blocks that are numbered by what they are.
async fn blocks(cx: &Cx, of: NumberOf, blocks: &[Cidr]) -> Result<Vec<Value>, Fault> {
    let texts: Vec<_> = blocks.iter().map(ToString::to_string).collect();
    let numbers = cx.control.numbers(&cx.caller, of, &texts).await?;
    let pairs = numbers.into_iter().zip(blocks);
    Ok(pairs.map(|(id, cidr)| subnets::block(id, *cidr)).collect())
}

fn group(group: Option<DhGroup>) -> u16 {
    group.map_or(0, DhGroup::number)
}

fn authentication(listed: &[Authentication]) -> Option<&'static str> {
    let mut words = AUTHENTICATION.into_iter();
    let found = words.find(|(_, one)| listed.first() == Some(one));
    found.map(|(word, _)| word)
}

fn encryption(listed: &[Encryption]) -> Option<&'static str> {
    let mut words = ENCRYPTION.into_iter();
    let found = words.find(|(_, one)| listed.first() == Some(one));
    found.map(|(word, _)| word)
}

/// What the other end's people have to know, line by line; the key is not among it.
pub(super) fn parameters(context: &Value) -> String {
    let names = [
        ("Customer Peer IP", "customerPeerIpAddress"),
        ("Internal Peer IP", "internalPeerIpAddress"),
        ("Phase 1 Authentication", "phaseOneAuthentication"),
        ("Phase 1 Diffie Hellman Group", "phaseOneDiffieHellmanGroup"),
        ("Phase 1 Encryption", "phaseOneEncryption"),
        ("Phase 1 Key Life", "phaseOneKeylife"),
        ("Phase 2 Authentication", "phaseTwoAuthentication"),
        ("Phase 2 Diffie Hellman Group", "phaseTwoDiffieHellmanGroup"),
        ("Phase 2 Encryption", "phaseTwoEncryption"),
        ("Phase 2 Key Life", "phaseTwoKeylife"),
        (
            "Phase 2 Perfect Forward Secrecy",
            "phaseTwoPerfectForwardSecrecy",
        ),
    ];
    let line = |(title, name): (&str, &str)| {
        let value = match context.get(name) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => "not set".to_owned(),
            Some(other) => other.to_string(),
        };
        format!("{title}: {value}\n")
    };
    names.map(line).concat()
}
