//! Making a connection in one call, with its gateway and policies along where the body asks for it.

use adit_control::connection::{ConnectionView, GivenEnds, NewConnection};
use adit_control::endpoint_group::NewEndpointGroup;
use adit_control::gateway::{NewGateway, Place};
use adit_control::policy::{NewPolicy, Phase};
use adit_control::router::NewRouter;
use adit_control::{Allowance, Control, Error, Naming, Noun};
use adit_model::connection::{DeadPeerDetection, Initiator};
use adit_model::endpoint_group::EndpointKind;
use adit_model::gateway::GatewayMode;
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{Cidr, EndpointGroupId, GatewayId, Name, RouterId, SubnetId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authentication::{self, CertificatesWish, PpkWish};
use super::lookup::{RULES, in_body};
use super::shape::DpdShape;
use super::translations::{self, TranslationShape};
use crate::context::{Context, name, yes};
use crate::endpoint_groups::entries;
use crate::policies::{self, IkeShape, IpsecShape};
use crate::problem::Problem;
use crate::{gateways, subnets};

/// Which gateway a connection is to have: one that is there, or one that is made along.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GatewayWish {
    /// One that is there.
    Id(Uuid),
    /// A new one in this subnet, which is on a router.
    Subnet(Uuid),
    /// A new one on this router, which has a way outside: for a connection between endpoint groups.
    Router(Uuid),
    /// A new one in a new network with a router of its own.
    Network(NetworkWish),
}

/// A network that is made along, with a subnet, a router and a gateway.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NetworkWish {
    /// Its addresses.
    #[schema(value_type = String, example = "10.1.0.0/24")]
    cidr: Cidr,
}

/// Which policy: one that is there, or one that is made along and called as the connection is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PolicyWish<S> {
    /// One that is there.
    Id(Uuid),
    /// A new one that says this.
    New(S),
}

/// Which endpoint group: one that is there, or one that is made along and called as the connection is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GroupWish {
    /// One that is there.
    Id(Uuid),
    /// A new one with these entries: ids of subnets here, blocks there.
    #[schema(example = json!(["10.2.0.0/24"]))]
    New(Vec<String>),
}

/// This end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LocalWish {
    /// What this end calls itself in IKE; the gateway's address, if it is left out.
    identity: Option<String>,
    /// What is reachable here; the gateway's subnet, if it is left out.
    #[schema(value_type = Option<Vec<String>>)]
    cidrs: Option<Vec<Cidr>>,
    /// In place of blocks, a group of subnets: of a gateway that has no subnet.
    group: Option<GroupWish>,
}

/// The other end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PeerWish {
    /// An address, or a host's name; `0.0.0.0` is any, by IKEv2 and with an identity.
    #[schema(example = "203.0.113.5")]
    address: String,
    /// What it has to call itself in IKE; its address, if it is left out. `@` before a name, `keyid:` before a key ID.
    identity: Option<String>,
    /// What is reachable there; none of a gateway in route mode, of which routes say that.
    #[schema(value_type = Option<Vec<String>>, example = json!(["10.2.0.0/24"]))]
    cidrs: Option<Vec<Cidr>>,
    /// In place of blocks, a group of them: of a gateway that has no subnet.
    group: Option<GroupWish>,
}

/// What a connection is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConnectionShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    gateway: GatewayWish,
    #[serde(default)]
    local: LocalWish,
    peer: PeerWish,
    /// What of both ends the opposite one knows by other addresses: for two sites that have the same ones.
    #[serde(default)]
    translations: Vec<TranslationShape>,
    /// The pre-shared key, of 1 to 255 octets; without one, and without certificates, it is made up.
    psk: Option<String>,
    /// In place of a pre-shared key.
    certificates: Option<CertificatesWish>,
    /// What keys rest on beside that.
    ppk: Option<PpkWish>,
    /// Phase 1; without one it negotiates.
    ike_policy: Option<PolicyWish<IkeShape>>,
    /// Phase 2; without one it negotiates.
    ipsec_policy: Option<PolicyWish<IpsecShape>>,
    /// The most octets of an inner packet; 0 leaves it to the path.
    #[serde(default)]
    mtu: u32,
    /// Who begins: `bi-directional` or `response-only`.
    #[serde(default = "both")]
    #[schema(value_type = String, default = "bi-directional")]
    initiator: Initiator,
    /// Without it: `restart`, after 30 and 120 s.
    dead_peer_detection: Option<DpdShape>,
    /// Whether the tunnel is wanted up.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

