//! The model's words in this dialect's: nouns, fields, quotas, and ids within messages.

use adit_control::{Noun, Quota};
use uuid::Uuid;

use crate::config::VpcConfig;

/// The noun at the start of codes.
pub(crate) const fn word(noun: Noun) -> &'static str {
    match noun {
        Noun::ApiKey => "api_key",
        Noun::ApplicationCredential => "application_credential",
        Noun::Connection => "vpn_connection",
        Noun::ConnectionRequest => "connection_request",
        Noun::EndpointGroup => "endpoint_group",
        Noun::FloatingIp => "floating_ip",
        Noun::Gateway => "vpn_gateway",
        Noun::IkePolicy => "ike_policy",
        Noun::IpsecPolicy => "ipsec_policy",
        Noun::Network => "network",
        Noun::NetworkAcl => "network_acl",
        // Of ports, this face knows those that a machine is plugged in.
        Noun::Port => "instance",
        Noun::Project => "account",
        Noun::PublicGateway => "public_gateway",
        Noun::Quota => "quota",
        Noun::RevokedToken => "token",
        Noun::RoleAssignment => "role",
        Noun::Route => "vpc_route",
        Noun::Router => "vpc",
        Noun::SecurityGroup => "security_group",
        Noun::SecurityGroupRule => "security_group_rule",
        Noun::SshKey => "key",
        Noun::Subnet => "subnet",
        Noun::TunnelContext => "tunnel_context",
        Noun::User => "user",
    }
}

/// The noun in messages.
pub(super) const fn title(noun: Noun) -> &'static str {
    match noun {
        Noun::ApiKey => "API key",
        Noun::ApplicationCredential => "application credential",
        Noun::Connection => "VPN connection",
        Noun::ConnectionRequest => "connection request",
        Noun::EndpointGroup => "endpoint group",
        Noun::FloatingIp => "floating IP",
        Noun::Gateway => "VPN gateway",
        Noun::IkePolicy => "IKE policy",
        Noun::IpsecPolicy => "IPsec policy",
        Noun::Network => "network",
        Noun::NetworkAcl => "network ACL",
        // Of ports, this face knows those that a machine is plugged in.
        Noun::Port => "instance",
        Noun::Project => "account",
        Noun::PublicGateway => "public gateway",
        Noun::Quota => "quota",
        Noun::RevokedToken => "token",
        Noun::RoleAssignment => "role",
        Noun::Route => "route",
        Noun::Router => "VPC",
        Noun::SecurityGroup => "security group",
        Noun::SecurityGroupRule => "security group rule",
        Noun::SshKey => "SSH key",
        Noun::Subnet => "subnet",
        Noun::TunnelContext => "tunnel context",
        Noun::User => "user",
    }
}

/// A message as IBM writes them.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// The model's fields in this dialect's words.
pub(super) fn field(field: &str) -> &str {
    match field {
        "cidr" => "ipv4_cidr_block",
        "lifetime" => "key_lifetime",
        "encryption" => "encryption_algorithm",
        "authentication" => "authentication_algorithm",
        other => other,
    }
}

pub(super) const fn quota_code(quota: Quota) -> &'static str {
    match quota {
        Quota::ConnectionRequests => "connection_requests_quota_exceeded",
        Quota::NetworkAcls => "network_acls_quota_exceeded",
        Quota::RulesOfNetworkAcl => "network_acl_rules_quota_exceeded",
        Quota::Connections => "vpn_connections_quota_exceeded",
        Quota::FloatingIpsInZone => "floating_ips_quota_exceeded",
        Quota::Gateways | Quota::GatewaysInZone => "vpn_gateways_quota_exceeded",
        Quota::IkePolicies => "ike_policies_quota_exceeded",
        Quota::Instances | Quota::Machines => "instances_quota_exceeded",
        Quota::IpsecPolicies => "ipsec_policies_quota_exceeded",
        Quota::LocalCidrsOfConnection => {
            "vpn_connection_local_subnets_quota_exceeded_for_connection"
        }
        Quota::Numbers => "numbers_quota_exceeded",
        Quota::LocalCidrsOfGateway => "vpn_connection_local_subnets_quota_exceeded",
        Quota::PeerCidrsOfConnection => "vpn_connection_peer_subnets_quota_exceeded_for_connection",
        Quota::PeerCidrsOfGateway => "vpn_connection_peer_subnets_quota_exceeded",
        Quota::PublicGatewaysInZone => "public_gateways_quota_exceeded",
        Quota::Routers => "vpcs_quota_exceeded",
        Quota::Routes => "vpc_routes_quota_exceeded",
        Quota::RulesOfSecurityGroup => "security_group_rules_quota_exceeded",
        Quota::SecurityGroups => "security_groups_quota_exceeded",
        Quota::SshKeys => "keys_quota_exceeded",
        Quota::Subnets => "subnets_quota_exceeded",
        Quota::TunnelContexts => "tunnel_contexts_quota_exceeded",
    }
}

