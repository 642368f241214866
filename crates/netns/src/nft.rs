//! The text of packet filters and address translation, as the program `nft` reads it. Only
//! addresses, numbers and the names of our own links get into it.

mod edges;
mod router;

use std::fmt::Write;

use adit_model::Cidr;
use adit_model::desired::FilterRule;
use adit_model::security_group::{Direction, Family};

pub(crate) use edges::{Edge, NO_EDGES, edges};
pub(crate) use router::{WayOut, router};

/// No table. Like every text here it is one transaction: the table that was there goes in the
/// moment in which the new one comes, and declaring it first makes its absence no error.
pub(crate) const NOTHING: &str = "table inet adit\ndelete table inet adit\n";

/// The numbers of the protocols that are ICMP.
const ICMP: (Family, u8) = (Family::V4, 1);
const ICMPV6: (Family, u8) = (Family::V6, 58);

/// A machine's filter: nothing passes but what `rules` list, what answers it, and what IPv6 finds
/// its neighbours and routers by.
pub(crate) fn machine(rules: &[FilterRule]) -> String {
    let mut text = format!("{NOTHING}table inet adit {{\n");
    for (direction, chain, link) in [
        (Direction::Ingress, "input", "iifname"),
        (Direction::Egress, "output", "oifname"),
    ] {
        let lines = rules
            .iter()
            .filter(|rule| rule.direction == direction)
            .filter_map(accept);
        // Writing to a string can't fail.
        let _ = write!(
            text,
            "\tchain {chain} {{\n\
             \t\ttype filter hook {chain} priority filter; policy drop;\n\
             \t\t{link} \"lo\" accept\n\
             \t\tct state established,related accept\n\
             \t\ticmpv6 type {{ 133, 134, 135, 136 }} accept\n\
             {}\t}}\n",
            lines.collect::<String>()
        );
    }
    text.push_str("}\n");
    text
}

/// The line of a rule, unless nothing can match it.
fn accept(rule: &FilterRule) -> Option<String> {
    let (family, ip) = match rule.family {
        Family::V4 => ("ipv4", "ip"),
        Family::V6 => ("ipv6", "ip6"),
    };
    let mut line = format!("\t\tmeta nfproto {family}");
    if let Some(remote) = &rule.remote {
        let end = match rule.direction {
            Direction::Ingress => "saddr",
            Direction::Egress => "daddr",
        };
        let blocks = widest(remote, rule.family);
        let list: Vec<_> = blocks.iter().map(ToString::to_string).collect();
        if list.is_empty() {
            return None;
        }
        // A block of all addresses needs no look at them.
        if blocks.iter().all(|block| block.prefix_len() > 0) {
            let _ = write!(line, " {ip} {end} {{ {} }}", list.join(", "));
        }
    }
    if let Some(protocol) = rule.protocol {
        let _ = write!(line, " meta l4proto {protocol}");
        let icmp = match (rule.family, protocol) {
            ICMP => Some("icmp"),
            ICMPV6 => Some("icmpv6"),
            _ => None,
        };
        match (icmp, rule.port_min, rule.port_max) {
            (_, None, None) => {}
            (Some(icmp), kind, code) => {
                for (what, number) in [("type", kind), ("code", code)] {
                    // A number that ICMP hasn't got matches nothing.
                    let number = number.map(u8::try_from).transpose().ok()?;
                    if let Some(number) = number {
                        let _ = write!(line, " {icmp} {what} {number}");
                    }
                }
            }
            (None, first, last) => {
                let first = first.unwrap_or(0);
                let last = last.unwrap_or(first);
                let _ = write!(line, " th dport {first}-{last}");
            }
        }
    }
    line.push_str(" accept\n");
    Some(line)
}

/// The blocks of a family without those inside others: a set's elements may not overlap.
fn widest(blocks: &[Cidr], family: Family) -> Vec<Cidr> {
    let mut blocks: Vec<_> = blocks
        .iter()
        .copied()
        .filter(|block| Family::of(*block) == family)
        .collect();
    blocks.sort_unstable_by_key(|block| (block.first(), block.prefix_len()));
    // Blocks nest or are apart: one inside another follows it.
    let mut widest: Vec<Cidr> = Vec::new();
    for block in blocks {
        if !widest.last().is_some_and(|last| last.contains_block(block)) {
            widest.push(block);
        }
    }
    widest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(direction: Direction, family: Family) -> FilterRule {
        FilterRule {
            direction,
            family,
            protocol: None,
            port_min: None,
            port_max: None,
            remote: None,
        }
    }

    fn line(rule: &FilterRule) -> String {
        accept(rule).unwrap_or_default().trim().to_owned()
    }

    #[test]
    fn a_rule_is_a_line() {
        let any = rule(Direction::Egress, Family::V6);
        assert_eq!(line(&any), "meta nfproto ipv6 accept");
        let mut ssh = rule(Direction::Ingress, Family::V4);
        ssh.protocol = Some(6);
        ssh.port_min = Some(22);
        ssh.port_max = Some(23);
        assert_eq!(
            line(&ssh),
            "meta nfproto ipv4 meta l4proto 6 th dport 22-23 accept"
        );
        ssh.remote = Some(vec!["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(
            line(&ssh),
            "meta nfproto ipv4 ip saddr { 10.0.0.0/8 } meta l4proto 6 th dport 22-23 accept"
        );
        ssh.direction = Direction::Egress;
        assert!(line(&ssh).contains(" ip daddr { 10.0.0.0/8 } "));
    }

    #[test]
    fn icmp_has_a_type_and_a_code_for_ports() {
        let mut ping = rule(Direction::Ingress, Family::V4);
        ping.protocol = Some(1);
        ping.port_min = Some(8);
        assert_eq!(
            line(&ping),
            "meta nfproto ipv4 meta l4proto 1 icmp type 8 accept"
        );
        ping.port_max = Some(0);
        assert!(line(&ping).contains(" icmp type 8 icmp code 0 "));
        ping.family = Family::V6;
        ping.protocol = Some(58);
        assert!(line(&ping).contains(" icmpv6 type 8 icmpv6 code 0 "));
        ping.port_min = Some(256);
        assert_eq!(line(&ping), "");
    }

    #[test]
    fn nobody_is_let_through_by_a_rule_for_nobody() {
        let mut none = rule(Direction::Ingress, Family::V4);
        none.remote = Some(Vec::new());
        assert_eq!(line(&none), "");
        none.remote = Some(vec!["2001:db8::/32".parse().unwrap()]);
        assert_eq!(line(&none), "", "a block of the other family is nobody");
    }

    #[test]
    fn blocks_inside_others_are_left_out_and_all_addresses_are_no_condition() {
        let blocks = |blocks: &[&str]| Some(blocks.iter().map(|b| b.parse().unwrap()).collect());
        let mut some = rule(Direction::Ingress, Family::V4);
        some.remote = blocks(&["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/16", "9.0.0.0/8"]);
        assert_eq!(
            line(&some),
            "meta nfproto ipv4 ip saddr { 9.0.0.0/8, 10.0.0.0/8 } accept"
        );
        some.remote = blocks(&["10.1.0.0/16", "0.0.0.0/0"]);
        assert_eq!(line(&some), "meta nfproto ipv4 accept");
    }

    #[test]
    fn a_machine_without_rules_talks_to_nobody_but_its_neighbours() {
        let text = machine(&[]);
        assert_eq!(text.matches("policy drop").count(), 2);
        assert_eq!(text.matches("accept").count(), 6);
        assert!(text.starts_with(NOTHING), "one transaction: {text}");
    }
}
