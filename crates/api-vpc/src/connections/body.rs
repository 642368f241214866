//! What a client wants of a connection, out of its body.

use adit_api::answer;
use adit_control::connection::{ConnectionChange, ConnectionView, GivenEnds, NewConnection};
use adit_control::{Error, Noun};
use adit_model::connection::{self as model, DeadPeerDetection, DpdAction, Initiator};
use adit_model::gateway::GatewayMode;
use adit_model::{Connection, Gateway, Psk};

use serde_json::json;

use super::ends::{self, Ends, Place};
use super::identity;
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
    let mode = gateway.mode();
    let ends = ends::read(mode, gateway.addresses.v4.into(), body)?;
    let distribute_traffic = unsupported(mode, body)?;
    let place = ends.place.ok_or_else(|| body.missing("peer_address"))?;
    let psk = psk(body)?.ok_or_else(|| body.missing("psk"))?;
    let dpd = dpd(body)?;
    let default = default_dpd(cx);
    Ok(NewConnection {
        name: body.new_name(cx, Noun::Connection)?,
        description: String::new(),
        gateway: gateway.id,
        peer_address: place.text(),
        peer_id: ends.peer_id.unwrap_or_else(|| place.identity()),
        local_id: ends.local_id.flatten(),
        authentication: psk.into(),
        ppk: None,
        // Without any, the rule about empty lists speaks; in route mode there are none.
        ends: GivenEnds {
            local_cidrs: match mode {
                GatewayMode::Policy => Some(ends.local_cidrs.unwrap_or_default()),
                GatewayMode::Route => None,
            },
            peer_cidrs: ends.peer_cidrs.unwrap_or_default(),
            ..GivenEnds::default()
        },
        translations: Vec::new(),
        distribute_traffic: distribute_traffic.unwrap_or(false),
        mtu: 0,
        initiator: initiator(body)?.unwrap_or(Initiator::BiDirectional),
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

/// What `body` changes of this connection.
pub(super) fn change(
    cx: &Context,
    seen: &ConnectionView,
    body: &Fields,
) -> Result<ConnectionChange, ApiError> {
    body.check_known(FIELDS)?;
    let mode = match seen.connection.ends {
        model::Ends::Routes { .. } => GatewayMode::Route,
        _ => GatewayMode::Policy,
    };
    let ends = ends::read(mode, seen.local_address, body)?;
    let distribute_traffic = unsupported(mode, body)?;
    if ends.has_cidrs {
        let message = "CIDRs can't be changed by an update; add and remove them one by one.";
        return Err(ApiError::bad(
            "vpn_connection_update_cidrs_not_permitted",
            message,
        ));
    }
    let peer_id = peer_id(&seen.connection, &ends, body)?;
    let dpd = dpd(body)?;
    Ok(ConnectionChange {
        name: body
            .name_change(cx, Noun::Connection)?
            .map(|(name, _)| name),
        peer_address: ends.place.as_ref().map(Place::text),
        peer_id,
        local_id: ends.local_id,
        distribute_traffic,
        initiator: initiator(body)?,
        authentication: psk(body)?.map(Into::into),
        dpd_action: dpd.action,
        dpd_interval_s: dpd.interval_s,
        dpd_timeout_s: dpd.timeout_s,
        ike_policy: policy(body, "ike_policy", Noun::IkePolicy)?,
        ipsec_policy: policy(body, "ipsec_policy", Noun::IpsecPolicy)?,
        admin_state_up: body.flag("admin_state_up")?,
        ..ConnectionChange::default()
    })
}

/// Who the peer is to be after a change: one that was called by its name goes by the new one. What
/// was given by its address stays so, and by its name.
fn peer_id(
    old: &Connection,
    ends: &Ends,
    body: &Fields,
) -> Result<Option<Option<String>>, ApiError> {
    let wrong = |what: &str| Err(body.wrong("peer", what));
    match (&old.peer_host, &ends.place) {
        (Some(_), Some(Place::Address(_))) => wrong("given by its `fqdn`, as it was"),
        (None, Some(Place::Fqdn(_))) => wrong("given by its `address`, as it was"),
        (Some(host), Some(place)) if ends.peer_id.is_none() => {
            let was_by_name = old.peer_id.as_deref() == Some(identity::of_fqdn(host).as_str());
            Ok(was_by_name.then(|| place.identity()))
        }
        _ => Ok(ends.peer_id.clone()),
    }
}

/// `establish_mode`, if it is given.
fn initiator(body: &Fields) -> Result<Option<Initiator>, ApiError> {
    match body.text("establish_mode")? {
        None => Ok(None),
        Some("bidirectional") => Ok(Some(Initiator::BiDirectional)),
        Some("peer_only") => Ok(Some(Initiator::ResponseOnly)),
        Some(_) => Err(body.wrong("establish_mode", "bidirectional or peer_only")),
    }
}

/// An error of a use case; which policy is missing is told by the body that named it.
pub(super) fn named(body: &Fields, error: Error) -> ApiError {
    match error {
        Error::NotFound(Noun::IkePolicy) => body.no_such("ike_policy", Noun::IkePolicy),
        Error::NotFound(Noun::IpsecPolicy) => body.no_such("ipsec_policy", Noun::IpsecPolicy),
        other => other.into(),
    }
}

/// What there is of it in this mode; whether traffic is to be distributed, where that can be said.
fn unsupported(mode: GatewayMode, body: &Fields) -> Result<Option<bool>, ApiError> {
    body.only("routing_protocol", &json!("none"))?;
    if mode == GatewayMode::Policy {
        body.only("distribute_traffic", &json!(false))?;
    }
    body.flag("distribute_traffic").map_err(Into::into)
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
