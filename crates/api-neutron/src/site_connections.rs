//! `/vpn/ipsec-site-connections`: the wishes for tunnels, found without naming their service.

use adit_api::attribute::Absent;
use adit_control::connection::{
    ConnectionChange, ConnectionView, DeadPeerRule, EndsChange, GivenEnds, NewConnection, Overlaps,
    Rules,
};
use adit_control::{Allowance, Caller, Error, Naming, Noun, Query};
use adit_model::connection::{Connection, DeadPeerDetection, DpdAction, Initiator};
use adit_model::{Cidr, ConnectionId, EndpointGroupId, GatewayId, IkePolicyId, IpsecPolicyId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{ADMIN_STATE_UP, Attribute, DESCRIPTION, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::endpoint_groups::EndpointGroups;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, find};
use crate::status;
use crate::words::{Word as _, one_of};
use adit_api::answer::key_of;
use adit_api::kind::{Given, Kind};
use adit_api::object::Object;

/// What a POST that says nothing of it gets.
const DPD: DeadPeerDetection = DeadPeerDetection {
    action: DpdAction::Hold,
    interval_s: 30,
    timeout_s: 120,
};

/// What Neutron wants otherwise than others.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    overlaps: Overlaps::Nested,
    dead_peer: DeadPeerRule::Longer,
};
const IKE_POLICY: &str = "ikepolicy_id";
const IPSEC_POLICY: &str = "ipsecpolicy_id";
const LOCAL_GROUP: &str = "local_ep_group_id";
const PEER_GROUP: &str = "peer_ep_group_id";
const SERVICE: &str = "vpnservice_id";

pub(crate) struct SiteConnections;

const fn group(name: &'static str) -> Attribute {
    attribute(name, Kind::UuidOrNull)
        .post(Absent::Null)
        .put()
        .filter_of(Noun::EndpointGroup)
}

const fn text(name: &'static str) -> Attribute {
    attribute(name, Kind::Text(255))
        .post(Absent::Required)
        .put()
        .filter()
}

const fn reference(name: &'static str, to: Noun) -> Attribute {
    attribute(name, Kind::Uuid)
        .post(Absent::Required)
        .filter_of(to)
}

impl Resource for SiteConnections {
    const WORDS: Words = Words {
        one: "ipsec_site_connection",
        many: "ipsec_site_connections",
        path: "vpn/ipsec-site-connections",
    };

