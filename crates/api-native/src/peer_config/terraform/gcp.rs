//! A tunnel of Google Cloud's classic VPN, with selectors as policies have them. It chooses algorithms itself.

use adit_model::policy::IkeVersion;

use super::super::seen::Seen;
use super::{check, key, list, quoted};
use crate::problem::Problem;

const PROGRAM: &str = "Google Cloud VPN";

pub(in crate::peer_config) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let key = key(seen, PROGRAM)?;
    check(seen, PROGRAM)?;
    let name = seen.plain_name().to_ascii_lowercase();
    let version = match seen.ike.version {
        IkeVersion::V1 => 1,
        IkeVersion::V2 => 2,
    };
    let mut rules = String::new();
    for (rule, protocol, port) in [
        ("esp", "ESP", ""),
        ("500", "UDP", "500"),
        ("4500", "UDP", "4500"),
    ] {
        let port = match port {
            "" => String::new(),
            port => format!("  port_range  = \"{port}\"\n"),
        };
        rules += &format!(
            "resource \"google_compute_forwarding_rule\" \"{name}-{rule}\" {{
  name        = \"{name}-{rule}\"
  ip_protocol = \"{protocol}\"
{port}  ip_address  = google_compute_address.{name}.address
  target      = google_compute_vpn_gateway.{name}.id
}}

"
        );
    }
    let mut routes = String::new();
    for (number, block) in seen.other_cidrs.iter().enumerate() {
        routes += &format!(
            "
resource \"google_compute_route\" \"{name}-{number}\" {{
  name                = \"{name}-{number}\"
  network             = var.network
  dest_range          = \"{block}\"
  next_hop_vpn_tunnel = google_compute_vpn_tunnel.{name}.id
}}
"
        );
    }
    Ok(format!(
        "# Terraform, hashicorp/google. Not run on a device. It makes the address of its end itself: tell it to this end afterwards,
# by adit connection update --peer. It chooses algorithms of its own list, among those that this end offers.
variable \"network\" {{
  type = string
}}

resource \"google_compute_address\" {q} {{
  name = {q}
}}

resource \"google_compute_vpn_gateway\" {q} {{
  name    = {q}
  network = var.network
}}

{rules}resource \"google_compute_vpn_tunnel\" {q} {{
  name                    = {q}
  peer_ip                 = {peer}
  shared_secret           = {key}
  ike_version             = {version}
  local_traffic_selector  = {owns}
  remote_traffic_selector = {others}
  target_vpn_gateway      = google_compute_vpn_gateway.{name}.id

  depends_on = [
    google_compute_forwarding_rule.{name}-esp,
    google_compute_forwarding_rule.{name}-500,
    google_compute_forwarding_rule.{name}-4500,
  ]
}}
{routes}
output \"peer_address\" {{
  value = google_compute_address.{name}.address
}}
",
        q = quoted(&name),
        peer = quoted(&seen.other.to_string()),
        owns = list(seen.own_cidrs),
        others = list(seen.other_cidrs),
    ))
}
