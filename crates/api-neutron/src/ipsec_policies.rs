//! `/vpn/ipsecpolicies`: phase 2 parameters.

use adit_control::policy::NewPolicy;
use adit_control::{Allowance, Caller, Naming, Noun, PolicyEdit, Query};
use adit_model::policy::{Encapsulation, IpsecParameters, Transform};
use adit_model::{IpsecPolicy, IpsecPolicyId};
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

const MODE: &str = "encapsulation_mode";
const TRANSFORM: &str = "transform_protocol";

pub(crate) struct IpsecPolicies;

/// What the parameters are to be, where a body says so.
fn apply(values: &Values, old: IpsecParameters) -> IpsecParameters {
    IpsecParameters {
        transform: values.word(TRANSFORM).unwrap_or(old.transform),
        encapsulation: values.word(MODE).unwrap_or(old.encapsulation),
        encryption: policy::single(values, policy::ENCRYPTION.name).unwrap_or(old.encryption),
        authentication: policy::single(values, policy::AUTHENTICATION.name)
            .unwrap_or(old.authentication),
        pfs: policy::pfs(values).unwrap_or(old.pfs),
        lifetime_s: policy::lifetime(values).unwrap_or(old.lifetime_s),
    }
}

impl Resource for IpsecPolicies {
    const WORDS: Words = Words {
        one: "ipsecpolicy",
        many: "ipsecpolicies",
        path: "vpn/ipsecpolicies",
    };

    const NOUN: Noun = Noun::IpsecPolicy;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute(TRANSFORM, one_of::<Transform>())
            .post(Default::Text("esp"))
            .put()
            .filter(),
        policy::AUTHENTICATION,
        policy::ENCRYPTION,
        attribute(MODE, one_of::<Encapsulation>())
            .post(Default::Text("tunnel"))
            .put()
            .filter(),
        policy::LIFETIME,
        policy::PFS,
    ];

    type Row = IpsecPolicy;

    fn id(row: &IpsecPolicy) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &IpsecPolicy) -> Object {
        let says = &row.parameters;
        let mut object = Object::new(row.id.uuid(), row.project, &row.name, &row.description);
        let own = [
            (TRANSFORM, json!(says.transform.word())),
            ("auth_algorithm", policy::first(&says.authentication)),
            ("encryption_algorithm", policy::first(&says.encryption)),
            (MODE, json!(says.encapsulation.word())),
            ("lifetime", policy::show_lifetime(says.lifetime_s)),
            ("pfs", policy::first_group(&says.pfs)),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::IpsecPolicyNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::IpsecPolicyInUse { id }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<IpsecPolicy, Failure> {
        let parameters = IpsecParameters {
            transform: Transform::Esp,
            encapsulation: Encapsulation::Tunnel,
            encryption: Vec::new(),
            authentication: Vec::new(),
            pfs: Vec::new(),
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

    async fn page(cx: &Context, query: Query) -> Result<Vec<IpsecPolicy>, Failure> {
        Ok(cx.control.page_policies(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<IpsecPolicy, Failure> {
        let id = IpsecPolicyId::from_uuid(id);
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
        let id = IpsecPolicyId::from_uuid(id);
        Ok(cx
            .control
            .delete_policy::<IpsecParameters>(&cx.caller, id)
            .await?)
    }
}
