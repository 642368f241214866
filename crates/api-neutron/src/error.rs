//! Refusals: `{"NeutronError": {"type", "message", "detail"}}`. Every status, type and message
//! that this face answers with stands in one table.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// When a client may ask again, where another service has to come back first.
const SECONDS: &str = "5";

/// Makes [`ApiError`] of lines that say: status, type, case, message.
macro_rules! catalogue {
    ($($status:ident $kind:literal $case:ident $({$($field:ident),*})? $message:literal;)*) => {
        /// A refusal. What its message names is text already.
        #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
        pub(crate) enum ApiError {$(
            #[error($message)]
            $case $({$($field: String),*})?,
        )*}

        impl ApiError {
            /// Its status, and its type as clients know it.
            const fn kind(&self) -> (StatusCode, &'static str) {
                match self {$(
                    Self::$case { .. } => (StatusCode::$status, $kind),
                )*}
            }
        }
    };
}

catalogue! {
    // Who asks.
    UNAUTHORIZED "Unauthorized" Unauthorized "The request you have made requires authentication.";
    FORBIDDEN "InvalidScope" NoProject "The token is not scoped to a project.";
    FORBIDDEN "PolicyNotAuthorized" NoRole "The token has none of the roles reader, member and admin.";
    SERVICE_UNAVAILABLE "ServiceUnavailable" IdentityUnavailable
        "The identity service can't be asked at this moment. Try again later.";
    FORBIDDEN "PolicyNotAuthorized" Policy {rule} "rule:{rule} is disallowed by policy";

    // Where.
    NOT_FOUND "HTTPNotFound" NotFound "The resource could not be found.";
    METHOD_NOT_ALLOWED "HTTPMethodNotAllowed" MethodNotAllowed
        "The server could not comply with the request since it is either malformed or otherwise incorrect.";

    // Bodies.
    PAYLOAD_TOO_LARGE "HTTPRequestEntityTooLarge" TooLarge
        "The body of your request was too large for this server.";
    BAD_REQUEST "HTTPBadRequest" NoBody "Resource body required";
    BAD_REQUEST "BadRequest" EmptyBody "Bad body request: Invalid format: b''.";
    BAD_REQUEST "MalformedRequestBody" NotJson "Malformed request body: Cannot understand JSON.";
    BAD_REQUEST "HTTPBadRequest" NoObject "Body contains invalid data";
    BAD_REQUEST "HTTPBadRequest" NoRoot {root} "Unable to find '{root}' in request body";
    BAD_REQUEST "HTTPBadRequest" NoResources "Resources required";
    BAD_REQUEST "HTTPBadRequest" BadRoot {root} "Object '{root}' contains invalid data";

    // Attributes.
    BAD_REQUEST "HTTPBadRequest" Unrecognized {names} "Unrecognized attribute(s) '{names}'";
    BAD_REQUEST "HTTPBadRequest" ForeignProject
        "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.";
    BAD_REQUEST "HTTPBadRequest" TwoProjects "'project_id' and 'tenant_id' do not match";
    BAD_REQUEST "HTTPBadRequest" NotInPost {name} "Attribute '{name}' not allowed in POST";
    BAD_REQUEST "HTTPBadRequest" ReadOnly {name} "Cannot update read-only attribute {name}";
    BAD_REQUEST "HTTPBadRequest" Required {name}
        "Failed to parse request. Required attribute '{name}' not specified";
    BAD_REQUEST "HTTPBadRequest" Attribute {name, reason} "Invalid input for {name}. Reason: {reason}.";
    BAD_REQUEST "InvalidInput" Input {reason} "Invalid input for operation: {reason}.";

    // Revisions.
    PRECONDITION_FAILED "RevisionNumberConstraintFailed" Stale {expected}
        "Constrained to {expected}, but the current revision is another: read it again.";
    BAD_REQUEST "BadRequest" BadIfMatch {reason} "Bad if-match request: {reason}.";

    // Queries.
    BAD_REQUEST "HTTPBadRequest" Filters {names} "{names} is invalid attribute for filtering";
    BAD_REQUEST "HTTPBadRequest" SortCount "The number of sort_keys and sort_dirs must be same";
    BAD_REQUEST "HTTPBadRequest" SortKeys {names} "{names} is invalid attribute for sort_keys";
    BAD_REQUEST "HTTPBadRequest" SortDirs {names}
        "{names} is invalid value for sort_dirs, valid value is 'asc' and 'desc'";
    BAD_REQUEST "BadRequest" Limit {limit}
        "Bad limit request: Limit must be an integer 0 or greater and not '{limit}'.";

    // What is not there.
    NOT_FOUND "IKEPolicyNotFound" IkePolicyNotFound {id} "IKEPolicy {id} could not be found";
    NOT_FOUND "IPsecPolicyNotFound" IpsecPolicyNotFound {id} "IPsecPolicy {id} could not be found";
    NOT_FOUND "VPNServiceNotFound" VpnServiceNotFound {id} "VPNService {id} could not be found";
    NOT_FOUND "VPNEndpointGroupNotFound" EndpointGroupNotFound {id}
        "Endpoint group {id} could not be found";
    NOT_FOUND "IPsecSiteConnectionNotFound" SiteConnectionNotFound {id}
        "ipsec_site_connection {id} not found";
    NOT_FOUND "RouterNotFound" RouterNotFound {id} "Router {id} could not be found";
    NOT_FOUND "NetworkNotFound" NetworkNotFound {id} "Network {id} could not be found.";
    NOT_FOUND "SubnetNotFound" SubnetNotFound {id} "Subnet {id} could not be found.";
    NOT_FOUND "PortNotFound" PortNotFound {id} "Port {id} could not be found.";
    NOT_FOUND "FloatingIPNotFound" FloatingIpNotFound {id} "Floating IP {id} could not be found";
    NOT_FOUND "SecurityGroupNotFound" SecurityGroupNotFound {id}
        "Security group {id} does not exist";
    NOT_FOUND "SecurityGroupRuleNotFound" SecurityGroupRuleNotFound {id}
        "Security group rule {id} does not exist";
    NOT_FOUND "TenantQuotaNotFound" QuotaNotFound {id} "Quota for tenant {id} could not be found.";
    NOT_FOUND "RouterInterfaceNotFoundForSubnet" NoInterfaceForSubnet {router, subnet}
        "Router {router} has no interface on subnet {subnet}";
    NOT_FOUND "RouterInterfaceNotFound" NoInterface {router, port}
        "Router {router} does not have an interface with id {port}";
    NOT_FOUND "FlavorNotFound" FlavorNotFound {id} "Flavor {id} could not be found.";
    NOT_FOUND "ProjectNotFound" ProjectNotFound {id} "Project {id} could not be found";

    // What is in use, or changing.
    CONFLICT "OverQuota" OverQuota {resource} "Quota exceeded for resources: ['{resource}'].";
    BAD_REQUEST "VPNStateInvalidToUpdate" StateInvalidToUpdate {state, id}
        "Invalid state {state} of vpnaas resource {id} for updating";
    CONFLICT "VPNServiceInUse" VpnServiceInUse {id} "VPNService {id} is still in use";
    CONFLICT "IKEPolicyInUse" IkePolicyInUse {id}
        "IKEPolicy {id} is in use by existing IPsecSiteConnection and can't be updated or deleted";
    CONFLICT "IPsecPolicyInUse" IpsecPolicyInUse {id}
        "IPsecPolicy {id} is in use by existing IPsecSiteConnection and can't be updated or deleted";
    BAD_REQUEST "EndpointGroupInUse" EndpointGroupInUse {id}
        "Endpoint group {id} is in use and cannot be deleted";
    CONFLICT "IpAddressAlreadyAllocated" AddressTaken {message} "{message}.";
    CONFLICT "MacAddressInUse" MacTaken {network, mac}
        "Unable to complete operation for network {network}. The mac address {mac} is in use.";
    CONFLICT "PortSecurityPortHasSecurityGroup" OpenPortHasGroups
        "Port has security group associated. Cannot disable port security or IP address until security group is removed.";
    CONFLICT "GatewayConflictWithAllocationPools" GatewayInPool {message} "Gateway ip conflicts: {message}.";
    CONFLICT "OverlappingAllocationPools" PoolsOverlap {message} "Found overlapping allocation pools: {message}.";
    CONFLICT "IpAddressGenerationFailure" NoAddress {message} "No more IP addresses available: {message}.";
    CONFLICT "HTTPConflict" Conflict {message} "{message}.";

    CONFLICT "NetworkInUse" NetworkInUse {id}
        "Unable to complete operation on network {id}. There are one or more ports still in use on the network.";
    CONFLICT "InvalidSharedSetting" StillShared {id}
        "Unable to reconfigure sharing settings for network {id}. Multiple tenants are using it.";
    CONFLICT "SubnetInUse" SubnetInUse {id, reason}
        "Unable to complete operation on subnet {id}: {reason}.";
    CONFLICT "SubnetInUseByVPNService" SubnetInUseByService {id, service}
        "Subnet {id} is used by VPNService {service}";
    CONFLICT "SubnetInUseByIPsecSiteConnection" SubnetInUseByConnection {id, connection}
        "Subnet {id} is used by ipsec site connection {connection}";
    CONFLICT "RouterInUse" RouterInUse {id, reason} "Router {id} {reason}";
    CONFLICT "RouterInterfaceInUseByFloatingIP" InterfaceNeededByFloatingIp {router, subnet}
        "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more floating IPs.";
    CONFLICT "RouterInterfaceInUseByRoute" InterfaceNeededByRoute {router, subnet}
        "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more routes.";
    CONFLICT "PortInUse" PortInUse {id, network, device}
        "Unable to complete operation on port {id} for network {network}. Port already has an attached device {device}.";
    CONFLICT "ServicePortInUse" ServicePortInUse {id, reason}
        "Port {id} cannot be deleted directly via the port API: {reason}.";
    CONFLICT "FloatingIPPortAlreadyAssociated" FloatingIpPortInUse {message} "Cannot associate floating IP: {message}.";
    CONFLICT "SecurityGroupInUse" SecurityGroupInUse {id} "Security Group {id} in use.";
    CONFLICT "SecurityGroupCannotRemoveDefault" CannotRemoveDefaultGroup
        "Insufficient rights for removing default security group.";
    CONFLICT "SecurityGroupDefaultAlreadyExists" DefaultGroupExists
        "Default security group already exists.";
    CONFLICT "SecurityGroupRuleExists" RuleExists {message} "Security group rule already exists: {message}.";

    // Networks.
    CONFLICT "NetworkMTUSubnetConflict" MtuTooSmall {message} "{message}.";
    BAD_REQUEST "SecurityGroupEthertypeConflictWithProtocol" OtherEthertype {ethertype, protocol}
        "Invalid ethertype {ethertype} for protocol {protocol}.";
    BAD_REQUEST "BadRequest" RouterRequest {reason} "Bad router request: {reason}";
    BAD_REQUEST "BadRequest" FloatingIpRequest {reason} "Bad floatingip request: {reason}";
    NOT_FOUND "ExternalGatewayForFloatingIPNotFound" NoWayOutside {message} "External network is not reachable: {message}.";
    BAD_REQUEST "SecurityGroupRemoteGroupAndRemoteIpPrefix" TwoRemotes
        "Only remote_ip_prefix or remote_group_id may be provided.";
    BAD_REQUEST "SecurityGroupRuleParameterConflict" OtherFamily {family, cidr}
        "Conflicting value ethertype {family} for CIDR {cidr}";
    BAD_REQUEST "SecurityGroupInvalidPortRange" PortRange
        "For TCP/UDP protocols, port_range_min must be <= port_range_max";
    BAD_REQUEST "SecurityGroupMissingIcmpType" NoIcmpType {code}
        "ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.";
    BAD_REQUEST "SecurityGroupInvalidIcmpValue" IcmpValue {field, value}
        "Invalid value for ICMP {field} {value}. It must be 0 to 255.";
    BAD_REQUEST "SecurityGroupInvalidPortValue" InvalidPort {port} "Invalid value for port {port}";

    // VPN services.
    BAD_REQUEST "RouterIsNotExternal" RouterIsNotExternal {router}
        "Router {router} has no external network gateway set";
    BAD_REQUEST "SubnetIsNotConnectedToRouter" SubnetIsNotConnectedToRouter {subnet, router}
        "Subnet {subnet} is not connected to Router {router}";

    // Endpoint groups.
    BAD_REQUEST "MissingEndpointForEndpointGroup" MissingEndpoints {group}
        "No endpoints specified for endpoint group '{group}'";
    BAD_REQUEST "InvalidEndpointInEndpointGroup" InvalidEndpoint {endpoint, kind, why}
        "Endpoint '{endpoint}' is invalid for group type '{kind}': {why}";
    BAD_REQUEST "NonExistingSubnetInEndpointGroup" NonExistingSubnet {subnet}
        "Subnet {subnet} in endpoint group does not exist";

    // Site connections.
    BAD_REQUEST "IpsecValidationFailure" UnsupportedTransform {transform}
        "IPSec does not support IPsec Policy attribute transform_protocol with value '{transform}'";
    BAD_REQUEST "IpsecValidationFailure" TransportBlocks {local, peer}
        "IPSec does not support IPsec Policy attribute encapsulation_mode with value 'transport' but between {local} and {peer}, the two ends' own addresses: use a peer endpoint group of the latter, and a local one of the external network's subnet";
    BAD_REQUEST "MissingPeerCidrs" MissingPeerCidrs
        "Missing peer CIDRs for IPsec site-to-site connection: the VPN service has a subnet";
    BAD_REQUEST "PeerCidrsInvalid" PeerCidrsInvalid
        "Peer CIDRs cannot be specified, when using endpoint groups";
    BAD_REQUEST "InvalidEndpointGroup" InvalidEndpointGroup {groups}
        "Endpoint {groups} cannot be specified, when VPN Service has subnet specified";
    BAD_REQUEST "MissingRequiredEndpointGroup" MissingEndpointGroup {groups}
        "Missing endpoint {groups} for IPSec site-to-site connection";
    BAD_REQUEST "WrongEndpointGroupType" WrongEndpointGroupType {id, is, should}
        "Endpoint group {id} type is '{is}' and should be '{should}'";
    BAD_REQUEST "MixedIPVersionsForIPSecEndpoints" MixedVersionsInGroup {id}
        "Endpoints in group {id} do not have the same IP version, as required for IPSec site-to-site connection";
    BAD_REQUEST "MixedIPVersionsForPeerCidrs" MixedVersionsInPeerCidrs
        "Peer CIDRs do not have the same IP version, as required for IPSec site-to-site connection";
    BAD_REQUEST "MixedIPVersionsForIPSecConnection" MixedVersions
        "IP versions are not compatible between peer and local endpoints";
    BAD_REQUEST "IPsecSiteConnectionDpdIntervalValueError" DpdInterval
        "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval";
    BAD_REQUEST "IPsecSiteConnectionMtuError" Mtu {mtu, version}
        "ipsec_site_connection MTU {mtu} is too small for {version}";
    BAD_REQUEST "VPNPeerAddressNotResolved" PeerAddressNotResolved {address}
        "Peer address {address} cannot be resolved";
    BAD_REQUEST "ExternalNetworkHasNoSubnet" ExternalNetworkHasNoSubnet {router, version}
        "Router's {router} external network has no {version} subnet";

    // Not at this moment; a fault of ours.
    SERVICE_UNAVAILABLE "ServiceUnavailable" Unavailable "The service is unavailable.";
    INTERNAL_SERVER_ERROR "HTTPInternalServerError" Internal
        "Request Failed: internal server error while processing your request.";
}

impl ApiError {
    /// An attribute's value that can't be.
    pub(crate) fn attribute(name: &str, reason: impl Into<String>) -> Self {
        Self::Attribute {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind) = self.kind();
        let message = self.to_string();
        let body = if status == StatusCode::UNAUTHORIZED {
            // As the middleware before Neutron answers.
            json!({"error": {"code": 401, "title": kind, "message": message}})
        } else {
            json!({"NeutronError": {"type": kind, "message": message, "detail": ""}})
        };
        if self == Self::IdentityUnavailable {
            return (status, [(RETRY_AFTER, SECONDS)], Json(body)).into_response();
        }
        (status, Json(body)).into_response()
    }
}
