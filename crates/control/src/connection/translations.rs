//! What the two ends of a connection may know by different addresses.

use adit_model::gateway::GatewayMode;
use adit_model::translation::{End, Translation};
use adit_model::{Cidr, Connection, Gateway};

use crate::error::{Error, Rule};

/// How many translations a connection has at most.
const MOST: usize = 64;

/// Refuses translations that say nothing, or not to which address one belongs. Whether what they are shown as is free is
/// looked at with all other blocks.
pub(super) fn check(gateway: &Gateway, row: &Connection, is_transport: bool) -> Result<(), Error> {
    let refused = |rule, message: String| Err(Error::invalid("translations", rule, message));
    let all = row.translations.as_slice();
    if all.is_empty() {
        return Ok(());
    }
    if gateway.mode() == GatewayMode::Route || is_transport {
        let message = "only blocks that a connection lists can be translated: one of a gateway in route mode, or in \
                       transport mode, has none to translate";
        return refused(Rule::Reference, message.to_owned());
    }
    if all.len() > MOST {
        let message = format!("a connection has at most {MOST} translations");
        return refused(Rule::CidrSize, message);
    }
    for one in all {
        if let Some((rule, message)) = wrong(row, one) {
            return refused(rule, message);
        }
    }
    for (index, one) in all.iter().enumerate() {
        let mut others = all.iter().skip(index + 1);
        let shares = |other: &&Translation| {
            other.end == one.end
                && (other.cidr.overlaps(one.cidr) || other.shown_as.overlaps(one.shown_as))
        };
        if let Some(other) = others.find(shares) {
            let message = format!(
                "the translations {} and {} share addresses: one has one name at each end",
                told(one),
                told(other)
            );
            return refused(Rule::CidrOverlap, message);
        }
    }
    check_views(row)
}

fn told(one: &Translation) -> String {
    format!("{} as {}", one.cidr, one.shown_as)
}

/// What is wrong with one by itself.
fn wrong(row: &Connection, one: &Translation) -> Option<(Rule, String)> {
    let Translation {
        end,
        cidr,
        shown_as,
    } = *one;
    let text = told(one);
    if !cidr.is_ipv4() || !shown_as.is_ipv4() {
        let message = format!("{text}: addresses are translated by IPv4 alone");
        return Some((Rule::Reference, message));
    }
    if cidr.prefix_len() != shown_as.prefix_len() {
        let message = format!("{text}: both blocks have to be of one size");
        return Some((Rule::CidrSize, message));
    }
    if cidr == shown_as {
        let message = format!("{text}: a block needs no translation to be known as itself");
        return Some((Rule::Repeated, message));
    }
    let (blocks, field) = match end {
        End::Local => (row.ends.local(), "local"),
        End::Peer => (row.ends.peer(), "peer"),
    };
    if blocks.iter().any(|block| block.contains_block(cidr)) {
        return None;
    }
    let message = format!("{text}: {cidr} is within none of the connection's {field} CIDRs");
    Some((Rule::AddressOutside, message))
}

/// At neither end a block is known by addresses that are another one's there.
fn check_views(row: &Connection) -> Result<(), Error> {
    let (here, there) = (row.peer_known_here(), row.local_known_there());
    for (known, end, own, place) in [
        (here, End::Peer, row.ends.local(), "here"),
        (there, End::Local, row.ends.peer(), "there"),
    ] {
        let names = row.translations.iter().filter(|one| one.end == end);
        for name in names.map(|one| one.shown_as) {
            let within = |block: &&Cidr| name.contains_block(**block);
            let mut both = known.iter().filter(within).chain(own.iter().filter(within));
            // One of them is itself.
            if let (Some(one), Some(two)) = (both.next(), both.next()) {
                let other = if *one == name { two } else { one };
                let message = format!(
                    "a block can't be known {place} as {name}, where {other} is another one's"
                );
                return Err(Error::invalid("translations", Rule::CidrOverlap, message));
            }
        }
    }
    Ok(())
}
