//! A router's way outside: its filter and its address translation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use adit_model::Cidr;
use adit_model::security_group::Family;

use super::{NOTHING, widest};

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
    /// The blocks that leave by an address of their own.
    pub(crate) sources: Vec<(Cidr, Ipv4Addr)>,
    /// What comes out of tunnels may reach these outside, by the router's own address.
    pub(crate) services: BTreeSet<Cidr>,
}

/// A router's filter and address translation.
///
/// `arriving` and `leaving` translate floating IPs, between machines of this router too: then the
/// source is translated as well, for the answer to come back this way even from the next machine
/// on the same network. Blocks with an address of their own leave by it. `passing` lets in what answers or is for a floating IP. `left` is the last
/// look at what goes outside: it has a source that is this router's now, or it doesn't go. That
/// stops what nothing translated, and also a conversation that had its translation before a
/// tunnel, or a floating IP, was taken away.
///
/// The tunnels' outside, IKE and ESP (in UDP or not), is not tracked, and neither is what comes out of
/// them, but for what is on its way to services: it is never translated. What goes into them is seen before it is known where it goes, and
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
    let own = own(way);
    let (link, address) = (&way.link, way.address);
    let block = format!("{}/{}", way.block.0, way.block.1);
    let sources = sources(way);
    let kept_in = kept_in(way);
    let snat = if way.snat {
        format!("\t\toifname \"{link}\" snat ip to {address}\n")
    } else {
        String::new()
    };
    let [untracked, served, by_own] = services(way);
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
{served}{kept_in}\t}}
\tchain leaving {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
{by_own}\t\toifname \"{link}\" ip saddr {block} accept
\t\toifname \"{link}\" snat ip to ip saddr map @floating
{sources}{snat}\t\toifname != \"{link}\" iifname != \"{link}\" ct status dnat snat ip to ip saddr map @floating
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

/// What comes out of tunnels and isn't tracked; and what of it may go outside, and gets the router's address for its source:
/// what is for services, so that answers come back.
fn services(way: &WayOut) -> [String; 3] {
    let WayOut {
        link,
        tunnels,
        address,
        ..
    } = way;
    let blocks: Vec<_> = way.services.iter().copied().collect();
    let blocks = widest(&blocks, Family::V4);
    let blocks: Vec<_> = blocks.iter().map(ToString::to_string).collect();
    if blocks.is_empty() {
        let untracked = format!("\t\tiifname \"{tunnels}*\" notrack\n");
        return [untracked, String::new(), String::new()];
    }
    let blocks = blocks.join(", ");
    let passes = format!("\t\tiifname \"{tunnels}*\" oifname \"{link}\" ip daddr {{ {blocks} }}");
    [
        format!(
            "\t\tiifname \"{tunnels}*\" ip daddr != {{ {blocks} }} notrack\n\
             \t\tiifname \"{tunnels}*\" meta nfproto ipv6 notrack\n"
        ),
        format!("{passes} accept\n"),
        format!("{passes} snat ip to {address}\n"),
    ]
}

/// Where nobody leaves by the router's address, who has no other may not even begin: what had a
/// translation once would go on with it.
fn kept_in(way: &WayOut) -> String {
    if way.snat {
        return String::new();
    }
    let machines = way.floating.values();
    let machines = machines.map(|machine| Cidr::host(IpAddr::V4(*machine)));
    let blocks = way.sources.iter().map(|(block, _)| *block);
    let out: Vec<_> = machines.chain(blocks).collect();
    let out = widest(&out, Family::V4);
    let out: Vec<_> = out.iter().map(ToString::to_string).collect();
    let link = &way.link;
    if out.is_empty() {
        return format!("\t\toifname \"{link}\" drop\n");
    }
    let out = out.join(", ");
    format!("\t\toifname \"{link}\" ip saddr != {{ {out} }} drop\n")
}

/// The addresses that are the router's, for whomever.
fn own(way: &WayOut) -> String {
    let floating = way.floating.keys().copied();
    let sources: BTreeSet<_> = way.sources.iter().map(|(_, address)| *address).collect();
    let own = std::iter::once(way.address).chain(floating).chain(sources);
    let own: Vec<_> = own.map(|address| address.to_string()).collect();
    own.join(", ")
}

/// The lines by which blocks leave by an address of their own.
fn sources(way: &WayOut) -> String {
    let link = &way.link;
    let line = |(block, address): &(Cidr, Ipv4Addr)| {
        format!("\t\toifname \"{link}\" ip saddr {block} snat ip to {address}\n")
    };
    way.sources.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One by which nobody gets outside.
    fn nobodys_way() -> WayOut {
        WayOut {
            link: "adit-e1".into(),
            tunnels: "adit-t".into(),
            block: (Ipv4Addr::new(198, 18, 0, 0), 24),
            address: Ipv4Addr::new(198, 18, 0, 5),
            snat: false,
            floating: BTreeMap::new(),
            sources: Vec::new(),
            services: BTreeSet::new(),
        }
    }

    #[test]
    fn what_is_on_its_way_to_services_is_tracked_and_all_else_from_tunnels_is_not() {
        let mut way = nobodys_way();
        assert!(router(&way).contains("\t\tiifname \"adit-t*\" notrack\n"));
        way.services = ["10.0.64.0/19", "10.0.64.0/24"]
            .map(|block| block.parse().unwrap())
            .into();
        let text = router(&way);
        assert!(
            !text.contains("\t\tiifname \"adit-t*\" notrack\n"),
            "{text}"
        );
        assert!(text.contains("iifname \"adit-t*\" ip daddr != { 10.0.64.0/19 } notrack\n"));
        let passes = "iifname \"adit-t*\" oifname \"adit-e1\" ip daddr { 10.0.64.0/19 }";
        let (lets, keeps) = (
            text.find(&format!("{passes} accept")),
            text.find("\t\toifname \"adit-e1\" drop\n"),
        );
        assert!(lets.is_some() && lets < keeps, "{text}");
        assert!(text.contains(&format!("{passes} snat ip to 198.18.0.5\n")));
    }

    #[test]
    fn a_router_without_snat_has_no_source_but_floating_ips() {
        let mut way = nobodys_way();
        way.snat = true;
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
    fn a_block_leaves_by_its_own_address_and_others_stay_in() {
        let mut way = nobodys_way();
        assert!(router(&way).contains("\t\toifname \"adit-e1\" drop\n"));
        way.sources = ["10.0.0.0/24", "10.0.1.0/24"]
            .map(|block| (block.parse().unwrap(), Ipv4Addr::new(198, 18, 0, 9)))
            .into();
        let inside = Ipv4Addr::new(10, 0, 0, 4);
        way.floating.insert(Ipv4Addr::new(198, 18, 0, 6), inside);
        let text = router(&way);
        for line in [
            "ip saddr 10.0.1.0/24 snat ip to 198.18.0.9\n",
            "ip saddr != { 10.0.0.0/24, 10.0.1.0/24 } drop\n",
            "ip daddr != { 198.18.0.5, 198.18.0.6, 198.18.0.9 }",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        // Whoever has a floating IP leaves by that.
        let by_floating = text.find("map @floating").unwrap();
        assert!(by_floating < text.find("snat ip to 198.18.0.9").unwrap());
        way.snat = true;
        assert!(!router(&way).contains("ip saddr != {"));
    }
}
