//! `/vpn/ipsec-site-connections`: the wishes for tunnels, found without naming their service.

use adit_control::connection::ConnectionView;
use adit_control::site_connection::{NewSiteConnection, SiteConnectionChange};
use adit_model::connection::{Connection, DeadPeerDetection, DpdAction, Initiator};
use adit_model::{
    Cidr, ConnectionId, EndpointGroupId, GatewayId, IkePolicyId, IpsecPolicyId, Psk,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::attribute::{ADMIN_STATE_UP, Attribute, DESCRIPTION, Default, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::kind::{Given, Kind};
use crate::resource::{Resource, Words, base};
use crate::words::{Word as _, one_of};
use crate::status;

/// What a POST that says nothing of it gets.
const DPD: DeadPeerDetection = DeadPeerDetection {
    action: DpdAction::Hold,
    interval_s: 30,
    timeout_s: 120,
};

/// What stands for a key that is not shown.
const HIDDEN: &str = "********";

pub(crate) struct SiteConnections;

const fn group(name: &'static str) -> Attribute {
    attribute(name, Kind::UuidOrNull)
        .post(Default::Null)
        .put()
        .filter()
}

const fn text(name: &'static str) -> Attribute {
    attribute(name, Kind::Text(255))
        .post(Default::Required)
        .put()
        .filter()
}

const fn reference(name: &'static str) -> Attribute {
    attribute(name, Kind::Uuid).post(Default::Required).filter()
}

impl Resource for SiteConnections {
    const WORDS: Words = Words {
        one: "ipsec_site_connection",
        many: "ipsec_site_connections",
        path: "vpn/ipsec-site-connections",
    };

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        text("local_id").post(Default::Text("")),
        text("peer_address"),
        text("peer_id"),
        attribute("peer_cidrs", Kind::Cidrs)
            .post(Default::Empty)
            .put(),
        group("local_ep_group_id"),
        group("peer_ep_group_id"),
        attribute("route_mode", Kind::Text(8)).filter(),
        attribute("mtu", Kind::Integer)
            .post(Default::Number(Connection::MTU))
            .put()
            .filter(),
        attribute("initiator", one_of::<Initiator>())
            .post(Default::Text("bi-directional"))
            .put()
            .filter(),
        attribute("auth_mode", Kind::Text(16)).filter(),
        attribute("psk", Kind::Secret)
            .post(Default::Required)
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
        .post(Default::Empty)
        .put(),
        ADMIN_STATE_UP,
        attribute("status", Kind::Text(16)).filter(),
        reference("vpnservice_id"),
        reference("ikepolicy_id"),
        reference("ipsecpolicy_id"),
    ];

    const MADE: Option<&'static str> = Some(status::PENDING_CREATE);

    type Row = ConnectionView;

    fn id(view: &ConnectionView) -> Uuid {
        view.connection.id.uuid()
    }

    fn render(cx: &Context, view: &ConnectionView) -> Map<String, Value> {
        let row = &view.connection;
        let mut object = base(row.id.uuid(), row.project, &row.name, &row.description);
        let own = [
            ("local_id", json!(row.local_id.as_deref().unwrap_or_default())),
            ("peer_address", json!(row.peer_address)),
            ("peer_id", json!(peer_id(row))),
            ("peer_cidrs", peer_cidrs(row)),
            ("local_ep_group_id", json!(row.local_group.map(EndpointGroupId::uuid))),
            ("peer_ep_group_id", json!(row.peer_group.map(EndpointGroupId::uuid))),
            ("route_mode", json!("static")),
            ("mtu", json!(row.mtu)),
            ("initiator", json!(row.initiator.word())),
            ("auth_mode", json!("psk")),
            ("psk", psk(cx, row)),
            ("dpd", dpd(row.dead_peer_detection)),
            ("admin_state_up", json!(row.admin_state_up)),
            ("status", json!(status::of_connection(view))),
            ("status_reasons", status::reasons(view)),
            ("vpnservice_id", json!(row.gateway.uuid())),
            ("ikepolicy_id", json!(row.ike_policy.map(IkePolicyId::uuid))),
            ("ipsecpolicy_id", json!(row.ipsec_policy.map(IpsecPolicyId::uuid))),
        ];
        object.extend(own.map(|(name, value)| (name.to_owned(), value)));
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::SiteConnectionNotFound { id }
    }

    async fn create(cx: &Context, values: &Values) -> Result<ConnectionView, ApiError> {
        let said = Said::read(values)?;
        let new = NewSiteConnection {
            name: values.new_name()?,
            description: values.new_description(),
            gateway: GatewayId::from_uuid(values.required("vpnservice_id")?),
            ike_policy: IkePolicyId::from_uuid(values.required("ikepolicy_id")?),
            ipsec_policy: IpsecPolicyId::from_uuid(values.required("ipsecpolicy_id")?),
            local_id: said.local_id.unwrap_or_default(),
            peer_address: said.peer_address.unwrap_or_default(),
            peer_id: said.peer_id.unwrap_or_default(),
            peer_cidrs: said.peer_cidrs.unwrap_or_default(),
            local_group: said.local_group.flatten(),
            peer_group: said.peer_group.flatten(),
            mtu: said.mtu.unwrap_or(Connection::MTU),
            initiator: said.initiator.unwrap_or(Initiator::BiDirectional),
            psk: said.psk.ok_or(ApiError::Internal)?,
            dead_peer_detection: DeadPeerDetection {
                action: said.dpd_action.unwrap_or(DPD.action),
                interval_s: said.dpd_interval_s.unwrap_or(DPD.interval_s),
                timeout_s: said.dpd_timeout_s.unwrap_or(DPD.timeout_s),
            },
            admin_state_up: said.admin_state_up.unwrap_or(true),
        };
        let maker = cx.maker(values.project);
        Ok(cx.control.create_site_connection(&maker, new).await?)
    }

    async fn find(cx: &Context, id: Uuid) -> Result<ConnectionView, ApiError> {
        let id = ConnectionId::from_uuid(id);
        Ok(cx.control.site_connection(&cx.caller, id).await?)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<ConnectionView>, ApiError> {
        Ok(cx.control.page_site_connections(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<ConnectionView, ApiError> {
        let id = ConnectionId::from_uuid(id);
        let change = Said::read(values)?;
        Ok(cx.control.update_site_connection(&cx.caller, id, change).await?)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), ApiError> {
        let id = ConnectionId::from_uuid(id);
        Ok(cx.control.delete_site_connection(&cx.caller, id).await?)
    }
}
