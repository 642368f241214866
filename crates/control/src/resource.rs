//! What is counted of a project.

use adit_model::ProjectId;
use adit_store::{StoreError, Transaction};

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $default:literal, $count:ident;)+) => {
        /// Something that is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Resource {
            $($(#[$doc])* $variant,)+
        }

        impl Resource {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// How many a project may have unless somebody said otherwise; negative is no limit. The
            /// operator may have other defaults: [`crate::Control::default_quota`].
            #[must_use]
            pub const fn default_limit(self) -> i64 {
                match self {
                    $(Self::$variant => $default,)+
                }
            }

            pub(crate) async fn count(
                self,
                tx: &mut dyn Transaction,
                project: ProjectId,
            ) -> Result<usize, StoreError> {
                match self {
                    $(Self::$variant => tx.$count(project).await,)+
                }
            }
        }
    };
}

// The defaults are Neutron's, but for gateways: each is a process and a public address.
resources! {
    /// Networks.
    Network = "network", 100, count_networks;
    /// Subnets.
    Subnet = "subnet", 100, count_subnets;
    /// Ports.
    Port = "port", 500, count_ports;
    /// Routers.
    Router = "router", 10, count_routers;
    /// Floating IPs.
    FloatingIp = "floating_ip", 50, count_floating_ips;
    /// Security groups.
    SecurityGroup = "security_group", 10, count_security_groups;
    /// Rules of security groups.
    SecurityGroupRule = "security_group_rule", 100, count_security_group_rules;
    /// Gateways.
    Gateway = "gateway", 10, count_gateways;
    /// Endpoint groups.
    EndpointGroup = "endpoint_group", -1, count_endpoint_groups;
    /// IKE policies.
    IkePolicy = "ike_policy", -1, count_ike_policies;
    /// IPsec policies.
    IpsecPolicy = "ipsec_policy", -1, count_ipsec_policies;
    /// Connections.
    Connection = "connection", -1, count_connections;
}
