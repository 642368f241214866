//! The two ends of a connection, out of a body: flat, as it was, or nested, as it is.

use std::net::{IpAddr, Ipv4Addr};

use adit_model::gateway::GatewayMode;
use adit_model::{Cidr, PeerAddress};

use super::identity;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};

/// Where the peer is, as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Address(Ipv4Addr),
    Fqdn(String),
}

impl Place {
    /// As the model takes it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Fqdn(name) => name.clone(),
        }
    }

    /// Who is there, unless it is said otherwise; `None` is whoever has the address.
    pub(super) fn identity(&self) -> Option<String> {
        match self {
            Self::Address(_) => None,
            Self::Fqdn(name) => Some(identity::of_fqdn(name)),
        }
    }
}

/// What a body says of both ends.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) place: Option<Place>,
    /// Who each end is, if it is said; the inner `None` is the one with its address.
    pub(super) local_id: Option<Option<String>>,
    pub(super) peer_id: Option<Option<String>>,
    pub(super) local_cidrs: Option<Vec<Cidr>>,
    pub(super) peer_cidrs: Option<Vec<Cidr>>,
    /// Whether any list of CIDRs was named, be it `null`.
    pub(super) has_cidrs: bool,
}

/// Reads both ends, on a gateway in this mode with the public address `own`.
pub(super) fn read(mode: GatewayMode, own: IpAddr, body: &Fields) -> Result<Ends, ApiError> {
    let mut ends = Ends {
        place: address(body, "peer_address")?.map(Place::Address),
        local_cidrs: cidrs(body, "local_cidrs")?,
        peer_cidrs: cidrs(body, "peer_cidrs")?,
        has_cidrs: body.has("local_cidrs") || body.has("peer_cidrs"),
        ..Ends::default()
    };
    if let Some(local) = body.object("local")? {
        local.check_known(&["cidrs", "ike_identities"])?;
        not_twice(body, "local", &["local_cidrs"])?;
        ends.has_cidrs |= local.has("cidrs");
        ends.local_cidrs = cidrs(&local, "cidrs")?;
        ends.local_id = match local.list("ike_identities")?.unwrap_or_default() {
            [] => None,
            [..] if mode == GatewayMode::Route => {
                let what = "left out in route mode: each of the two tunnels calls itself by its own address";
                return Err(local.wrong("ike_identities", what));
            }
            [one] => {
                let one = Fields::of(one, "local.ike_identities")?;
                Some(identity::read(&one, Some(own))?)
            }
            _ => return Err(local.wrong("ike_identities", "one identity, in policy mode")),
        };
    }
    if let Some(peer) = body.object("peer")? {
        peer.check_known(&["address", "cidrs", "fqdn", "ike_identity", "type"])?;
        not_twice(body, "peer", &["peer_address", "peer_cidrs"])?;
        ends.has_cidrs |= peer.has("cidrs");
        ends.peer_cidrs = cidrs(&peer, "cidrs")?;
        ends.place = place(&peer)?;
        if let Some(one) = peer.object("ike_identity")? {
            let address = match ends.place {
                Some(Place::Address(address)) => Some(address.into()),
                _ => None,
            };
            ends.peer_id = Some(identity::read(&one, address)?);
        }
    }
    let lists = [&ends.local_cidrs, &ends.peer_cidrs];
    if mode == GatewayMode::Route && lists.into_iter().flatten().any(|list| !list.is_empty()) {
        let message = "A connection in route mode has no CIDRs: make routes whose next hop it is.";
        return Err(ApiError::bad("bad_field", message).field("peer.cidrs"));
    }
    Ok(ends)
}

/// Where the peer is: by its address, or by its name.
fn place(peer: &Fields) -> Result<Option<Place>, ApiError> {
    let address = address(peer, "address")?.map(Place::Address);
    let fqdn = peer.text("fqdn")?;
    let fqdn = match fqdn.map(str::parse::<PeerAddress>) {
        None => None,
        Some(Ok(PeerAddress::Named(name))) => Some(Place::Fqdn(name)),
        Some(_) => return Err(peer.wrong("fqdn", "the name of a host, such as vpn.example.com")),
    };
    let (place, kind) = match (address, fqdn) {
        (Some(_), Some(_)) => {
            return Err(peer.wrong("fqdn", "left out when `address` is given"));
        }
        (Some(address), None) => (Some(address), "address"),
        (None, Some(fqdn)) => (Some(fqdn), "fqdn"),
        (None, None) => return Ok(None),
    };
    match peer.value("type") {
        Some(given) if given.as_str() != Some(kind) => {
            Err(peer.wrong("type", &format!("`{kind}`, as the peer is given")))
        }
        _ => Ok(place),
    }
}

/// Refuses what an end's own object says in today's way, if it is there in the old way too.
fn not_twice(body: &Fields, nested: &str, flat: &[&str]) -> Result<(), ApiError> {
    match flat.iter().find(|name| body.value(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(body.wrong(name, &format!("left out when `{nested}` is given"))),
    }
}

fn address(fields: &Fields, name: &str) -> Result<Option<Ipv4Addr>, ApiError> {
    let Some(text) = fields.text(name)? else {
        return Ok(None);
    };
    // A peer at any address is nothing that there is here.
    let address: Option<Ipv4Addr> = text.parse().ok();
    let address = address.filter(|address| !address.is_unspecified());
    let wrong = || fields.wrong(name, "an IPv4 address such as 203.0.113.7");
    Ok(Some(address.ok_or_else(wrong)?))
}

fn cidrs(fields: &Fields, name: &str) -> Result<Option<Vec<Cidr>>, ApiError> {
    let Some(texts) = fields.texts(name)? else {
        return Ok(None);
    };
    let cidrs = texts.into_iter().map(|text| cidr(text, name));
    cidrs.collect::<Result<_, _>>().map(Some)
}

/// IBM's documentation has its users write the block of its service endpoints with host bits.
const PRINTED: (&str, &str) = ("166.9.0.0/14", "166.8.0.0/14");

/// A block, for the field of this name.
pub(crate) fn cidr(text: &str, field: &str) -> Result<Cidr, ApiError> {
    let text = if text == PRINTED.0 { PRINTED.1 } else { text };
    let cidr: Option<Cidr> = text.parse().ok();
    cidr.filter(|cidr| cidr.is_ipv4()).ok_or_else(|| {
        let message = "The CIDR must be an IPv4 block without host bits, such as 192.168.1.0/24.";
        ApiError::bad("vpn_connection_cidr_not_valid", message).field(field)
    })
}
