//! What each phase may be, best first, and what both kinds of policies do alike.

use adit_api::paging::Place;
use adit_control::policy::{NewPolicy, Phase, PolicyEdit, PolicyView};
use adit_control::{Allowance, Naming};
use adit_model::Name;
use adit_model::policy::{
    DhGroup, Encapsulation, IkeParameters, IkeVersion, IpsecParameters, NegotiationMode, Transform,
};
use axum::Json as Answer;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::algorithms::{AuthenticationName, EncryptionName};
use crate::context::{Context, etag, name};
use crate::page::{Page, Wanted};
use crate::problem::Problem;

/// Phase 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IkeShape {
    /// `v1` or `v2`.
    #[serde(default = "v2")]
    #[schema(value_type = String, default = "v2")]
    version: IkeVersion,
    /// Acceptable ciphers, best first.
    encryption: Vec<EncryptionName>,
    /// Acceptable integrity algorithms, and hashes of the pseudorandom function, best first.
    authentication: Vec<AuthenticationName>,
    /// Acceptable groups of the key exchange by their IANA numbers, best first: 1, 2, 5, 14 to 31.
    #[schema(value_type = Vec<u16>)]
    groups: Vec<DhGroup>,
    /// Seconds until the IKE SA is rekeyed.
    #[serde(default = "ike_lifetime")]
    #[schema(default = 36000)]
    lifetime_s: u32,
}

/// Phase 2.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IpsecShape {
    /// `esp` or `ah`.
    #[serde(default)]
    #[schema(value_type = String, default = "esp")]
    transform: Transform,
    /// `tunnel` or `transport`.
    #[serde(default)]
    #[schema(value_type = String, default = "tunnel")]
    encapsulation: Encapsulation,
    /// Acceptable ciphers, best first.
    encryption: Vec<EncryptionName>,
    /// Acceptable integrity algorithms, best first; of use for ciphers without their own.
    #[serde(default)]
    authentication: Vec<AuthenticationName>,
    /// Acceptable groups of forward secrecy; without any there is none.
    #[serde(default)]
    #[schema(value_type = Vec<u16>)]
    pfs: Vec<DhGroup>,
    /// Seconds until a Child SA is rekeyed.
    #[serde(default = "ipsec_lifetime")]
    #[schema(default = 10800)]
    lifetime_s: u32,
}

const fn v2() -> IkeVersion {
    IkeVersion::V2
}

fn ike_lifetime() -> u32 {
    IkeParameters::negotiate().lifetime_s
}

fn ipsec_lifetime() -> u32 {
    IpsecParameters::negotiate().lifetime_s
}

fn some<T>(field: &str, list: &[T]) -> Result<(), Problem> {
    let empty = || Problem::invalid(field, "the list needs one entry at least");
    (!list.is_empty()).then_some(()).ok_or_else(empty)
}

impl TryFrom<IkeShape> for IkeParameters {
    type Error = Problem;

    fn try_from(shape: IkeShape) -> Result<Self, Problem> {
        some("encryption", &shape.encryption)?;
        some("authentication", &shape.authentication)?;
        some("groups", &shape.groups)?;
        Ok(Self {
            version: shape.version,
            negotiation_mode: NegotiationMode::Main,
            encryption: shape.encryption.iter().map(|name| name.0).collect(),
            authentication: shape.authentication.iter().map(|name| name.0).collect(),
            groups: shape.groups,
            lifetime_s: shape.lifetime_s,
        })
    }
}

impl From<&IkeParameters> for IkeShape {
    fn from(row: &IkeParameters) -> Self {
        Self {
            version: row.version,
            encryption: row.encryption.iter().copied().map(EncryptionName).collect(),
            authentication: row
                .authentication
                .iter()
                .copied()
                .map(AuthenticationName)
                .collect(),
            groups: row.groups.clone(),
            lifetime_s: row.lifetime_s,
        }
    }
}

impl TryFrom<IpsecShape> for IpsecParameters {
    type Error = Problem;

    fn try_from(shape: IpsecShape) -> Result<Self, Problem> {
        some("encryption", &shape.encryption)?;
        Ok(Self {
            transform: shape.transform,
            encapsulation: shape.encapsulation,
            encryption: shape.encryption.iter().map(|name| name.0).collect(),
            authentication: shape.authentication.iter().map(|name| name.0).collect(),
            pfs: shape.pfs,
            lifetime_s: shape.lifetime_s,
        })
    }
}

