//! OPNsense, which runs strongSwan and reads its files beside what its pages make.

use super::seen::Seen;
use super::strongswan;

pub(super) fn write(seen: &Seen<'_>) -> String {
    let name = seen.plain_name();
    let own = strongswan::write(seen);
    // Its first line says where strongSwan itself has it.
    let body = own.split_once('\n').map_or("", |(_, body)| body);
    format!(
        "# OPNsense 23.1 or later. Not run on a device. Save this as /usr/local/etc/swanctl/conf.d/{name}.conf, then
# configctl ipsec reconfigure. Firewall > Rules > WAN must let in UDP 500 and 4500 and ESP from {other}, and
# Firewall > Rules > IPsec what comes through the tunnel.
{body}",
        other = seen.other,
    )
}
