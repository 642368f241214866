//! A VPN connection of Amazon's, between its virtual private gateway and this end.

use adit_model::connection::DpdAction;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};

use super::super::seen::{Seen, had, joined, unsaid};
use super::{check, key, list, quoted};
use crate::problem::Problem;

const PROGRAM: &str = "AWS Site-to-Site VPN";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Aes128 => "AES128",
        Encryption::Aes256 => "AES256",
        Encryption::Aes128Gcm16 => "AES128-GCM-16",
        Encryption::Aes256Gcm16 => "AES256-GCM-16",
        _ => return None,
    })
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Sha1 => "SHA1",
        Authentication::Sha256 => "SHA2-256",
        Authentication::Sha384 => "SHA2-384",
        Authentication::Sha512 => "SHA2-512",
        _ => return None,
    })
}

fn groups(what: &str, all: &[DhGroup], least: u16) -> Result<String, Problem> {
    let has = |number: &u16| *number == least || matches!(number, 2 | 14..=24);
    let all: Vec<_> = all.iter().map(|one| one.number()).filter(has).collect();
    match all.is_empty() {
        true => Err(unsaid(PROGRAM, what)),
        false => Ok(joined(all, ", ")),
    }
}

/// 8 to 64 letters, digits, dots and low lines, of which the first is no zero.
fn check_key(seen: &Seen<'_>) -> Result<(), Problem> {
    let text = seen.text_key(PROGRAM)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let is_told = seen.psk.is_some();
    if is_told
        && (!(8..=64).contains(&text.len()) || text.starts_with('0') || !text.chars().all(plain))
    {
        return Err(unsaid(PROGRAM, "pre-shared key"));
    }
    Ok(())
}

/// What is negotiated for the first of its tunnels.
fn tunnel(seen: &Seen<'_>) -> Result<String, Problem> {
    let (ike, ipsec) = (&seen.ike, &seen.ipsec);
    let version = match ike.version {
        IkeVersion::V1 => "ikev1",
        IkeVersion::V2 => "ikev2",
    };
    let action = match seen.dead_peer.action {
        DpdAction::Clear => "clear",
        DpdAction::None => "none",
        _ => "restart",
    };
    let pfs = match ipsec.pfs.is_empty() {
        true => String::new(),
        false => {
            let groups = groups("groups of forward secrecy", &ipsec.pfs, 5)?;
            format!("  tunnel1_phase2_dh_group_numbers      = [{groups}]\n")
        }
    };
    let hashes = |what, all| had(PROGRAM, what, all, hash);
    let esp_hashes = match ipsec.encryption.iter().all(|one| one.is_aead()) {
        true => list(["SHA2-256"]),
        false => list(hashes("ESP hashes", &ipsec.authentication)?),
    };
    Ok(format!(
        "  tunnel1_preshared_key                = {key}
  tunnel1_ike_versions                 = {versions}
  tunnel1_startup_action               = {startup}
  tunnel1_dpd_timeout_action           = \"{action}\"
  tunnel1_dpd_timeout_seconds          = {dpd}
  tunnel1_phase1_encryption_algorithms = {ciphers}
  tunnel1_phase1_integrity_algorithms  = {hashes}
  tunnel1_phase1_dh_group_numbers      = [{groups}]
  tunnel1_phase1_lifetime_seconds      = {lifetime}
  tunnel1_phase2_encryption_algorithms = {esp}
  tunnel1_phase2_integrity_algorithms  = {esp_hashes}
{pfs}  tunnel1_phase2_lifetime_seconds      = {esp_lifetime}
",
        key = key(seen, PROGRAM)?,
        versions = list([version]),
        startup = quoted(if seen.must_begin { "start" } else { "add" }),
        dpd = seen.dead_peer.timeout_s.max(30),
        ciphers = list(had(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?),
        hashes = list(hashes("IKE hashes", &ike.authentication)?),
        groups = groups("groups", &ike.groups, 2)?,
        lifetime = ike.lifetime_s.clamp(900, 28_800),
        esp = list(had(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?),
        esp_lifetime = ipsec.lifetime_s.clamp(900, 3600),
    ))
}

pub(in crate::peer_config) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    check_key(seen)?;
    check(seen, PROGRAM)?;
    let ([own], [other]) = (seen.own_cidrs, seen.other_cidrs) else {
        return Err(unsaid(
            PROGRAM,
            "several blocks: its tunnels have one pair of them",
        ));
    };
    let name = seen.plain_name();
    let tunnel = tunnel(seen)?;
    Ok(format!(
        "# Terraform, hashicorp/aws. Not run on a device. It makes the address of its end itself: tell it to this end afterwards, by
# adit connection update --peer. What it can't have of this connection's algorithms is left out. The second tunnel that
# it makes is not used.
variable \"vpc_id\" {{
  type = string
}}

resource \"aws_vpn_gateway\" {q} {{
  vpc_id = var.vpc_id
}}

resource \"aws_customer_gateway\" {q} {{
  ip_address = {peer}
  type       = \"ipsec.1\"
}}

resource \"aws_vpn_connection\" {q} {{
  customer_gateway_id = aws_customer_gateway.{name}.id
  vpn_gateway_id      = aws_vpn_gateway.{name}.id
  type                = \"ipsec.1\"
  static_routes_only  = true
  # The block at this end, and that of the VPC.
  local_ipv4_network_cidr  = {other}
  remote_ipv4_network_cidr = {own}

{tunnel}}}

resource \"aws_vpn_connection_route\" {q} {{
  destination_cidr_block = {other}
  vpn_connection_id      = aws_vpn_connection.{name}.id
}}

output \"peer_address\" {{
  value = aws_vpn_connection.{name}.tunnel1_address
}}
",
        q = quoted(&name),
        peer = quoted(&seen.other.to_string()),
        own = quoted(&own.to_string()),
        other = quoted(&other.to_string()),
    ))
}
