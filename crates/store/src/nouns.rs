//! The nouns' rows by their own names: `tx.subnet(project, id)` for
//! `Rows::<Subnet>::get(tx, project, id)`. One definition for every store.

use adit_model::{
    Connection, ConnectionId, ConnectionRequest, ConnectionRequestId, EndpointGroup,
    EndpointGroupId, FloatingIp, FloatingIpId, Gateway, GatewayId, IkePolicy, IkePolicyId,
    IpsecPolicy, IpsecPolicyId, Network, NetworkAcl, NetworkAclId, NetworkId, Noun, Port, PortId,
    ProjectId, PublicGateway, PublicGatewayId, Revision, Route, RouteId, Router, RouterId,
    SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupRuleId, SshKey, SshKeyId,
    Subnet, SubnetId, TunnelContext, TunnelContextId,
};

use crate::row::{Rows, WriteRows};
use crate::{Query, StoreError, Transaction, WriteTransaction};

type Answer<T> = Result<T, StoreError>;

macro_rules! nouns {
    ($(
        $row:ident, $id:ident,
        $one:ident $all:ident $any:ident $everybodys:ident $page:ident $count:ident
        $insert:ident $update:ident $delete:ident
        $(; $of:ident($parent:ident: $noun:ident))*
    )+) => {$(
        impl dyn Transaction + '_ {
            /// The project's of this id; another project's is as good as none. With `None` for
            /// the project, anybody's. See [`Rows::get`].
            pub fn $one(
                &mut self,
                project: impl Into<Option<ProjectId>>,
                id: $id,
            ) -> impl Future<Output = Answer<Option<$row>>> + Send {
                Rows::<$row>::get(self, project.into(), id.uuid())
            }

            /// Anybody's of this id. For reconcilers.
            pub fn $any(&mut self, id: $id) -> impl Future<Output = Answer<Option<$row>>> + Send {
                Rows::<$row>::get(self, None, id.uuid())
            }

            /// The project's, oldest first. See [`Rows::list`].
            pub fn $all(&mut self, project: ProjectId) -> impl Future<Output = Answer<Vec<$row>>> + Send {
                Rows::<$row>::list(self, Query::of_project(project))
            }

            /// Everybody's, oldest first. For reconcilers.
            pub fn $everybodys(&mut self) -> impl Future<Output = Answer<Vec<$row>>> + Send {
                Rows::<$row>::list(self, Query::default())
            }

            /// Those that are asked for. See [`Rows::list`].
            pub fn $page(&mut self, query: Query) -> impl Future<Output = Answer<Vec<$row>>> + Send {
                Rows::<$row>::list(self, query)
            }

            /// How many the project has.
            pub fn $count(&mut self, project: ProjectId) -> impl Future<Output = Answer<usize>> + Send {
                Rows::<$row>::count(self, Query::of_project(project))
            }

            $(
                /// Those that hang on this, oldest first.
                pub fn $of(&mut self, id: $parent) -> impl Future<Output = Answer<Vec<$row>>> + Send {
                    Rows::<$row>::list(self, Query::hanging_on(Noun::$noun, id.uuid()))
                }
            )*
        }

        impl dyn WriteTransaction + '_ {
            /// Adds one. See [`WriteRows::insert`].
            pub fn $insert<'a>(
                &'a mut self,
                row: &'a $row,
            ) -> impl Future<Output = Answer<()>> + Send + 'a {
                WriteRows::<$row>::insert(self, row)
            }

            /// Replaces the one of the same revision. See [`WriteRows::update`].
            pub fn $update<'a>(
                &'a mut self,
                row: &'a $row,
            ) -> impl Future<Output = Answer<Revision>> + Send + 'a {
                WriteRows::<$row>::update(self, row)
            }

            /// Deletes the project's of this id. See [`WriteRows::delete`].
            pub fn $delete(
                &mut self,
                project: ProjectId,
                id: $id,
            ) -> impl Future<Output = Answer<bool>> + Send {
                WriteRows::<$row>::delete(self, project, id.uuid())
            }
        }
    )+};
}

