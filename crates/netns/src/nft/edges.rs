//! What may pass the edges of a router's subnets. Nothing is remembered of a conversation: an answer is a
//! packet like any other.
//!
//! A packet leaves a subnet when it comes in by the router's link there, and gets into one when it goes out
//! by that: each is looked at before anything of it is translated, or after all of it is. A gateway lives
//! in a subnet, so what it and its peers say to each other passes that edge, too, though the gateway has its
//! address on the external link.

use std::fmt::Write;
use std::net::Ipv4Addr;

use adit_model::Cidr;
use adit_model::network_acl::{AclRule, Action, Flow};

use super::ICMP;

/// No table, as [`super::NOTHING`] is.
pub(crate) const NO_EDGES: &str = "table inet adit-edges\ndelete table inet adit-edges\n";

/// The edge of a subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Edge<'a> {
    /// The router's link on it.
    pub(crate) link: String,
    /// The subnet's block, where the link is on others too.
    pub(crate) block: Option<Cidr>,
    /// The gateways that live in it: their addresses outside and inside.
    pub(crate) gateways: Vec<(Ipv4Addr, Cidr)>,
    /// In their order.
    pub(crate) rules: &'a [AclRule],
}

/// The filters of a router's edges; `external` is its link on the external network.
pub(crate) fn edges(edges: &[Edge<'_>], external: &str) -> String {
    if edges.is_empty() {
        return NO_EDGES.to_owned();
    }
    let (mut arriving, mut going, mut chains) = (String::new(), String::new(), String::new());
    // Writing to a string can't fail.
    for (number, edge) in edges.iter().enumerate() {
        let link = &edge.link;
        let of_block = |end: &str| {
            let block = edge.block.map(|block| format!(" ip {end} {block}"));
            block.unwrap_or_default()
        };
        let (from, to) = (of_block("saddr"), of_block("daddr"));
        let _ = writeln!(
            arriving,
            "\t\tiifname \"{link}\" meta nfproto ipv4{from} jump out-{number}"
        );
        let _ = writeln!(
            going,
            "\t\toifname \"{link}\" meta nfproto ipv4{to} jump in-{number}"
        );
        for (flow, name) in [(Flow::Inbound, "in"), (Flow::Outbound, "out")] {
            let lines = edge.rules.iter().filter(|rule| rule.flow == flow);
            let lines: String = lines.map(|rule| line(rule, true, true)).collect();
            chain(&mut chains, &format!("{name}-{number}"), &lines);
        }
        for (index, (address, inside)) in edge.gateways.iter().enumerate() {
            let name = format!("{number}-{index}");
            let _ = writeln!(
                arriving,
                "\t\tiifname \"{external}\" ip daddr {address} jump to-{name}"
            );
            let _ = writeln!(
                going,
                "\t\toifname \"{external}\" ip saddr {address} jump from-{name}"
            );
            let own = (Cidr::host((*address).into()), *inside);
            let (to, from) = of_gateway(edge.rules, own);
            chain(&mut chains, &format!("to-{name}"), &to);
            chain(&mut chains, &format!("from-{name}"), &from);
        }
    }
    format!(
        "{NO_EDGES}table inet adit-edges {{
{chains}\tchain arriving {{
\t\ttype filter hook prerouting priority -150; policy accept;
{arriving}\t}}
\tchain going {{
\t\ttype filter hook postrouting priority -150; policy accept;
{going}\t}}
}}
"
    )
}

fn chain(text: &mut String, name: &str, lines: &str) {
    let _ = write!(text, "\tchain {name} {{\n{lines}\t\tdrop\n\t}}\n");
}

/// The lines for what is for a gateway, and for what is from it: a rule is for its address in the subnet,
/// or for the one outside.
fn of_gateway(rules: &[AclRule], (outside, inside): (Cidr, Cidr)) -> (String, String) {
    let is_for = |block: Cidr| block.contains_block(outside) || block.contains_block(inside);
    let (mut to, mut from) = (String::new(), String::new());
    for rule in rules {
        match rule.flow {
            Flow::Inbound if is_for(rule.destination.cidr()) => {
                to.push_str(&line(rule, true, false));
            }
            Flow::Outbound if is_for(rule.source.cidr()) => {
                from.push_str(&line(rule, false, true));
            }
            Flow::Inbound | Flow::Outbound => {}
        }
    }
    (to, from)
}

