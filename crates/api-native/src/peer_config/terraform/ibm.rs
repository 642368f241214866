//! A connection of IBM Cloud's VPN gateway for VPC, in policy mode.

use adit_model::connection::DpdAction;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};

use super::super::seen::{Seen, first, unsaid};
use super::{check, key, list, quoted};
use crate::problem::Problem;

const PROGRAM: &str = "IBM Cloud VPN for VPC";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Aes128 => "aes128",
        Encryption::Aes192 => "aes192",
        Encryption::Aes256 => "aes256",
        _ => return None,
    })
}

const fn cipher_of_esp(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Aes128Gcm16 => "aes128gcm16",
        Encryption::Aes192Gcm16 => "aes192gcm16",
        Encryption::Aes256Gcm16 => "aes256gcm16",
        other => return cipher(other),
    })
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Sha256 => "sha256",
        Authentication::Sha384 => "sha384",
        Authentication::Sha512 => "sha512",
        _ => return None,
    })
}

fn group(what: &str, all: &[DhGroup]) -> Result<u16, Problem> {
    let mut all = all.iter().map(|one| one.number());
    let found = all.find(|number| matches!(number, 14..=24 | 31));
    found.ok_or_else(|| unsaid(PROGRAM, what))
}

pub(in crate::peer_config) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let key = key(seen, PROGRAM)?;
    check(seen, PROGRAM)?;
    let (ike, ipsec) = (&seen.ike, &seen.ipsec);
    let name = seen.plain_name().to_ascii_lowercase();
    let esp = first(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher_of_esp)?;
    let esp_hash = match esp.contains("gcm") {
        true => "disabled",
        false => first(PROGRAM, "ESP hashes", &ipsec.authentication, hash)?,
    };
    let pfs = match ipsec.pfs.is_empty() {
        true => "disabled".to_owned(),
        false => format!("group_{}", group("groups of forward secrecy", &ipsec.pfs)?),
    };
    let version = match ike.version {
        IkeVersion::V1 => 1,
        IkeVersion::V2 => 2,
    };
    let action = match seen.dead_peer.action {
        DpdAction::Clear => "clear",
        DpdAction::Hold => "hold",
        DpdAction::None => "none",
        _ => "restart",
    };
    Ok(format!(
        "# Terraform, IBM-Cloud/ibm. Not run on a device. The gateway is one of yours in policy mode whose public address is {own}. Of
# this connection's algorithms the first that it has are taken; it has one of each.
variable \"vpn_gateway_id\" {{
  type = string
}}

resource \"ibm_is_ike_policy\" {q} {{
  name                     = {q}
  ike_version              = {version}
  encryption_algorithm     = \"{ike_cipher}\"
  authentication_algorithm = \"{ike_hash}\"
  dh_group                 = {group}
  key_lifetime             = {lifetime}
}}

resource \"ibm_is_ipsec_policy\" {q} {{
  name                     = {q}
  encryption_algorithm     = \"{esp}\"
  authentication_algorithm = \"{esp_hash}\"
  pfs                      = \"{pfs}\"
  key_lifetime             = {esp_lifetime}
}}

resource \"ibm_is_vpn_gateway_connection\" {q} {{
  name          = {q}
  vpn_gateway   = var.vpn_gateway_id
  preshared_key = {key}
  ike_policy    = ibm_is_ike_policy.{name}.id
  ipsec_policy  = ibm_is_ipsec_policy.{name}.id
  action        = \"{action}\"
  interval      = {interval}
  timeout       = {timeout}

  local {{
    cidrs = {owns}
  }}

  peer {{
    address = {peer}
    cidrs   = {others}
  }}
}}
",
        own = seen.own,
        q = quoted(&name),
        ike_cipher = first(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?,
        ike_hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash)?,
        group = group("groups", &ike.groups)?,
        lifetime = ike.lifetime_s.clamp(1800, 86_400),
        esp_lifetime = ipsec.lifetime_s.clamp(1800, 86_400),
        interval = seen.dead_peer.interval_s.clamp(1, 86_399),
        timeout = seen.dead_peer.timeout_s.clamp(2, 86_399),
        owns = list(seen.own_cidrs),
        others = list(seen.other_cidrs),
        peer = quoted(&seen.other.to_string()),
    ))
}