nouns! {
    Network, NetworkId,
        network networks any_network all_networks page_networks count_networks
        insert_network update_network delete_network

    Subnet, SubnetId,
        subnet subnets any_subnet all_subnets page_subnets count_subnets
        insert_subnet update_subnet delete_subnet;
        subnets_of_network(NetworkId: Network);
        subnets_of_public_gateway(PublicGatewayId: PublicGateway);
        subnets_of_network_acl(NetworkAclId: NetworkAcl)

    Port, PortId,
        port ports any_port all_ports page_ports count_ports
        insert_port update_port delete_port;
        ports_of_network(NetworkId: Network);
        ports_of_subnet(SubnetId: Subnet);
        ports_of_router(RouterId: Router);
        ports_of_security_group(SecurityGroupId: SecurityGroup)

    Router, RouterId,
        router routers any_router all_routers page_routers count_routers
        insert_router update_router delete_router;
        routers_of_external_network(NetworkId: Network)

    FloatingIp, FloatingIpId,
        floating_ip floating_ips any_floating_ip all_floating_ips page_floating_ips
        count_floating_ips insert_floating_ip update_floating_ip delete_floating_ip;
        floating_ips_of_network(NetworkId: Network);
        floating_ips_of_port(PortId: Port);
        floating_ips_of_router(RouterId: Router)

    SshKey, SshKeyId,
        ssh_key ssh_keys any_ssh_key all_ssh_keys page_ssh_keys count_ssh_keys
        insert_ssh_key update_ssh_key delete_ssh_key

    NetworkAcl, NetworkAclId,
        network_acl network_acls any_network_acl all_network_acls page_network_acls
        count_network_acls insert_network_acl update_network_acl delete_network_acl;
        network_acls_of_router(RouterId: Router)

    PublicGateway, PublicGatewayId,
        public_gateway public_gateways any_public_gateway all_public_gateways page_public_gateways
        count_public_gateways insert_public_gateway update_public_gateway delete_public_gateway;
        public_gateways_of_floating_ip(FloatingIpId: FloatingIp);
        public_gateways_of_router(RouterId: Router)

    SecurityGroup, SecurityGroupId,
        security_group security_groups any_security_group all_security_groups
        page_security_groups count_security_groups insert_security_group update_security_group
        delete_security_group;
        security_groups_of_router(RouterId: Router)

    SecurityGroupRule, SecurityGroupRuleId,
        security_group_rule security_group_rules any_security_group_rule all_security_group_rules
        page_security_group_rules count_security_group_rules insert_security_group_rule
        update_security_group_rule delete_security_group_rule;
        rules_of_security_group(SecurityGroupId: SecurityGroup)

    Gateway, GatewayId,
        gateway gateways any_gateway all_gateways page_gateways count_gateways
        insert_gateway update_gateway delete_gateway;
        gateways_of_router(RouterId: Router);
        gateways_of_subnet(SubnetId: Subnet)

    ConnectionRequest, ConnectionRequestId,
        connection_request connection_requests any_connection_request all_connection_requests
        page_connection_requests count_connection_requests insert_connection_request update_connection_request
        delete_connection_request
    EndpointGroup, EndpointGroupId,
        endpoint_group endpoint_groups any_endpoint_group all_endpoint_groups
        page_endpoint_groups count_endpoint_groups insert_endpoint_group update_endpoint_group
        delete_endpoint_group;
        endpoint_groups_of_subnet(SubnetId: Subnet)

    IkePolicy, IkePolicyId,
        ike_policy ike_policies any_ike_policy all_ike_policies page_ike_policies
        count_ike_policies insert_ike_policy update_ike_policy delete_ike_policy

    IpsecPolicy, IpsecPolicyId,
        ipsec_policy ipsec_policies any_ipsec_policy all_ipsec_policies page_ipsec_policies
        count_ipsec_policies insert_ipsec_policy update_ipsec_policy delete_ipsec_policy

    Connection, ConnectionId,
        connection connections any_connection all_connections page_connections count_connections
        insert_connection update_connection delete_connection;
        connections_of_gateway(GatewayId: Gateway);
        connections_of_ike_policy(IkePolicyId: IkePolicy);
        connections_of_ipsec_policy(IpsecPolicyId: IpsecPolicy);
        connections_of_endpoint_group(EndpointGroupId: EndpointGroup)

    Route, RouteId,
        route routes any_route all_routes page_routes count_routes
        insert_route update_route delete_route;
        routes_of_router(RouterId: Router);
        routes_of_connection(ConnectionId: Connection)

    TunnelContext, TunnelContextId,
        tunnel_context tunnel_contexts any_tunnel_context all_tunnel_contexts page_tunnel_contexts
        count_tunnel_contexts insert_tunnel_context update_tunnel_context delete_tunnel_context
}