/// The line of a rule, with a look at its source and at its destination, or without.
fn line(rule: &AclRule, source: bool, destination: bool) -> String {
    let mut line = "\t\t".to_owned();
    let ends = [
        ("saddr", rule.source, source),
        ("daddr", rule.destination, destination),
    ];
    for (end, place, is_looked_at) in ends {
        let block = place.cidr();
        // A block of all addresses needs no look at them.
        if is_looked_at && block.prefix_len() > 0 {
            let _ = write!(line, "ip {end} {block} ");
        }
    }
    if let Some(protocol) = rule.protocol {
        let _ = write!(line, "meta l4proto {protocol} ");
        for (end, ports) in [
            ("sport", rule.source_ports),
            ("dport", rule.destination_ports),
        ] {
            if let Some((first, last)) = ports {
                let _ = write!(line, "th {end} {first}-{last} ");
            }
        }
        if protocol == ICMP.1 {
            for (what, number) in [("type", rule.icmp_type), ("code", rule.icmp_code)] {
                if let Some(number) = number {
                    let _ = write!(line, "icmp {what} {number} ");
                }
            }
        }
    }
    line.push_str(match rule.action {
        Action::Allow => "accept\n",
        Action::Deny => "drop\n",
    });
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_line() {
        let any = AclRule::allowing(Flow::Inbound);
        let text = |rule: &AclRule| line(rule, true, true).trim().to_owned();
        assert_eq!(text(&any), "accept");
        let ssh = AclRule {
            action: Action::Deny,
            source: "10.0.0.7".parse().unwrap(),
            destination: "10.1.0.0/16".parse().unwrap(),
            protocol: Some(6),
            source_ports: Some((1, 1023)),
            destination_ports: Some((22, 22)),
            ..any
        };
        assert_eq!(
            text(&ssh),
            "ip saddr 10.0.0.7/32 ip daddr 10.1.0.0/16 meta l4proto 6 th sport 1-1023 th dport 22-22 drop"
        );
        assert!(!line(&ssh, false, true).contains("saddr"));
        let ping = AclRule {
            protocol: Some(1),
            icmp_type: Some(8),
            icmp_code: Some(0),
            ..any
        };
        assert_eq!(text(&ping), "meta l4proto 1 icmp type 8 icmp code 0 accept");
    }

    #[test]
    fn a_gateway_has_the_rules_that_are_for_one_of_its_addresses() {
        let rule = |flow, source: &str, destination: &str| AclRule {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ..AclRule::allowing(flow)
        };
        let rules = [
            rule(Flow::Inbound, "203.0.113.7", "10.0.0.0/24"),
            rule(Flow::Inbound, "203.0.113.8", "198.18.0.9"),
            rule(Flow::Inbound, "203.0.113.9", "10.0.0.7"),
            rule(Flow::Outbound, "10.0.0.254", "203.0.113.7"),
        ];
        let edge = Edge {
            link: "adit-s1".into(),
            block: None,
            gateways: vec![(
                Ipv4Addr::new(198, 18, 0, 9),
                "10.0.0.254/32".parse().unwrap(),
            )],
            rules: &rules,
        };
        let text = edges(&[edge], "adit-e1");
        let of = |chain: &str| {
            let (_, rest) = text.split_once(&format!("chain {chain} {{\n")).unwrap();
            rest.split_once('}').unwrap().0.matches("accept").count()
        };
        assert_eq!([of("in-0"), of("out-0")], [3, 1]);
        assert_eq!([of("to-0-0"), of("from-0-0")], [2, 1]);
        assert!(text.contains("iifname \"adit-e1\" ip daddr 198.18.0.9 jump to-0-0\n"));
        assert!(text.contains("oifname \"adit-s1\" meta nfproto ipv4 jump in-0\n"));
        assert_eq!(edges(&[], "adit-e1"), NO_EDGES);
    }

    #[test]
    fn a_link_on_several_subnets_tells_them_apart_by_their_blocks() {
        let edge = Edge {
            link: "adit-s1".into(),
            block: Some("10.0.0.0/24".parse().unwrap()),
            gateways: Vec::new(),
            rules: &[],
        };
        let text = edges(&[edge], "adit-e1");
        assert!(text.contains("ipv4 ip saddr 10.0.0.0/24 jump out-0\n"));
        assert!(text.contains("ipv4 ip daddr 10.0.0.0/24 jump in-0\n"));
        assert!(text.contains("chain in-0 {\n\t\tdrop\n\t}"));
    }
}
