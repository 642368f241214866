//! `connections/{id}/peer-config`: the same connection in the words of the program at the other end.

#![expect(
    unused_qualifications,
    reason = "what the macro makes of the parameters' type"
)]

mod adit;
mod asa;
mod cisco;
mod fortios;
mod junos;
mod libreswan;
mod mikrotik;
mod opnsense;
mod panos;
mod seen;
mod strongswan;
mod terraform;
mod vyos;

use std::net::IpAddr;

use adit_control::connection::ConnectionView;
use adit_model::connection::{Ends, Identity, Initiator};
use adit_model::policy::{IkeParameters, IpsecParameters};
use axum::extract::{FromRequestParts, Path, Query as Parameters};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::connections::find;
use crate::context::Context;
use crate::problem::Problem;
use crate::state::Native;
use seen::Seen;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(peer_config))
}

/// Whose words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Vendor {
    /// Another Adit: a command.
    Adit,
    /// Cisco ASA's commands.
    CiscoAsa,
    /// Cisco IOS-XE's commands.
    CiscoIosXe,
    /// Fortinet FortiOS' commands.
    Fortios,
    /// Juniper Junos' `set` commands.
    Junos,
    /// libreswan's `ipsec.conf`, and its secret.
    Libreswan,
    /// MikroTik RouterOS' commands.
    Mikrotik,
    /// OPNsense: a file of strongSwan's beside what its pages make.
    Opnsense,
    /// Palo Alto Networks PAN-OS' `set` commands.
    PanOs,
    /// strongSwan's `swanctl.conf`.
    Strongswan,
    /// Terraform, with Amazon's Site-to-Site VPN at the other end.
    TerraformAws,
    /// Terraform, with Azure's VPN Gateway at the other end.
    TerraformAzure,
    /// Terraform, with Google Cloud's VPN at the other end.
    TerraformGcp,
    /// Terraform, with IBM Cloud's VPN for VPC at the other end.
    TerraformIbm,
    /// VyOS' `set` commands.
    Vyos,
}

/// What to write.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Whose words.
    #[param(inline)]
    vendor: Vendor,
    /// Whether the pre-shared key is written, which needs the right to read it; else a placeholder is.
    #[serde(default)]
    with_psk: bool,
}

impl FromRequestParts<Native> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::try_from_uri(&parts.uri);
        let Parameters(wanted) =
            read.map_err(|error| Problem::invalid("vendor", error.body_text()))?;
        Ok(wanted)
    }
}

/// Writes the configuration of the other end.
#[utoipa::path(
    get, path = "/connections/{id}/peer-config", tag = "connections", operation_id = "show_peer_config",
    params(("id" = Uuid, Path), Wanted),
    responses(
        (status = 200, description = "The configuration, as text.", body = String, content_type = "text/plain"),
        (status = 400, description = "There is no such vendor.", body = Problem),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 403, description = "The key is not for this caller.", body = Problem),
        (status = 404, description = "The connection is not there.", body = Problem),
        (status = 422, description = "That program has no words for this connection.", body = Problem),
    ),
)]
async fn peer_config(
    cx: Context,
    Path(id): Path<Uuid>,
    wanted: Wanted,
) -> Result<impl IntoResponse, Problem> {
    let view = find(&cx, id).await?;
    if wanted.with_psk {
        cx.may_read_keys()?;
    }
    let parameters = parameters(&cx, &view).await?;
    let text = text(&view, &parameters, wanted.vendor, wanted.with_psk)?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text))
}

