//! Addresses that stand for others behind a router's tunnels.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::NOTHING;
use super::router::WayOut;

/// What comes out of tunnels and isn't tracked, and what goes into them and keeps its source: all of it, but what others stand for
/// is told apart by tracking.
pub(super) fn around_translations(way: &WayOut) -> [String; 2] {
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
    use std::collections::BTreeSet;

    use super::super::router::router;
    use super::*;

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
            sources: Vec::new(),
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