const fn both() -> Initiator {
    Initiator::BiDirectional
}

/// What a body asks for of either phase: a reference, or what to make.
enum Wished<P: Phase> {
    There(P::Id),
    New(NewPolicy<P>),
    Negotiated,
}

impl<P: Phase> Wished<P> {
    fn read<S>(field: &str, called: &Name, wish: Option<PolicyWish<S>>) -> Result<Self, Problem>
    where
        P: TryFrom<S, Error = Problem>,
    {
        Ok(match wish {
            None => Self::Negotiated,
            Some(PolicyWish::Id(uuid)) => Self::There(P::id(uuid)),
            Some(PolicyWish::New(shape)) => {
                let parameters = shape.try_into();
                let parameters = parameters
                    .map_err(|problem: Problem| problem.within(&format!("{field}.new")))?;
                Self::New(policies::new(called.clone(), String::new(), parameters))
            }
        })
    }

    /// The policy, made where it is not there.
    async fn make(
        self,
        control: &Control,
        cx: &Context,
        field: &str,
    ) -> Result<Option<P::Id>, Problem> {
        match self {
            Self::There(id) => Ok(Some(id)),
            Self::Negotiated => Ok(None),
            Self::New(new) => {
                let made = control.create_policy::<P>(&cx.caller, new).await;
                let refused = |error| Problem::from(error).within(&format!("{field}.new"));
                Ok(Some(made.map_err(refused)?.policy.id))
            }
        }
    }
}

/// What a body asks for of the group at either end.
enum WishedGroup {
    There(EndpointGroupId),
    New(NewEndpointGroup),
}

impl WishedGroup {
    fn read(
        field: &str,
        called: &Name,
        kind: EndpointKind,
        wish: Option<GroupWish>,
    ) -> Result<Option<Self>, Problem> {
        Ok(match wish {
            None => None,
            Some(GroupWish::Id(id)) => Some(Self::There(EndpointGroupId::from_uuid(id))),
            Some(GroupWish::New(texts)) => {
                let endpoints = entries(&format!("{field}.new"), kind, texts)?;
                Some(Self::New(NewEndpointGroup {
                    name: called.clone(),
                    description: String::new(),
                    endpoints,
                }))
            }
        })
    }

    /// The group, made where it is not there.
    async fn make(
        self,
        control: &Control,
        cx: &Context,
        field: &str,
    ) -> Result<EndpointGroupId, Problem> {
        match self {
            Self::There(id) => {
                let found = control.endpoint_group(&cx.caller, id).await;
                found.map(|row| row.id).map_err(|error| match error {
                    Error::NotFound(_) => Problem::misfit(error.to_string()).of(field),
                    other => other.into(),
                })
            }
            Self::New(new) => {
                let made = control.create_endpoint_group(&cx.caller, new).await;
                let made = made.map_err(|error| Problem::from(error).of(&format!("{field}.new")));
                Ok(made?.id)
            }
        }
    }

    async fn make_any(
        wish: Option<Self>,
        control: &Control,
        cx: &Context,
        field: &str,
    ) -> Result<Option<EndpointGroupId>, Problem> {
        match wish {
            None => Ok(None),
            Some(wish) => wish.make(control, cx, field).await.map(Some),
        }
    }
}

