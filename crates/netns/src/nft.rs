//! The text of packet filters and address translation, as the program `nft` reads it. Only
//! addresses, numbers and the names of our own links get into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use adit_model::Cidr;
use adit_model::desired::FilterRule;
use adit_model::security_group::{Direction, Family};

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

/// A router's way outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WayOut {
    /// Its link on the external network.
    pub(crate) link: String,
    /// What the names of its TUN devices begin with.
    pub(crate) tunnels: String,
    /// The first address of the external network, and how many bits are the network's.
    pub(crate) block: (Ipv4Addr, u8),
    /// Its own address there.
    pub(crate) address: Ipv4Addr,
    /// Whether what has no floating IP leaves by that address.
    pub(crate) snat: bool,
    /// The machine behind each floating IP.
    pub(crate) floating: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// Addresses behind peers for which others stand.
    pub(crate) translated: BTreeSet<Ipv4Addr>,
}

/// A router's filter and address translation.
///
/// `arriving` and `leaving` translate floating IPs, between machines of this router too: then the
/// source is translated as well, for the answer to come back this way even from the next machine
/// on the same network. `passing` lets in what answers or is for a floating IP. `left` is the last
/// look at what goes outside: it has a source that is this router's now, or it doesn't go. That
/// stops what nothing translated, and also a conversation that had its translation before a
/// tunnel, or a floating IP, was taken away.
///
/// The tunnels' outside, IKE and ESP (in UDP or not), is not tracked, and neither is what comes out of
/// them, but for what others stand for: it is never translated. What goes into them is seen before it is known where it goes, and
/// is tracked; nothing comes of that, since tracked or not it passes.
pub(crate) fn router(way: &WayOut) -> String {
    let pairs = |pairs: &mut dyn Iterator<Item = (Ipv4Addr, Ipv4Addr)>| {
        let list: Vec<_> = pairs
            .map(|(key, value)| format!("{key} : {value}"))
            .collect();
        if list.is_empty() {
            String::new()
        } else {
            format!("\t\telements = {{ {} }}\n", list.join(", "))
        }
    };
    // A machine with two floating IPs leaves by the lower one.
    let mut fixed = BTreeMap::new();
    for (floating, machine) in &way.floating {
        fixed.entry(*machine).or_insert(*floating);
    }
    let to_fixed = pairs(&mut way.floating.iter().map(|(from, to)| (*from, *to)));
    let to_floating = pairs(&mut fixed.into_iter());
    let mut own = vec![way.address.to_string()];
    own.extend(way.floating.keys().map(ToString::to_string));
    let own = own.join(", ");
    let (link, address) = (&way.link, way.address);
    let block = format!("{}/{}", way.block.0, way.block.1);
    let snat = if way.snat {
        format!("\t\toifname \"{link}\" snat ip to {address}\n")
    } else {
        String::new()
    };
    let [untracked, untranslated] = around_translations(way);
    format!(
        "{NOTHING}table inet adit {{
\tmap fixed {{
\t\ttype ipv4_addr : ipv4_addr
{to_fixed}\t}}
\tmap floating {{
\t\ttype ipv4_addr : ipv4_addr
{to_floating}\t}}
\tchain untracked-in {{
\t\ttype filter hook prerouting priority raw; policy accept;
{untracked}\t\tiifname \"{link}\" ip daddr != {{ {own} }} udp dport {{ 500, 4500 }} notrack
\t\tiifname \"{link}\" ip daddr != {{ {own} }} meta l4proto {{ 50, 51 }} notrack
\t\tiifname \"{link}\" meta nfproto ipv6 meta l4proto {{ 50, 51 }} notrack
\t\tiifname \"{link}\" meta nfproto ipv6 udp dport {{ 500, 4500 }} notrack
\t}}
\tchain untracked-out {{
\t\ttype filter hook output priority raw; policy accept;
\t\toifname \"{link}\" udp sport {{ 500, 4500 }} notrack
\t\toifname \"{link}\" meta l4proto {{ 50, 51 }} notrack
\t}}
\tchain arriving {{
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tdnat ip to ip daddr map @fixed
\t}}
\tchain passing {{
\t\ttype filter hook forward priority filter; policy accept;
\t\tiifname \"{link}\" oifname \"{link}\" drop
\t\tiifname \"{link}\" ct state established,related ct status snat,dnat accept
\t\tiifname \"{link}\" ct status dnat accept
\t\tiifname \"{link}\" drop
\t\toifname \"{link}\" meta nfproto ipv6 drop
\t\toifname \"{link}\" ip saddr {block} drop
\t}}
\tchain leaving {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
{untranslated}\t\toifname \"{link}\" ip saddr {block} accept
\t\toifname \"{link}\" snat ip to ip saddr map @floating
{snat}\t\toifname != \"{link}\" iifname != \"{link}\" ct status dnat snat ip to ip saddr map @floating
\t\toifname != \"{link}\" iifname != \"{link}\" ct status dnat snat ip to {address}
\t}}
\tchain left {{
\t\ttype filter hook postrouting priority 300; policy accept;
\t\toifname \"{link}\" meta nfproto ipv4 fib saddr type != local drop
\t}}
}}
"
    )
}

