//! A box that translates addresses, between the external network and peers behind it.

use std::io::Write;
use std::process::Stdio;

use crate::support::Ground;
use crate::support::namespace::{ip, remove, within};

/// The first three octets of the network behind it.
pub(crate) const BEHIND: &str = "192.168.9";

/// The bridge of that network.
const BRIDGE: &str = "behind";

/// A running one. Whoever is behind it has its one external address.
pub(crate) struct Nat {
    pub(crate) namespace: String,
    /// Its address on the external network.
    pub(crate) address: String,
    outside: String,
}

impl Nat {
    pub(crate) fn start(ground: &impl Ground) -> Self {
        let namespace = format!("{}-nat", ground.prefix());
        let outside = format!("{}-natout", ground.prefix());
        let address = format!("{}.71", ground.external());
        ip(&format!("netns add {namespace}"));
        ip(&format!(
            "link add {outside} type veth peer name eth0 netns {namespace}"
        ));
        ip(&format!("-n {namespace} address add {address}/24 dev eth0"));
        ip(&format!("-n {namespace} link add {BRIDGE} type bridge"));
        ip(&format!(
            "-n {namespace} address add {BEHIND}.1/24 dev {BRIDGE}"
        ));
        for link in ["lo", "eth0", BRIDGE] {
            ip(&format!("-n {namespace} link set {link} up"));
        }
        ip(&format!(
            "link set {outside} up master {}-ext",
            ground.prefix()
        ));
        let forwarding = within(&namespace, "sysctl")
            .args(["-qw", "net.ipv4.ip_forward=1"])
            .status();
        assert!(forwarding.unwrap().success());
        let nat = Self {
            namespace,
            address,
            outside,
        };
        nat.rules(&format!(
            "table ip nat {{
                chain out {{
                    type nat hook postrouting priority srcnat;
                    oif eth0 snat to {}
                }}
            }}",
            nat.address
        ));
        nat
    }

    /// The bridge that peers behind it are plugged into.
    pub(crate) const fn bridge() -> &'static str {
        BRIDGE
    }

    /// Also who is behind it sees nobody's own address: the gateway is `alias` to them. And IKE that
    /// comes for the box goes to `peer`, whoever begins.
    pub(crate) fn both_ways(&self, gateway: &str, alias: &str, peer: &str) {
        let own = &self.address;
        self.rules(&format!(
            "table ip nat {{
                chain in {{
                    type nat hook prerouting priority dstnat;
                    iif eth0 ip daddr {own} udp dport {{ 500, 4500 }} dnat to {peer}
                    iif {BRIDGE} ip daddr {alias} udp dport {{ 500, 4500 }} dnat to {gateway}
                }}
                chain in_from {{
                    type nat hook postrouting priority srcnat;
                    oif {BRIDGE} ip saddr {gateway} snat to {alias}
                }}
            }}"
        ));
    }

    /// IKE that comes for the box goes to one of several behind it, by who has sent it.
    pub(crate) fn by_sender(&self, peers: [(&String, &String); 2]) {
        let own = &self.address;
        let each = peers.map(|(sender, peer)| {
            format!(
                "iif eth0 ip saddr {sender} ip daddr {own} udp dport {{ 500, 4500 }} dnat to {peer}"
            )
        });
        self.rules(&format!(
            "table ip nat {{
                chain in {{
                    type nat hook prerouting priority dstnat;
                    {}
                }}
            }}",
            each.join("\n")
        ));
    }

    fn rules(&self, rules: &str) {
        let mut child = within(&self.namespace, "nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(rules.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success(), "{rules}");
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        remove(&self.namespace);
        remove(&self.outside);
    }
}
