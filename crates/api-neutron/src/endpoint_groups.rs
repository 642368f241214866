//! `/vpn/endpoint-groups`: what is at one end of connections.

use std::collections::BTreeSet;

use adit_api::attribute::Absent;
use adit_control::endpoint_group::{EndpointGroupChange, NewEndpointGroup};
use adit_control::{Caller, Noun, Query};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::{EndpointGroup, EndpointGroupId, Name};
use serde_json::json;
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words};
use crate::site_connections::RULES as CONNECTIONS;
use crate::words::one_of;
use adit_api::kind::Kind;
use adit_api::object::Object;

const ENDPOINTS: &str = "endpoints";
const TYPE: &str = "type";

/// The longest entry, in characters.
const LONGEST: usize = 255;

pub(crate) struct EndpointGroups;

impl Resource for EndpointGroups {
    const WORDS: Words = Words {
        one: "endpoint_group",
        many: "endpoint_groups",
        path: "vpn/endpoint-groups",
    };

    const NOUN: Noun = Noun::EndpointGroup;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID,
        PROJECT,
        NAME,
        DESCRIPTION,
        attribute(TYPE, one_of::<EndpointKind>())
            .post(Absent::Required)
            .filter(),
        attribute(ENDPOINTS, Kind::OneOrMany).post(Absent::Empty),
    ];

    type Row = EndpointGroup;

    fn id(row: &EndpointGroup) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &EndpointGroup) -> Object {
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend([
            (TYPE, json!(row.endpoints.kind().as_str())),
            (ENDPOINTS, json!(row.endpoints.texts())),
        ]);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::EndpointGroupNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::EndpointGroupInUse { id }
    }

    async fn create(
        cx: &Context,
        maker: Caller,
        values: &Values,
    ) -> Result<EndpointGroup, Failure> {
        let kind = values.word(TYPE).ok_or(ApiError::Internal)?;
        let name = values.new_name()?;
        let new = NewEndpointGroup {
            endpoints: endpoints(kind, &name, values)?,
            name,
            description: values.new_description(),
        };
        Ok(cx.control.create_endpoint_group(&maker, new).await?)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<EndpointGroup>, Failure> {
        Ok(cx.control.page_endpoint_groups(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<EndpointGroup, Failure> {
        let id = EndpointGroupId::from_uuid(id);
        // What is in a group stays as it is in this dialect.
        let change = EndpointGroupChange {
            name: values.name(),
            description: values.description(),
            ..EndpointGroupChange::default()
        };
        let update = cx
            .control
            .update_endpoint_group(&cx.caller, CONNECTIONS, id, change);
        Ok(update.await?)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = EndpointGroupId::from_uuid(id);
        Ok(cx
            .control
            .delete_endpoint_group(&cx.caller, id, None)
            .await?)
    }
}

/// The entries, each as its kind is written, and no two the same.
fn endpoints(kind: EndpointKind, name: &Name, values: &Values) -> Result<Endpoints, ApiError> {
    let given = values.list(ENDPOINTS).unwrap_or_default();
    if given.is_empty() {
        let group = name.to_string();
        return Err(ApiError::MissingEndpoints { group });
    }
    let refused = |endpoint: String, why: &str| ApiError::InvalidEndpoint {
        endpoint,
        kind: kind.as_str().to_owned(),
        why: why.to_owned(),
    };
    let (mut endpoints, mut seen) = (Endpoints::none(kind), BTreeSet::new());
    for endpoint in given.iter().map(python::text) {
        if !seen.insert(endpoint.clone()) {
            return Err(refused(endpoint, "Endpoints have to be unique"));
        }
        if endpoint.chars().count() > LONGEST {
            return Err(refused(endpoint, "Endpoint is too long"));
        }
        endpoints.push(endpoint).map_err(|invalid| {
            let what = match kind {
                EndpointKind::Subnet => "Invalid UUID",
                _ => "Invalid CIDR",
            };
            refused(invalid.text, what)
        })?;
    }
    Ok(endpoints)
}
