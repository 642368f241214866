//! `/vpn/vpnservices`: gateways on a router.

use std::net::IpAddr;

use adit_control::gateway::GatewayView;
use adit_control::service::{NewService, ServiceChange};
use adit_model::{GatewayId, RouterId, SubnetId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::attribute::{ADMIN_STATE_UP, Attribute, DESCRIPTION, Default, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::kind::Kind;
use crate::resource::{Resource, Words, base};
use crate::status;

pub(crate) struct VpnServices;

impl Resource for VpnServices {
    const WORDS: Words = Words {
        one: "vpnservice",
        many: "vpnservices",
        path: "vpn/vpnservices",
    };

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute("subnet_id", Kind::UuidOrNull)
            .post(Default::Null)
            .filter(),
        attribute("router_id", Kind::Uuid)
            .post(Default::Required)
            .sort(),
        ADMIN_STATE_UP,
        attribute("external_v4_ip", Kind::Text(64)).filter(),
        attribute("external_v6_ip", Kind::Text(64)).filter(),
        attribute("status", Kind::Text(16)).filter(),
        attribute("flavor_id", Kind::UuidOrNull)
            .post(Default::Null)
            .filter(),
    ];

    const MADE: Option<&'static str> = Some(status::PENDING_CREATE);

    type Row = GatewayView;

    fn id(row: &GatewayView) -> Uuid {
        row.gateway.id.uuid()
    }

    fn render(_: &Context, view: &GatewayView) -> Map<String, Value> {
        let row = &view.gateway;
        let mut object = base(row.id.uuid(), row.project, &row.name, &row.description);
        let (v4, v6) = match row.public_address {
            IpAddr::V4(address) => (json!(address), Value::Null),
            IpAddr::V6(address) => (Value::Null, json!(address)),
        };
        let own = [
            ("subnet_id", json!(row.subnet.map(SubnetId::uuid))),
            ("router_id", json!(row.router.uuid())),
            ("admin_state_up", json!(row.admin_state_up)),
            ("external_v4_ip", v4),
            ("external_v6_ip", v6),
            ("status", json!(status::of_service(view))),
            ("flavor_id", Value::Null),
        ];
        object.extend(own.map(|(name, value)| (name.to_owned(), value)));
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::VpnServiceNotFound { id }
    }

    async fn create(cx: &Context, values: &Values) -> Result<GatewayView, ApiError> {
        if let Some(Some(flavor)) = values.uuid("flavor_id") {
            let id = flavor.to_string();
            return Err(ApiError::FlavorNotFound { id });
        }
        let new = NewService {
            name: values.new_name()?,
            description: values.new_description(),
            router: RouterId::from_uuid(values.required("router_id")?),
            subnet: values.uuid("subnet_id").flatten().map(SubnetId::from_uuid),
            admin_state_up: values.flag("admin_state_up").unwrap_or(true),
        };
        let maker = cx.maker(values.project);
        Ok(cx.control.create_service(&maker, new).await?)
    }

    async fn find(cx: &Context, id: Uuid) -> Result<GatewayView, ApiError> {
        let id = GatewayId::from_uuid(id);
        Ok(cx.control.service(&cx.caller, id).await?)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<GatewayView>, ApiError> {
        Ok(cx.control.page_services(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<GatewayView, ApiError> {
        let id = GatewayId::from_uuid(id);
        let change = ServiceChange {
            name: values.name(),
            description: values.description(),
            admin_state_up: values.flag("admin_state_up"),
        };
        Ok(cx.control.update_service(&cx.caller, id, change).await?)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), ApiError> {
        let id = GatewayId::from_uuid(id);
        Ok(cx.control.delete_service(&cx.caller, id).await?)
    }
}