impl From<&IpsecParameters> for IpsecShape {
    fn from(row: &IpsecParameters) -> Self {
        Self {
            transform: row.transform,
            encapsulation: row.encapsulation,
            encryption: row.encryption.iter().copied().map(EncryptionName).collect(),
            authentication: row
                .authentication
                .iter()
                .copied()
                .map(AuthenticationName)
                .collect(),
            pfs: row.pfs.clone(),
            lifetime_s: row.lifetime_s,
        }
    }
}

/// What a policy is to be.
pub(crate) fn new<P>(name: Name, description: String, parameters: P) -> NewPolicy<P> {
    NewPolicy {
        name,
        naming: Naming::Free,
        description,
        allowance: Allowance::OfProject,
        parameters,
        resource_group: None,
    }
}

/// A phase, and how this face says it.
pub(crate) trait Said: Phase {
    /// What its parameters look like.
    type Shape: for<'a> From<&'a Self>;
}

impl Said for IkeParameters {
    type Shape = IkeShape;
}

impl Said for IpsecParameters {
    type Shape = IpsecShape;
}

/// What a policy is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShape<S> {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// What it says.
    parameters: S,
}

impl<S> NewShape<S> {
    /// What the use case takes.
    pub(crate) fn read<P: TryFrom<S, Error = Problem>>(self) -> Result<NewPolicy<P>, Problem> {
        let parameters = self.parameters.try_into();
        Ok(new(
            name("name", &self.name)?,
            self.description,
            parameters.map_err(|problem: Problem| problem.within("parameters"))?,
        ))
    }
}

/// What to change of a policy; what is left out stays. Connections that name it are negotiated again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeShape<S> {
    name: Option<String>,
    description: Option<String>,
    /// What it says from now on, whole.
    parameters: Option<S>,
}

/// A policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyShape<S> {
    id: Uuid,
    name: String,
    description: String,
    parameters: S,
    /// The connections that name it.
    connections: Vec<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

pub(crate) fn shape<P: Said>(view: &PolicyView<P>) -> PolicyShape<P::Shape> {
    let row = &view.policy;
    let users = view.connections.iter();
    PolicyShape {
        id: P::uuid(row.id),
        name: row.name.to_string(),
        description: row.description.clone(),
        parameters: (&row.parameters).into(),
        connections: users.map(|one| one.connection.id.uuid()).collect(),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

pub(crate) async fn list<P: Said>(
    cx: &Context,
    wanted: &Wanted,
) -> Result<Page<PolicyShape<P::Shape>>, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_policies::<P>(&cx.caller, query).await?;
    let views = cx.control().policy_views(rows).await?;
    let place = |view: &PolicyView<P>| Place::new(view.policy.created_at, P::uuid(view.policy.id));
    Ok(wanted.page(views, place, |view| shape(&view)))
}

pub(crate) async fn create<P: Said>(
    cx: &Context,
    new: NewPolicy<P>,
) -> Result<(StatusCode, HeaderMap, Answer<PolicyShape<P::Shape>>), Problem> {
    let made = cx.control().create_policy(&cx.caller, new).await?;
    let headers = etag(made.policy.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&made))))
}

pub(crate) async fn show<P: Said>(
    cx: &Context,
    id: Uuid,
) -> Result<(HeaderMap, Answer<PolicyShape<P::Shape>>), Problem> {
    let view = cx.control().policy::<P>(&cx.caller, P::id(id)).await?;
    Ok((etag(view.policy.revision), Answer(shape(&view))))
}

pub(crate) async fn update<P>(
    cx: &Context,
    id: Uuid,
    change: ChangeShape<P::Shape>,
) -> Result<(HeaderMap, Answer<PolicyShape<P::Shape>>), Problem>
where
    P: Said + TryFrom<P::Shape, Error = Problem>,
{
    let called = change.name.map(|text| name("name", &text)).transpose()?;
    let parameters = change.parameters.map(P::try_from).transpose();
    let parameters = parameters.map_err(|problem| problem.within("parameters"))?;
    let edit = PolicyEdit {
        expected: cx.if_match()?,
        name: called.map(|called| (called, Naming::Free)),
        description: change.description,
        parameters: |before| parameters.unwrap_or(before),
        only_unused: false,
    };
    let view = cx
        .control()
        .update_policy::<P>(&cx.caller, P::id(id), edit)
        .await?;
    Ok((etag(view.policy.revision), Answer(shape(&view))))
}

pub(crate) async fn delete<P: Said>(cx: &Context, id: Uuid) -> Result<StatusCode, Problem> {
    let expected = cx.if_match()?;
    cx.control()
        .delete_policy::<P>(&cx.caller, P::id(id), expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
