//! What a client wants of a connection, out of its body.

use std::net::{IpAddr, Ipv4Addr};

use adit_api::answer;
use adit_control::connection::{ConnectionChange, GivenEnds, NewConnection};
use adit_control::{Error, Noun};
use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::{Cidr, Gateway, Psk};

use serde_json::json;

use super::invalid_cidr;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};

/// What a body may say.
const FIELDS: &[&str] = &[
    "admin_state_up",
    "dead_peer_detection",
    "distribute_traffic",
    "establish_mode",
    "ike_policy",
    "ipsec_policy",
    "local",
    "local_cidrs",
    "name",
    "peer",
    "peer_address",
    "peer_cidrs",
    "psk",
    "routing_protocol",
];

/// A connection as `body` has it, on this gateway.
pub(super) fn new_connection(
    cx: &Context,
    gateway: &Gateway,
    body: &Fields,
) -> Result<NewConnection, ApiError> {
    body.check_known(FIELDS)?;
    let ends = ends(gateway.addresses.v4.into(), body)?;
    unsupported(body)?;
    let psk = psk(body)?.ok_or_else(|| body.missing("psk"))?;
    let dpd = dpd(body)?;
    let default = default_dpd(cx);
    Ok(NewConnection {
        name: body.new_name(cx, Noun::Connection)?,
        description: String::new(),
        gateway: gateway.id,
        peer_address: ends
            .peer_address
            .ok_or_else(|| body.missing("peer_address"))?
            .to_string(),
        peer_id: None,
        local_id: None,
        psk,
        // Without any, the rule about empty lists speaks.
        ends: GivenEnds {
            local_cidrs: Some(ends.local_cidrs.unwrap_or_default()),
            peer_cidrs: ends.peer_cidrs.unwrap_or_default(),
            ..GivenEnds::default()
        },
        mtu: 0,
        initiator: Initiator::BiDirectional,
        dead_peer_detection: DeadPeerDetection {
            action: dpd.action.unwrap_or(default.action),
            interval_s: dpd.interval_s.unwrap_or(default.interval_s),
            timeout_s: dpd.timeout_s.unwrap_or(default.timeout_s),
        },
        ike_policy: policy(body, "ike_policy", Noun::IkePolicy)?.flatten(),
        ipsec_policy: policy(body, "ipsec_policy", Noun::IpsecPolicy)?.flatten(),
        admin_state_up: body.flag("admin_state_up")?.unwrap_or(true),
    })
}

/// What `body` changes of a connection, on a gateway with the public address `own`.
pub(super) fn change(
    cx: &Context,
    own: IpAddr,
    body: &Fields,
) -> Result<ConnectionChange, ApiError> {
    body.check_known(FIELDS)?;
    let ends = ends(own, body)?;
    unsupported(body)?;
    if ends.has_cidrs {
        let message = "CIDRs can't be changed by an update; add and remove them one by one.";
        return Err(ApiError::bad(
            "vpn_connection_update_cidrs_not_permitted",
            message,
        ));
    }
    let dpd = dpd(body)?;
    Ok(ConnectionChange {
        name: body
            .name_change(cx, Noun::Connection)?
            .map(|(name, _)| name),
        peer_address: ends.peer_address.map(|address| address.to_string()),
        psk: psk(body)?,
        dpd_action: dpd.action,
        dpd_interval_s: dpd.interval_s,
        dpd_timeout_s: dpd.timeout_s,
        ike_policy: policy(body, "ike_policy", Noun::IkePolicy)?,
        ipsec_policy: policy(body, "ipsec_policy", Noun::IpsecPolicy)?,
        admin_state_up: body.flag("admin_state_up")?,
        ..ConnectionChange::default()
    })
}

/// An error of a use case; which policy is missing is told by the body that named it.
pub(super) fn named(body: &Fields, error: Error) -> ApiError {
    match error {
        Error::NotFound(Noun::IkePolicy) => body.no_such("ike_policy", Noun::IkePolicy),
        Error::NotFound(Noun::IpsecPolicy) => body.no_such("ipsec_policy", Noun::IpsecPolicy),
        other => other.into(),
    }
}

/// Both ends, flat or nested.
#[derive(Default)]
struct Ends {
    peer_address: Option<IpAddr>,
    local_cidrs: Option<Vec<Cidr>>,
    peer_cidrs: Option<Vec<Cidr>>,
    /// Whether any list of CIDRs was named, be it `null`.
    has_cidrs: bool,
}

fn ends(own: IpAddr, body: &Fields) -> Result<Ends, ApiError> {
    let mut ends = Ends {
        peer_address: address(body, "peer_address")?,
        local_cidrs: cidrs(body, "local_cidrs")?,
        peer_cidrs: cidrs(body, "peer_cidrs")?,
        has_cidrs: body.has("local_cidrs") || body.has("peer_cidrs"),
    };
    if let Some(local) = body.object("local")? {
        local.check_known(&["cidrs", "ike_identities"])?;
        not_twice(body, "local", &["local_cidrs"])?;
        ends.has_cidrs |= local.has("cidrs");
        ends.local_cidrs = cidrs(&local, "cidrs")?;
        if local
            .list("ike_identities")?
            .is_some_and(|list| list.len() > 1)
        {
            return Err(local.wrong("ike_identities", "one identity at most, in policy mode"));
        }
        let own = json!(own.to_string());
        for identity in local.list("ike_identities")?.unwrap_or_default() {
            let is_address = identity.get("type") == Some(&json!("ipv4_address"));
            if !is_address || identity.get("value") != Some(&own) {
                let what = "the gateway's address: other identities are not supported here";
                return Err(local.wrong("ike_identities", what));
            }
        }
    }
    if let Some(peer) = body.object("peer")? {
        peer.check_known(&["address", "cidrs", "fqdn", "ike_identity", "type"])?;
        not_twice(body, "peer", &["peer_address", "peer_cidrs"])?;
        ends.has_cidrs |= peer.has("cidrs");
        ends.peer_cidrs = cidrs(&peer, "cidrs")?;
        ends.peer_address = address(&peer, "address")?;
        if peer.value("fqdn").is_some() {
            return Err(peer.wrong("fqdn", "left out: names of peers are not supported here"));
        }
        peer.only("type", &json!("address"))?;
        if let Some(identity) = peer.object("ike_identity")? {
            let value = identity.text("value")?;
            let same = ends
                .peer_address
                .is_none_or(|address| value.is_some_and(|value| value == address.to_string()));
            if identity.text("type")? != Some("ipv4_address") || !same {
                let what = "the peer's address: other identities are not supported here";
                return Err(peer.wrong("ike_identity", what));
            }
        }
    }
    Ok(ends)
}

