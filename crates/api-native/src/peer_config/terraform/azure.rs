//! A connection of Azure's VPN gateway, with selectors as policies have them.

use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};

use super::super::seen::{Seen, first};
use super::{check, key, list, quoted};
use crate::problem::Problem;

const PROGRAM: &str = "Azure VPN Gateway";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "DES",
        Encryption::TripleDes => "DES3",
        Encryption::Aes128 => "AES128",
        Encryption::Aes192 => "AES192",
        Encryption::Aes256 => "AES256",
        Encryption::Aes128Gcm16 => "GCMAES128",
        Encryption::Aes256Gcm16 => "GCMAES256",
        _ => return None,
    })
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "MD5",
        Authentication::Sha1 => "SHA1",
        Authentication::Sha256 => "SHA256",
        Authentication::Sha384 => "SHA384",
        _ => return None,
    })
}

const fn hash_of_esp(authentication: Authentication) -> Option<&'static str> {
    match authentication {
        Authentication::Sha384 => None,
        other => hash(other),
    }
}

const fn group(group: DhGroup) -> Option<&'static str> {
    Some(match group.number() {
        1 => "DHGroup1",
        2 => "DHGroup2",
        14 => "DHGroup14",
        19 => "ECP256",
        20 => "ECP384",
        24 => "DHGroup24",
        _ => return None,
    })
}

const fn group_of_pfs(group: DhGroup) -> Option<&'static str> {
    Some(match group.number() {
        1 => "PFS1",
        2 => "PFS2",
        14 => "PFS14",
        19 => "ECP256",
        20 => "ECP384",
        24 => "PFS24",
        _ => return None,
    })
}

pub(in crate::peer_config) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let key = key(seen, PROGRAM)?;
    check(seen, PROGRAM)?;
    let (ike, ipsec) = (&seen.ike, &seen.ipsec);
    let name = seen.plain_name();
    let ike_cipher = first(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?;
    let ike_hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash)?;
    let esp = first(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?;
    let esp_hash = match esp.starts_with("GCM") {
        // There the cipher has its own, which is named twice.
        true => esp,
        false => first(PROGRAM, "ESP hashes", &ipsec.authentication, hash_of_esp)?,
    };
    let pfs = match ipsec.pfs.is_empty() {
        true => "None",
        false => first(
            PROGRAM,
            "groups of forward secrecy",
            &ipsec.pfs,
            group_of_pfs,
        )?,
    };
    let version = match ike.version {
        IkeVersion::V1 => "IKEv1",
        IkeVersion::V2 => "IKEv2",
    };
    Ok(format!(
        "# Terraform, hashicorp/azurerm. Not run on a device. The gateway is one of yours whose public address is {own}. Of this
# connection's algorithms the first that it has are taken; it has one of each.
variable \"resource_group_name\" {{
  type = string
}}

variable \"location\" {{
  type = string
}}

variable \"virtual_network_gateway_id\" {{
  type = string
}}

resource \"azurerm_local_network_gateway\" {q} {{
  name                = {q}
  resource_group_name = var.resource_group_name
  location            = var.location
  gateway_address     = {peer}
  address_space       = {others}
}}

resource \"azurerm_virtual_network_gateway_connection\" {q} {{
  name                               = {q}
  resource_group_name                = var.resource_group_name
  location                           = var.location
  type                               = \"IPsec\"
  connection_protocol                = \"{version}\"
  virtual_network_gateway_id         = var.virtual_network_gateway_id
  local_network_gateway_id           = azurerm_local_network_gateway.{name}.id
  shared_key                         = {key}
  dpd_timeout_seconds                = {dpd}
  use_policy_based_traffic_selectors = true

  traffic_selector_policy {{
    local_address_cidrs  = {owns}
    remote_address_cidrs = {others}
  }}

  ipsec_policy {{
    ike_encryption   = \"{ike_cipher}\"
    ike_integrity    = \"{ike_hash}\"
    dh_group         = \"{group}\"
    ipsec_encryption = \"{esp}\"
    ipsec_integrity  = \"{esp_hash}\"
    pfs_group        = \"{pfs}\"
    sa_lifetime      = {lifetime}
  }}
}}
",
        own = seen.own,
        q = quoted(&name),
        peer = quoted(&seen.other.to_string()),
        owns = list(seen.own_cidrs),
        others = list(seen.other_cidrs),
        group = first(PROGRAM, "groups", &ike.groups, group)?,
        dpd = seen.dead_peer.timeout_s.clamp(9, 3600),
        lifetime = ipsec.lifetime_s.clamp(300, 172_799),
    ))
}
