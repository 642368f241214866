//! `/vpn/endpoint-groups`: what is at one end of connections.

use adit_control::endpoint_group::NewEndpointGroup;
use adit_model::endpoint_group::EndpointKind;
use adit_model::{EndpointGroup, EndpointGroupId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, Default, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::kind::Kind;
use crate::resource::{Resource, Words, base};
use crate::words::{Word as _, one_of};
use crate::python;

const ENDPOINTS: &str = "endpoints";
const TYPE: &str = "type";

pub(crate) struct EndpointGroups;

impl Resource for EndpointGroups {
    const WORDS: Words = Words {
        one: "endpoint_group",
        many: "endpoint_groups",
        path: "vpn/endpoint-groups",
    };

    const ATTRIBUTES: &'static [Attribute] = &[
        ID,
        PROJECT,
        NAME,
        DESCRIPTION,
        attribute(TYPE, one_of::<EndpointKind>())
            .post(Default::Required)
            .filter(),
        attribute(ENDPOINTS, Kind::List).post(Default::Empty),
    ];

    type Row = EndpointGroup;

    fn id(row: &EndpointGroup) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &EndpointGroup) -> Map<String, Value> {
        let mut object = base(row.id.uuid(), row.project, &row.name, &row.description);
        object.insert(TYPE.to_owned(), json!(row.kind.as_str()));
        object.insert(ENDPOINTS.to_owned(), json!(row.endpoints));
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::EndpointGroupNotFound { id }
    }

    async fn create(cx: &Context, values: &Values) -> Result<EndpointGroup, ApiError> {
        let kind = values.word(TYPE).ok_or(ApiError::Internal)?;
        let endpoints = values.list(ENDPOINTS).unwrap_or_default();
        let new = NewEndpointGroup {
            name: values.new_name()?,
            description: values.new_description(),
            kind,
            endpoints: endpoints.iter().map(python::text).collect(),
        };
        let maker = cx.maker(values.project);
        Ok(cx.control.create_endpoint_group(&maker, new).await?)
    }

    async fn find(cx: &Context, id: Uuid) -> Result<EndpointGroup, ApiError> {
        let id = EndpointGroupId::from_uuid(id);
        Ok(cx.control.endpoint_group(&cx.caller, id).await?)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<EndpointGroup>, ApiError> {
        Ok(cx.control.page_endpoint_groups(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<EndpointGroup, ApiError> {
        let id = EndpointGroupId::from_uuid(id);
        let (name, description) = (values.name(), values.description());
        let update = cx.control.update_endpoint_group(&cx.caller, id, name, description);
        Ok(update.await?)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), ApiError> {
        let id = EndpointGroupId::from_uuid(id);
        Ok(cx.control.delete_endpoint_group(&cx.caller, id).await?)
    }
}