/// What there is of it in policy mode.
fn unsupported(body: &Fields) -> Result<(), ApiError> {
    body.only("establish_mode", &json!("bidirectional"))?;
    body.only("distribute_traffic", &json!(false))?;
    body.only("routing_protocol", &json!("none"))
}

/// Refuses what an end's own object says in today's way, if it is there in the old way too.
fn not_twice(body: &Fields, nested: &str, flat: &[&str]) -> Result<(), ApiError> {
    match flat.iter().find(|name| body.value(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(body.wrong(name, &format!("left out when `{nested}` is given"))),
    }
}

fn address(fields: &Fields, name: &str) -> Result<Option<IpAddr>, ApiError> {
    let Some(text) = fields.text(name)? else {
        return Ok(None);
    };
    // A peer at any address is nothing that there is here.
    let address: Option<Ipv4Addr> = text.parse().ok();
    let address = address.filter(|address| !address.is_unspecified());
    let wrong = || fields.wrong(name, "an IPv4 address such as 203.0.113.7");
    Ok(Some(IpAddr::V4(address.ok_or_else(wrong)?)))
}

fn cidrs(fields: &Fields, name: &str) -> Result<Option<Vec<Cidr>>, ApiError> {
    let Some(texts) = fields.texts(name)? else {
        return Ok(None);
    };
    let mut cidrs = Vec::new();
    for text in texts {
        let cidr: Option<Cidr> = text.parse().ok();
        let cidr = cidr.filter(|cidr| cidr.is_ipv4());
        cidrs.push(cidr.ok_or_else(|| invalid_cidr(name))?);
    }
    Ok(Some(cidrs))
}

fn psk(body: &Fields) -> Result<Option<Psk>, ApiError> {
    const OTHERS: &str = "-+&!@#$%^*(),.:_";
    let Some(text) = body.text("psk")? else {
        return Ok(None);
    };
    if answer::is_hidden(text) {
        let message = "Asterisks stand for a pre-shared key that is not shown; give the key itself, or leave it out.";
        let error = ApiError::bad("vpn_connection_invalid_psk_format", message);
        return Err(error.field("psk"));
    }
    let sane = |c: char| c.is_ascii_alphanumeric() || OTHERS.contains(c);
    let encoded = text.starts_with("0x") || text.starts_with("0s");
    let fits = (6..=128).contains(&text.len()) && text.chars().all(sane) && !encoded;
    let psk = Psk::new(text.as_bytes().to_vec()).ok().filter(|_| fits);
    let invalid = || {
        let message = format!(
            "The pre-shared key must be 6 to 128 letters, digits or {OTHERS}, and not start with 0x or 0s."
        );
        ApiError::bad("vpn_connection_invalid_psk_format", message).field("psk")
    };
    psk.map(Some).ok_or_else(invalid)
}

#[derive(Default)]
struct DpdChange {
    action: Option<DpdAction>,
    interval_s: Option<u32>,
    timeout_s: Option<u32>,
}

fn dpd(body: &Fields) -> Result<DpdChange, ApiError> {
    let Some(dpd) = body.object("dead_peer_detection")? else {
        return Ok(DpdChange::default());
    };
    dpd.check_known(&["action", "interval", "timeout"])?;
    let action = match dpd.text("action")? {
        None => None,
        Some("clear") => Some(DpdAction::Clear),
        Some("hold") => Some(DpdAction::Hold),
        Some("none") => Some(DpdAction::None),
        Some("restart") => Some(DpdAction::Restart),
        Some(_) => return Err(dpd.wrong("action", "restart, clear, hold or none")),
    };
    Ok(DpdChange {
        action,
        interval_s: dpd.number("interval")?,
        timeout_s: dpd.number("timeout")?,
    })
}

/// What clients of this version expect when they say nothing.
fn default_dpd(cx: &Context) -> DeadPeerDetection {
    let (action, interval_s, timeout_s) = if cx.version.is_after_the_seed() {
        (DpdAction::Restart, 2, 10)
    } else {
        (DpdAction::None, 30, 120)
    };
    DeadPeerDetection {
        action,
        interval_s,
        timeout_s,
    }
}

/// The policy that is named; the inner `None` is `null`: negotiate.
fn policy<Id: std::str::FromStr + PartialEq>(
    body: &Fields,
    name: &str,
    noun: Noun,
) -> Result<Option<Option<Id>>, ApiError> {
    if body.is_null(name) {
        return Ok(Some(None));
    }
    match body.identity(name)? {
        None => Ok(None),
        Some(Some(id)) => Ok(Some(Some(id))),
        Some(None) => Err(body.no_such(name, noun)),
    }
}
