//! `/vpn/ikepolicies`: phase 1 parameters.

use adit_control::policy::NewPolicy;
use adit_control::{Allowance, Caller, Naming, Noun, PolicyEdit, Query};
use adit_model::policy::{IkeParameters, IkeVersion, NegotiationMode};
use adit_model::{IkePolicy, IkePolicyId};
use serde_json::json;
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, Default, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object::Object;
use crate::policy;
use crate::refusal::Failure;
use crate::resource::{Resource, Words};
use crate::words::{Word as _, one_of};

const MODE: &str = "phase1_negotiation_mode";
const VERSION: &str = "ike_version";

pub(crate) struct IkePolicies;

/// What the parameters are to be, where a body says so.
fn apply(values: &Values, old: IkeParameters) -> IkeParameters {
    IkeParameters {
        version: values.word(VERSION).unwrap_or(old.version),
        negotiation_mode: values.word(MODE).unwrap_or(old.negotiation_mode),
        encryption: policy::single(values, policy::ENCRYPTION.name).unwrap_or(old.encryption),
        authentication: policy::single(values, policy::AUTHENTICATION.name)
            .unwrap_or(old.authentication),
        groups: policy::pfs(values).unwrap_or(old.groups),
        lifetime_s: policy::lifetime(values).unwrap_or(old.lifetime_s),
    }
}

impl Resource for IkePolicies {
    const WORDS: Words = Words {
        one: "ikepolicy",
        many: "ikepolicies",
        path: "vpn/ikepolicies",
    };

    const NOUN: Noun = Noun::IkePolicy;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        policy::AUTHENTICATION,
        policy::ENCRYPTION,
        attribute(MODE, one_of::<NegotiationMode>())
            .post(Default::Text("main"))
            .put()
            .filter(),
        policy::LIFETIME,
        attribute(VERSION, one_of::<IkeVersion>())
            .post(Default::Text("v1"))
            .put()
            .filter(),
        policy::PFS,
    ];

    type Row = IkePolicy;

    fn id(row: &IkePolicy) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &IkePolicy) -> Object {
        let says = &row.parameters;
        let mut object = Object::new(row.id.uuid(), row.project, &row.name, &row.description);
        let own = [
            ("auth_algorithm", policy::first(&says.authentication)),
            ("encryption_algorithm", policy::first(&says.encryption)),
            (MODE, json!(says.negotiation_mode.word())),
            ("lifetime", policy::show_lifetime(says.lifetime_s)),
            (VERSION, json!(says.version.word())),
            ("pfs", policy::first_group(&says.groups)),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::IkePolicyNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::IkePolicyInUse { id }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<IkePolicy, Failure> {
        let parameters = IkeParameters {
            version: IkeVersion::V1,
            negotiation_mode: NegotiationMode::Main,
            encryption: Vec::new(),
            authentication: Vec::new(),
            groups: Vec::new(),
            lifetime_s: policy::LIFETIME_S,
        };
        let new = NewPolicy {
            name: values.new_name()?,
            naming: Naming::Free,
            description: values.new_description(),
            allowance: Allowance::OfProject,
            parameters: apply(values, parameters),
        };
        Ok(cx.control.create_policy(&maker, new).await?.policy)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<IkePolicy>, Failure> {
        Ok(cx.control.page_policies(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<IkePolicy, Failure> {
        let id = IkePolicyId::from_uuid(id);
        let edit = PolicyEdit {
            name: values.name().map(|name| (name, Naming::Free)),
            description: values.description(),
            parameters: |old| apply(values, old),
            only_unused: true,
        };
        let view = cx.control.update_policy(&cx.caller, id, edit).await?;
        Ok(view.policy)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = IkePolicyId::from_uuid(id);
        Ok(cx
            .control
            .delete_policy::<IkeParameters>(&cx.caller, id)
            .await?)
    }
}