impl NewConnectionShape {
    /// Makes all of it, or nothing; the connection, and its key where that was made up.
    pub(crate) async fn make(
        self,
        cx: &Context,
    ) -> Result<(ConnectionView, Option<String>), Problem> {
        let called = name("name", &self.name)?;
        let ike = Wished::<IkeParameters>::read("ike_policy", &called, self.ike_policy)?;
        let ipsec = Wished::<IpsecParameters>::read("ipsec_policy", &called, self.ipsec_policy)?;
        let (local, peer) = (self.local, self.peer);
        let local_group =
            WishedGroup::read("local.group", &called, EndpointKind::Subnet, local.group)?;
        let peer_group = WishedGroup::read("peer.group", &called, EndpointKind::Cidr, peer.group)?;
        if peer.cidrs.is_none() && peer_group.is_none() {
            let detail = "what is reachable there is a list of blocks, or of a gateway without a subnet a group";
            return Err(Problem::invalid("peer.cidrs", detail));
        }
        let given = authentication::read(self.psk, self.certificates)?;
        let (authentication, told) = match given {
            Some(given) => (given, None),
            None => {
                let psk = cx.control().make_up_psk();
                let told = authentication::told(&psk);
                (psk.into(), Some(told))
            }
        };
        let ppk = self.ppk.map(PpkWish::read).transpose()?;
        let together = cx.control().together().await?;
        let control = together.control();
        let gateway = make_gateway(control, cx, &called, self.gateway).await?;
        let ike_policy = ike.make(control, cx, "ike_policy").await?;
        let ipsec_policy = ipsec.make(control, cx, "ipsec_policy").await?;
        let local_group = WishedGroup::make_any(local_group, control, cx, "local.group").await?;
        let peer_group = WishedGroup::make_any(peer_group, control, cx, "peer.group").await?;
        let dpd = self.dead_peer_detection.map(DeadPeerDetection::from);
        let new = NewConnection {
            name: called,
            description: self.description,
            gateway,
            peer_address: peer.address,
            peer_id: peer.identity,
            local_id: local.identity,
            authentication,
            ppk,
            ends: GivenEnds {
                local_cidrs: local.cidrs,
                peer_cidrs: peer.cidrs.unwrap_or_default(),
                local_group,
                peer_group,
            },
            translations: translations::read(self.translations),
            distribute_traffic: false,
            mtu: self.mtu,
            initiator: self.initiator,
            dead_peer_detection: dpd.unwrap_or(DeadPeerDetection::RESTART),
            ike_policy,
            ipsec_policy,
            admin_state_up: self.enabled,
        };
        let made = control.create_connection(&cx.caller, RULES, new).await;
        let id = made.map_err(in_body)?.connection.id;
        together.commit().await?;
        Ok((cx.control().connection(&cx.caller, id).await?, told))
    }
}

impl From<DpdShape> for DeadPeerDetection {
    fn from(shape: DpdShape) -> Self {
        let DpdShape {
            action,
            interval_s,
            timeout_s,
        } = shape;
        Self {
            action,
            interval_s,
            timeout_s,
        }
    }
}

/// The gateway that is wished for, made along where it is not there.
async fn make_gateway(
    control: &Control,
    cx: &Context,
    called: &Name,
    wish: GatewayWish,
) -> Result<GatewayId, Problem> {
    let place = match wish {
        GatewayWish::Id(id) => return Ok(GatewayId::from_uuid(id)),
        GatewayWish::Subnet(id) => Place::Subnet(SubnetId::from_uuid(id)),
        GatewayWish::Router(id) => gateways::on_router(RouterId::from_uuid(id)),
        GatewayWish::Network(network) => {
            Place::Subnet(make_network(control, cx, called, network.cidr).await?)
        }
    };
    let new = NewGateway {
        name: called.clone(),
        description: String::new(),
        place,
        mode: GatewayMode::Policy,
        admin_state_up: true,
        resource_group: None,
    };
    let made = control
        .create_gateway(&cx.caller, gateways::RULES, new)
        .await;
    let made = made.map_err(|error| Problem::naming(Noun::Gateway, error).within("gateway"))?;
    Ok(made.gateway.id)
}

/// A router with a network of these addresses; its subnet.
async fn make_network(
    control: &Control,
    cx: &Context,
    called: &Name,
    cidr: Cidr,
) -> Result<SubnetId, Problem> {
    let router = NewRouter {
        name: called.clone(),
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        description: String::new(),
        admin_state_up: true,
        external: None,
        resource_group: None,
    };
    let router: RouterId = control.create_router(&cx.caller, router).await?.id;
    let new = subnets::new(called.clone(), router, cidr);
    let made = control.create_subnet(&cx.caller, subnets::RULES, new).await;
    let made = made.map_err(|error| Problem::from(error).within("gateway.network"))?;
    Ok(made.id)
}