/// What a quota counts.
pub(super) const fn counted(quota: Quota) -> &'static str {
    match quota {
        Quota::ConnectionRequests => "requests for connections of a project",
        Quota::NetworkAcls => "network ACLs of a VPC",
        Quota::RulesOfNetworkAcl => "rules of a network ACL",
        Quota::Connections => "VPN connections of a gateway",
        Quota::FloatingIpsInZone => "floating IPs in a zone",
        Quota::Gateways => "VPN gateways in a region",
        Quota::GatewaysInZone => "VPN gateways in a zone",
        Quota::IkePolicies => "IKE policies in a region",
        Quota::Instances | Quota::Machines => "instances in a region",
        Quota::IpsecPolicies => "IPsec policies in a region",
        Quota::LocalCidrsOfConnection => "local CIDRs of a VPN connection",
        Quota::Numbers => "numbers of a project's things",
        Quota::LocalCidrsOfGateway => "local CIDRs of a gateway's VPN connections",
        Quota::PeerCidrsOfConnection => "peer CIDRs of a VPN connection",
        Quota::PeerCidrsOfGateway => "peer CIDRs of a gateway's VPN connections",
        Quota::PublicGatewaysInZone => "public gateways in a zone of a VPC",
        Quota::Routers => "VPCs in a region",
        Quota::Routes => "routes of a VPC's routing table",
        Quota::RulesOfSecurityGroup => "rules of a security group",
        Quota::SecurityGroups => "security groups of a VPC",
        Quota::SshKeys => "SSH keys in a region",
        Quota::Subnets => "subnets of a VPC",
        Quota::TunnelContexts => "tunnel contexts of a project",
    }
}

/// What paths call the id of this kind of row.
pub(super) const fn parameter(noun: Noun) -> Option<&'static str> {
    Some(match noun {
        Noun::Connection => "connection",
        Noun::FloatingIp => "floating",
        Noun::Gateway => "gateway",
        Noun::IkePolicy | Noun::IpsecPolicy => "policy",
        Noun::NetworkAcl => "acl",
        Noun::Port => "instance",
        Noun::Route => "route",
        Noun::PublicGateway => "public",
        Noun::Router => "vpc",
        Noun::SecurityGroup => "group",
        Noun::SecurityGroupRule => "rule",
        Noun::SshKey => "key",
        Noun::Subnet => "subnet",
        _ => return None,
    })
}

/// What lives in a region; all else lives in a zone.
const REGIONAL: [Noun; 10] = [
    Noun::FloatingIp,
    Noun::IkePolicy,
    Noun::IpsecPolicy,
    Noun::NetworkAcl,
    Noun::PublicGateway,
    Noun::Route,
    Noun::Router,
    Noun::SecurityGroup,
    Noun::SecurityGroupRule,
    Noun::SshKey,
];

/// An id of this kind of row.
pub(super) fn id(config: &VpcConfig, noun: Noun, id: Uuid) -> String {
    let code = match REGIONAL.contains(&noun) {
        true => &config.region_prefix,
        false => &config.zone_prefix,
    };
    format!("{code}-{id}")
}

/// A message of the model's in this dialect's words: ids with their codes, by the kind of row that
/// is named last before them, and routers as VPCs.
pub(super) fn message(config: &VpcConfig, text: &str) -> String {
    const UUID: usize = 36;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let found = rest
            .get(..UUID)
            .and_then(|start| start.parse::<Uuid>().ok());
        let Some(found) = found else {
            out.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        let named = |noun: &&Noun| out.rfind(&format!("he {noun} "));
        let noun = Noun::ALL.iter().max_by_key(named);
        let spelled = id(config, *noun.unwrap_or(&Noun::Port), found);
        out.push_str(&spelled);
        rest = rest.get(UUID..).unwrap_or_default();
    }
    ["the router", "The router", "same router"]
        .iter()
        .fold(out, |out, words| {
            let spelled = words.replace("router", title(Noun::Router));
            out.replace(words, &spelled)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_messages_have_the_code_of_what_they_are() {
        let config = VpcConfig::default();
        let uuid = Uuid::from_u128(7);
        for (text, spelled) in [
            (
                format!("The name é is already in use by the IKE policy {uuid}."),
                format!("The name é is already in use by the IKE policy r006-{uuid}."),
            ),
            (
                format!("It is of the connection a-router ({uuid}) on the same router."),
                format!("It is of the connection a-router (0738-{uuid}) on the same VPC."),
            ),
            (
                format!("{uuid}, the subnet s ({uuid}), the router {uuid}"),
                format!("0738-{uuid}, the subnet s (0738-{uuid}), the VPC r006-{uuid}"),
            ),
        ] {
            assert_eq!(message(&config, &text), spelled);
        }
    }
}