/// The configuration of the other end, with the key only where that is asked for.
pub(crate) fn text(
    view: &ConnectionView,
    (ike, ipsec): &(IkeParameters, IpsecParameters),
    vendor: Vendor,
    with_psk: bool,
) -> Result<String, Problem> {
    let (Some(psk), None) = (view.connection.authentication.psk(), &view.connection.ppk) else {
        let detail = "configurations are written of connections by a pre-shared key alone";
        return Err(Problem::misfit(detail));
    };
    let row = &view.connection;
    let parsed = |text: &Option<String>, address| {
        text.as_deref()
            .map_or(Identity::Address(address), Identity::parse)
    };
    let own_id = writable("peer", parsed(&row.peer_id, row.peer_address))?;
    // In route mode there is a tunnel to each of the gateway's addresses, which calls itself by that.
    let by_routes = matches!(row.ends, Ends::Routes { .. });
    let others: Vec<IpAddr> = match by_routes {
        true => view.addresses.members().map(IpAddr::V4).collect(),
        false => vec![view.local_address],
    };
    let other_cidrs = row.local_known_there();
    let mut texts = Vec::with_capacity(others.len());
    for (number, other) in (1..).zip(&others) {
        let (name, other_id) = match others.len() {
            1 => (row.name.to_string(), parsed(&row.local_id, *other)),
            _ => (format!("{}-{number}", row.name), Identity::Address(*other)),
        };
        let seen = Seen {
            name,
            own: row.peer_address,
            own_id: own_id.clone(),
            own_cidrs: row.ends.peer(),
            other: *other,
            other_id: writable("local", other_id)?,
            other_cidrs: &other_cidrs,
            psk: with_psk.then_some(psk),
            ike: ike.clone(),
            ipsec: ipsec.clone(),
            dead_peer: row.dead_peer_detection,
            must_begin: row.initiator == Initiator::ResponseOnly
                || row.peer_address.is_unspecified(),
        };
        texts.push(of_tunnel(&seen, vendor)?);
    }
    Ok(texts.join("\n"))
}

/// The configuration of one tunnel.
fn of_tunnel(seen: &Seen<'_>, vendor: Vendor) -> Result<String, Problem> {
    Ok(match vendor {
        Vendor::Adit => adit::write(seen)?,
        Vendor::CiscoAsa => asa::write(seen)?,
        Vendor::CiscoIosXe => cisco::write(seen)?,
        Vendor::Fortios => fortios::write(seen)?,
        Vendor::Junos => junos::write(seen)?,
        Vendor::Libreswan => libreswan::write(seen)?,
        Vendor::Mikrotik => mikrotik::write(seen)?,
        Vendor::Opnsense => opnsense::write(seen),
        Vendor::PanOs => panos::write(seen)?,
        Vendor::Strongswan => strongswan::write(seen),
        Vendor::TerraformAws => terraform::aws::write(seen)?,
        Vendor::TerraformAzure => terraform::azure::write(seen)?,
        Vendor::TerraformGcp => terraform::gcp::write(seen)?,
        Vendor::TerraformIbm => terraform::ibm::write(seen)?,
        Vendor::Vyos => vyos::write(seen)?,
    })
}

/// An identity that can stand in configurations as it is: nothing of it means anything there.
fn writable(end: &str, identity: Identity) -> Result<Identity, Problem> {
    let (Identity::Email(text) | Identity::Name(text)) = &identity else {
        return Ok(identity);
    };
    let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"\"'\\".contains(&octet);
    if text.bytes().all(is_plain) {
        return Ok(identity);
    }
    let detail =
        "configurations are written of identities in ASCII without spaces and quotation marks";
    Err(Problem::misfit(detail).of(&format!("{end}.identity")))
}

/// What both phases may be.
pub(crate) async fn parameters(
    cx: &Context,
    view: &ConnectionView,
) -> Result<(IkeParameters, IpsecParameters), Problem> {
    let (control, caller) = (cx.control(), &cx.caller);
    let row = &view.connection;
    let ike = match row.ike_policy {
        Some(id) => {
            control
                .policy::<IkeParameters>(caller, id)
                .await?
                .policy
                .parameters
        }
        None => IkeParameters::negotiate(),
    };
    let ipsec = match row.ipsec_policy {
        Some(id) => {
            control
                .policy::<IpsecParameters>(caller, id)
                .await?
                .policy
                .parameters
        }
        None => IpsecParameters::negotiate(),
    };
    Ok((ike, ipsec))
}