/// What comes out of tunnels and isn't tracked, and what goes into them and keeps its source: all of it, but what others stand for
/// is told apart by tracking.
fn around_translations(way: &WayOut) -> [String; 2] {
    let tunnels = &way.tunnels;
    if way.translated.is_empty() {
        return [
            format!("\t\tiifname \"{tunnels}*\" notrack\n"),
            String::new(),
        ];
    }
    let translated = list(way.translated.iter());
    [
        format!(
            "\t\tiifname \"{tunnels}*\" ip saddr != {{ {translated} }} notrack\n\
             \t\tiifname \"{tunnels}*\" meta nfproto ipv6 notrack\n"
        ),
        format!("\t\toifname \"{tunnels}*\" accept\n"),
    ]
}

fn list<'a>(addresses: impl Iterator<Item = &'a Ipv4Addr>) -> String {
    let list: Vec<_> = addresses.map(ToString::to_string).collect();
    list.join(", ")
}

/// Adds to a router's table what translates addresses behind its tunnels, in which `translations` has what each stands for.
///
/// What the router's networks send to an address goes to what it stands for, by a tunnel or not at all; and what comes
/// out of a tunnel from there has that address for its source. ICMP errors are translated with what they quote. It comes before
/// the translation of what goes outside, and of two the first counts.
pub(crate) fn translating(
    table: String,
    link: &str,
    tunnels: &str,
    translations: &BTreeMap<Ipv4Addr, Ipv4Addr>,
) -> String {
    if translations.is_empty() {
        return table;
    }
    let pairs = |pairs: Vec<String>| pairs.join(", ");
    let customers = pairs(
        translations
            .iter()
            .map(|(a, b)| format!("{a} : {b}"))
            .collect(),
    );
    let assigned = pairs(
        translations
            .iter()
            .map(|(a, b)| format!("{b} : {a}"))
            .collect(),
    );
    let translated = list(translations.values());
    let open = match table.strip_suffix("}\n") {
        Some(open) => open.to_owned(),
        None => format!("{NOTHING}table inet adit {{\n"),
    };
    format!(
        "{open}\tmap customers {{
\t\ttype ipv4_addr : ipv4_addr
\t\telements = {{ {customers} }}
\t}}
\tmap assigned {{
\t\ttype ipv4_addr : ipv4_addr
\t\telements = {{ {assigned} }}
\t}}
\tchain to-customers {{
\t\ttype nat hook prerouting priority dstnat - 1; policy accept;
\t\tiifname != \"{tunnels}*\" iifname != \"{link}\" dnat ip to ip daddr map @customers
\t}}
\tchain by-tunnels {{
\t\ttype filter hook forward priority filter - 1; policy accept;
\t\tct status dnat ip daddr {{ {translated} }} oifname != \"{tunnels}*\" drop
\t}}
\tchain from-customers {{
\t\ttype nat hook postrouting priority srcnat - 1; policy accept;
\t\tiifname \"{tunnels}*\" snat ip to ip saddr map @assigned
\t}}
}}
"
    )
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

    #[test]
    fn a_router_without_snat_has_no_source_but_floating_ips() {
        let mut way = WayOut {
            link: "adit-e1".into(),
            tunnels: "adit-t".into(),
            block: (Ipv4Addr::new(198, 18, 0, 0), 24),
            address: Ipv4Addr::new(198, 18, 0, 5),
            snat: true,
            floating: BTreeMap::new(),
            translated: BTreeSet::new(),
        };
        let line = "oifname \"adit-e1\" snat ip to 198.18.0.5\n";
        assert!(router(&way).contains(line));
        assert!(!router(&way).contains("elements"));
        way.snat = false;
        let machine = Ipv4Addr::new(10, 0, 0, 4);
        for last in [7, 6] {
            way.floating
                .insert(Ipv4Addr::new(198, 18, 0, last), machine);
        }
        let text = router(&way);
        assert!(!text.contains(line), "{text}");
        assert!(text.contains("{ 198.18.0.6 : 10.0.0.4, 198.18.0.7 : 10.0.0.4 }"));
        assert!(text.contains("elements = { 10.0.0.4 : 198.18.0.6 }"));
        assert!(text.contains("ip daddr != { 198.18.0.5, 198.18.0.6, 198.18.0.7 }"));
    }

    #[test]
    fn addresses_are_translated_in_a_table_with_a_way_out_and_without() {
        let pair = (
            Ipv4Addr::new(10, 1, 255, 92),
            Ipv4Addr::new(192, 168, 10, 15),
        );
        let translations = BTreeMap::from([pair]);
        let none = translating(NOTHING.to_owned(), "e", "t", &BTreeMap::new());
        assert_eq!(none, NOTHING);
        let alone = translating(NOTHING.to_owned(), "e", "t", &translations);
        assert!(alone.starts_with(NOTHING), "{alone}");
        assert_eq!(alone.matches("table inet adit {").count(), 1);
        assert!(alone.contains("{ 10.1.255.92 : 192.168.10.15 }"));
        assert!(alone.contains("{ 192.168.10.15 : 10.1.255.92 }"));
        let mut way = WayOut {
            link: "e".into(),
            tunnels: "t".into(),
            block: (Ipv4Addr::new(198, 18, 0, 0), 24),
            address: Ipv4Addr::new(198, 18, 0, 5),
            snat: true,
            floating: BTreeMap::new(),
            translated: BTreeSet::new(),
        };
        assert!(router(&way).contains("\t\tiifname \"t*\" notrack\n"));
        way.translated.insert(pair.1);
        let both = translating(router(&way), "e", "t", &translations);
        assert!(both.contains("iifname \"t*\" ip saddr != { 192.168.10.15 } notrack\n"));
        assert!(!both.contains("\t\tiifname \"t*\" notrack\n"));
        assert_eq!(both.matches("table inet adit {").count(), 1);
    }
}
