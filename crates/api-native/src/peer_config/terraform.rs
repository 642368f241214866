//! Terraform, where the other end is a cloud's VPN gateway: what all of them share.

pub(super) mod aws;
pub(super) mod azure;
pub(super) mod gcp;
pub(super) mod ibm;

use adit_model::connection::Identity;
use adit_model::policy::{Encapsulation, Transform};

use super::seen::{Seen, unsaid};
use crate::problem::Problem;

/// A text of Terraform's language, in which `${` and `%{` begin something else.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text.replace("${", "$${").replace("%{", "%%{");
    format!("\"{text}\"")
}

/// A list of texts.
fn list<T: std::fmt::Display>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<_> = all
        .into_iter()
        .map(|one| quoted(&one.to_string()))
        .collect();
    format!("[{}]", all.join(", "))
}

/// The key, as a text that Terraform reads back.
fn key(seen: &Seen<'_>, program: &str) -> Result<String, Problem> {
    Ok(quoted(&seen.text_key(program)?))
}

/// Refuses what no cloud's gateway has: other names than addresses, and other ways than ESP in tunnel mode.
fn check(seen: &Seen<'_>, program: &str) -> Result<(), Problem> {
    let by_address = |identity: &Identity| matches!(identity, Identity::Address(_));
    if !by_address(&seen.own_id) || !by_address(&seen.other_id) {
        return Err(unsaid(program, "identity"));
    }
    let ipsec = &seen.ipsec;
    if ipsec.transform != Transform::Esp || ipsec.encapsulation != Encapsulation::Tunnel {
        return Err(unsaid(program, "phase 2 but by ESP in tunnel mode"));
    }
    if seen
        .pairs()
        .any(|(own, other)| !own.is_ipv4() || !other.is_ipv4())
    {
        return Err(unsaid(program, "IPv6"));
    }
    Ok(())
}