    const NOUN: Noun = Noun::Connection;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        text("local_id").post(Absent::Text("")),
        text("peer_address"),
        text("peer_id"),
        attribute("peer_cidrs", Kind::Cidrs)
            .post(Absent::Empty)
            .put(),
        group(LOCAL_GROUP),
        group(PEER_GROUP),
        attribute("route_mode", Kind::Text(8)).filter(),
        attribute("mtu", Kind::Integer)
            .post(Absent::Number(Connection::MTU))
            .put()
            .filter(),
        attribute("initiator", one_of::<Initiator>())
            .post(Absent::Text("bi-directional"))
            .put()
            .filter(),
        attribute("auth_mode", Kind::Text(16)).filter(),
        attribute("psk", Kind::Psk)
            .post(Absent::Required)
            .put()
            .filter(),
        attribute(
            "dpd",
            Kind::Dict(&[
                ("action", one_of::<DpdAction>()),
                ("interval", Kind::NonNegative),
                ("timeout", Kind::NonNegative),
            ]),
        )
        .post(Absent::Empty)
        .put(),
        ADMIN_STATE_UP,
        attribute("status", Kind::Text(16)).filter(),
        reference(SERVICE, Noun::Gateway),
        reference(IKE_POLICY, Noun::IkePolicy),
        reference(IPSEC_POLICY, Noun::IpsecPolicy),
    ];

    const MADE: Option<&'static str> = Some(status::PENDING_CREATE);

    type Row = ConnectionView;

    fn id(view: &ConnectionView) -> Uuid {
        view.connection.id.uuid()
    }

    fn render(cx: &Context, view: &ConnectionView) -> Object {
        let row = &view.connection;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.add("local_id", row.local_id.as_deref().unwrap_or_default());
        object.add("peer_address", &row.peer_address);
        match &row.peer_id {
            Some(given) => object.add("peer_id", given),
            None => object.add("peer_id", &row.peer_address),
        }
        // Those of a group are the group's.
        let (groups, own_cidrs) = match row.ends.groups() {
            Some(groups) => (groups.map(Some), &[][..]),
            None => ([None; 2], row.ends.peer()),
        };
        object.add("peer_cidrs", own_cidrs);
        object.add(LOCAL_GROUP, &groups[0]);
        object.add(PEER_GROUP, &groups[1]);
        object.add("route_mode", &status::route_mode(view));
        object.add("mtu", &row.mtu);
        object.add("initiator", row.initiator.word());
        object.add("auth_mode", "psk");
        let shown = cx.config.show_psk && cx.caller.may_see_keys();
        object.add("psk", &key_of(&row.authentication, shown));
        object.add("dpd", &dpd(row.dead_peer_detection));
        object.add("admin_state_up", &row.admin_state_up);
        object.add("status", status::of_connection(view));
        object.add("status_reasons", &status::reasons(&view.reasons));
        object.add(SERVICE, &row.gateway);
        object.add(IKE_POLICY, &row.ike_policy);
        object.add(IPSEC_POLICY, &row.ipsec_policy);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::SiteConnectionNotFound { id }
    }

    async fn create(
        cx: &Context,
        maker: Caller,
        values: &Values,
    ) -> Result<ConnectionView, Failure> {
        let said = change(values);
        let new = NewConnection {
            name: values.new_name()?,
            description: values.new_description(),
            gateway: GatewayId::from_uuid(values.required(SERVICE)?),
            ike_policy: Some(IkePolicyId::from_uuid(values.required(IKE_POLICY)?)),
            ipsec_policy: Some(IpsecPolicyId::from_uuid(values.required(IPSEC_POLICY)?)),
            local_id: said.local_id.flatten(),
            peer_address: said.peer_address.unwrap_or_default(),
            peer_id: said.peer_id.flatten(),
            ends: GivenEnds {
                local_cidrs: None,
                peer_cidrs: said.ends.peer_cidrs.unwrap_or_default(),
                local_group: said.ends.local_group.flatten(),
                peer_group: said.ends.peer_group.flatten(),
            },
            translations: Vec::new(),
            distribute_traffic: false,
            mtu: said.mtu.unwrap_or(Connection::MTU),
            initiator: said.initiator.unwrap_or(Initiator::BiDirectional),
            authentication: said.authentication.ok_or(ApiError::Internal)?,
            ppk: None,
            dead_peer_detection: DeadPeerDetection {
                action: said.dpd_action.unwrap_or(DPD.action),
                interval_s: said.dpd_interval_s.unwrap_or(DPD.interval_s),
                timeout_s: said.dpd_timeout_s.unwrap_or(DPD.timeout_s),
            },
            admin_state_up: said.admin_state_up.unwrap_or(true),
        };
        let made = cx.control.create_connection(&maker, RULES, new).await;
        match made {
            Err(Error::NotFound(noun)) => Err(missing(cx, noun, values).await?.into()),
            made => Ok(made?),
        }
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<ConnectionView>, Failure> {
        Ok(cx.control.page_connections(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<ConnectionView, Failure> {
        let view = find::<Self>(cx, id).await?;
        status::check(id, status::of_connection(&view))?;
        let id = ConnectionId::from_uuid(id);
        let changed = cx
            .control
            .update_connection(&cx.caller, RULES, id, None, change(values));
        match changed.await {
            Err(Error::NotFound(noun @ Noun::EndpointGroup)) => {
                Err(missing(cx, noun, values).await?.into())
            }
            changed => Ok(changed?),
        }
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = ConnectionId::from_uuid(id);
        Ok(cx.control.delete_connection(&cx.caller, id, None).await?)
    }
}

/// What a body says.
fn change(values: &Values) -> ConnectionChange {
    let text = |name: &str| values.text(name).map(str::to_owned);
    let group = |name: &str| {
        let group = values.uuid(name);
        group.map(|group| group.map(EndpointGroupId::from_uuid))
    };
    let seconds = |member: &str| match values.member("dpd", member) {
        Some(Given::Number(seconds)) => Some(*seconds),
        _ => None,
    };
    let action = match values.member("dpd", "action") {
        Some(Given::Text(word)) => DpdAction::parse(word),
        _ => None,
    };
    ConnectionChange {
        name: values.name(),
        description: values.description(),
        local_id: text("local_id").map(|id| Some(id).filter(|id| !id.is_empty())),
        peer_address: text("peer_address"),
        peer_id: text("peer_id").map(Some),
        ends: EndsChange {
            local_cidrs: None,
            peer_cidrs: values.cidrs("peer_cidrs").map(<[Cidr]>::to_vec),
            local_group: group(LOCAL_GROUP),
            peer_group: group(PEER_GROUP),
        },
        mtu: values.number("mtu"),
        initiator: values.word("initiator"),
        authentication: values.psk("psk").cloned().map(Into::into),
        dpd_action: action,
        dpd_interval_s: seconds("interval"),
        dpd_timeout_s: seconds("timeout"),
        admin_state_up: values.flag("admin_state_up"),
        ..ConnectionChange::default()
    }
}

/// The refusal of a connection that names something which is not there.
async fn missing(cx: &Context, noun: Noun, values: &Values) -> Result<ApiError, ApiError> {
    let id = |name: &str| values.required(name).map(|id| id.to_string());
    Ok(match noun {
        Noun::Gateway => ApiError::VpnServiceNotFound { id: id(SERVICE)? },
        Noun::IkePolicy => ApiError::IkePolicyNotFound {
            id: id(IKE_POLICY)?,
        },
        Noun::IpsecPolicy => ApiError::IpsecPolicyNotFound {
            id: id(IPSEC_POLICY)?,
        },
        Noun::EndpointGroup => {
            // The local one is looked for first. One that the body does not name is there.
            for name in [LOCAL_GROUP, PEER_GROUP] {
                if let Some(Some(group)) = values.uuid(name) {
                    find::<EndpointGroups>(cx, group).await?;
                }
            }
            // It was made in this moment.
            ApiError::NotFound
        }
        other => Error::NotFound(other).into(),
    })
}

fn dpd(dpd: DeadPeerDetection) -> Value {
    json!({"action": dpd.action.word(), "interval": dpd.interval_s, "timeout": dpd.timeout_s})
}
