//! `/vpn/ikepolicies` and `/vpn/ipsecpolicies`: what both do alike. What a phase's parameters are
//! called is in `ike_policies` and `ipsec_policies`.

use std::marker::PhantomData;

use adit_api::object::Object;
use adit_control::policy::{NewPolicy, Phase};
use adit_control::{Allowance, Caller, Naming, Noun, PolicyEdit, Query};
use adit_model::policy::Policy;
use serde_json::Value;
use uuid::Uuid;

use crate::attribute::Attribute;
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words};

/// A phase in Neutron's words.
pub(crate) trait NeutronPhase: Phase + Clone + Sync {
    /// What its policies are called.
    const WORDS: Words;
    /// What their bodies, filters and sort keys may be.
    const ATTRIBUTES: &'static [Attribute];
    /// What a new one is before its body is read.
    const BLANK: Self;

    /// What the parameters are to be, where a body says so.
    fn apply(values: &Values, old: Self) -> Self;

    /// The parameters, in the table's order.
    fn show(&self) -> [(&'static str, Value); 6];

    /// That there is no policy of this id.
    fn missing(id: String) -> ApiError;

    /// That connections use it.
    fn in_use(id: String) -> ApiError;
}

/// The policies of a phase.
pub(crate) struct Policies<P>(PhantomData<P>);

impl<P: NeutronPhase> Resource for Policies<P> {
    const WORDS: Words = P::WORDS;

    const NOUN: Noun = P::NOUN;

    const ATTRIBUTES: &'static [Attribute] = P::ATTRIBUTES;

    type Row = Policy<P>;

    fn id(row: &Policy<P>) -> Uuid {
        P::uuid(row.id)
    }

    fn render(_: &Context, row: &Policy<P>) -> Object {
        let mut object = object::named(Self::id(row), row.project, &row.name, &row.description);
        object.extend(row.parameters.show());
        object
    }

    fn missing(id: String) -> ApiError {
        P::missing(id)
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        P::in_use(id)
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<Policy<P>, Failure> {
        let new = NewPolicy {
            name: values.new_name()?,
            resource_group: None,
            naming: Naming::Free,
            description: values.new_description(),
            allowance: Allowance::OfProject,
            parameters: P::apply(values, P::BLANK),
        };
        Ok(cx.control.create_policy(&maker, new).await?.policy)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<Policy<P>>, Failure> {
        Ok(cx.control.page_policies(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<Policy<P>, Failure> {
        let edit = PolicyEdit {
            expected: None,
            name: values.name().map(|name| (name, Naming::Free)),
            description: values.description(),
            parameters: |old| P::apply(values, old),
            only_unused: true,
        };
        let view = cx
            .control
            .update_policy(&cx.caller, P::id(id), edit)
            .await?;
        Ok(view.policy)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        Ok(cx
            .control
            .delete_policy::<P>(&cx.caller, P::id(id), None)
            .await?)
    }
}
