//! Another Adit: the command that makes the mirrored connection there.

use adit_model::connection::Identity;

use super::seen::{Seen, hex, joined};
use crate::problem::Problem;

fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Address(address) => address.to_string(),
        Identity::Email(text) => format!("@@{text}"),
        Identity::DistinguishedName(octets) => format!("asn1dn:#{}", hex(octets)),
        Identity::KeyId(octets) => format!("@#{}", hex(octets)),
        Identity::Name(text) => format!("@{text}"),
    }
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let (own_id, other_id) = (identity(&seen.own_id), identity(&seen.other_id));
    let key = seen.text_key("a shell")?;
    Ok(format!(
        "# Another Adit. GATEWAY is the id of its gateway, which should be at {own}; or say --new-network CIDR.
# The policies have to allow what this end's do.
printf %s {key} | adit connection create {name} \\
    --gateway GATEWAY \\
    --local-cidrs {own_cidrs} --local-id {own_id} \\
    --peer {other} --peer-cidrs {other_cidrs} --peer-id {other_id} \\
    --psk-file -
",
        own = seen.own,
        key = quoted(&key),
        name = quoted(&seen.name),
        own_cidrs = joined(seen.own_cidrs, ","),
        own_id = quoted(&own_id),
        other = seen.other,
        other_cidrs = joined(seen.other_cidrs, ","),
        other_id = quoted(&other_id),
    ))
}
