//! `/vpn/vpnservices`: gateways on a router.

use adit_api::attribute::Absent;
use adit_control::gateway::{GatewayChange, GatewayView, NewGateway, Place, Rules};
use adit_control::{Allowance, Caller, Error, Naming, Noun, OnDelete, Query};
use adit_model::gateway::GatewayMode;
use adit_model::{GatewayId, RouterId, SubnetId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{ADMIN_STATE_UP, Attribute, DESCRIPTION, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, find};
use crate::status;
use adit_api::kind::Kind;
use adit_api::object::Object;

pub(crate) struct VpnServices;

/// What Neutron lets through, and no more.
const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

impl Resource for VpnServices {
    const WORDS: Words = Words {
        one: "vpnservice",
        many: "vpnservices",
        path: "vpn/vpnservices",
    };

    const NOUN: Noun = Noun::Gateway;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute("subnet_id", Kind::UuidOrNull)
            .post(Absent::Null)
            .filter_of(Noun::Subnet),
        attribute("router_id", Kind::Uuid)
            .post(Absent::Required)
            .filter_of(Noun::Router)
            .sort(),
        ADMIN_STATE_UP,
        attribute("external_v4_ip", Kind::Text(64)).filter(),
        attribute("external_v6_ip", Kind::Text(64)).filter(),
        attribute("status", Kind::Text(16)).filter(),
        attribute("flavor_id", Kind::UuidOrNull)
            .post(Absent::Null)
            .filter(),
    ];

    const MADE: Option<&'static str> = Some(status::PENDING_CREATE);

    type Row = GatewayView;

    fn id(row: &GatewayView) -> Uuid {
        row.gateway.id.uuid()
    }

    fn render(_: &Context, view: &GatewayView) -> Object {
        let row = &view.gateway;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        let own = [
            ("subnet_id", json!(row.subnet.map(SubnetId::uuid))),
            ("router_id", json!(row.router.uuid())),
            ("admin_state_up", json!(row.admin_state_up)),
            ("external_v4_ip", json!(row.addresses.v4)),
            ("external_v6_ip", json!(row.addresses.v6)),
            ("status", json!(status::of_service(view))),
            ("flavor_id", Value::Null),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::VpnServiceNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::VpnServiceInUse { id }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<GatewayView, Failure> {
        if let Some(Some(flavor)) = values.uuid("flavor_id") {
            let id = flavor.to_string();
            return Err(ApiError::FlavorNotFound { id }.into());
        }
        let router = values.required("router_id")?;
        let new = NewGateway {
            name: values.new_name()?,
            resource_group: None,
            description: values.new_description(),
            place: Place::Router {
                id: RouterId::from_uuid(router),
                subnet: values.uuid("subnet_id").flatten().map(SubnetId::from_uuid),
            },
            mode: GatewayMode::Policy,
            admin_state_up: values.flag("admin_state_up").unwrap_or(true),
        };
        match cx.control.create_gateway(&maker, RULES, new).await {
            Err(Error::NotFound(Noun::Router)) => {
                let id = router.to_string();
                Err(ApiError::RouterNotFound { id }.into())
            }
            made => Ok(made?),
        }
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<GatewayView>, Failure> {
        Ok(cx.control.page_gateways(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<GatewayView, Failure> {
        let view = find::<Self>(cx, id).await?;
        status::check(id, status::of_service(&view))?;
        let change = GatewayChange {
            expected: None,
            name: values.name(),
            description: values.description(),
            admin_state_up: values.flag("admin_state_up"),
        };
        let update = cx
            .control
            .update_gateway(&cx.caller, RULES, GatewayId::from_uuid(id), change);
        Ok(update.await?)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = GatewayId::from_uuid(id);
        Ok(cx
            .control
            .delete_gateway(&cx.caller, RULES, id, None)
            .await?)
    }
}
