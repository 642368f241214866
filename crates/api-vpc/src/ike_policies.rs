//! `/ike_policies`.

use adit_api::paging::Place;
use adit_control::policy::{NewPolicy, PolicyView};
use adit_control::{Allowance, Naming, Noun, PolicyEdit, Query};
use adit_model::IkePolicyId;
use adit_model::policy::{
    Authentication, DhGroup, Encryption, IkeParameters, IkeVersion, NegotiationMode, Policy,
};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::page::{cut_out, show};
use crate::{Vpc, connections, ids, policy};

const DEFAULT_LIFETIME: u32 = 28_800;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/ike_policies", get(list).post(create))
        .route(
            "/ike_policies/{policy}",
            get(one).patch(update).delete(delete),
        )
        .route("/ike_policies/{policy}/connections", get(users))
}

/// What a body says; `None` is not said.
#[derive(Default)]
struct Change {
    version: Option<IkeVersion>,
    encryption: Option<Vec<Encryption>>,
    authentication: Option<Vec<Authentication>>,
    groups: Option<Vec<DhGroup>>,
    lifetime_s: Option<u32>,
}

impl Change {
    fn read(body: &Fields) -> Result<Self, ApiError> {
        let version = match body.number("ike_version")? {
            None => None,
            Some(1) => Some(IkeVersion::V1),
            Some(2) => Some(IkeVersion::V2),
            Some(_) => return Err(body.wrong("ike_version", "1 or 2")),
        };
        let field = "encryption_algorithm";
        let cbc = |name: &str| policy::encryption(name).filter(|one| !one.is_aead());
        let encryption = policy::names(body, field)?;
        let encryption = encryption.map(|names| policy::each(body, field, &names, cbc));
        let field = "authentication_algorithm";
        let authentication = policy::names(body, field)?;
        let read = policy::authentication;
        let authentication = authentication.map(|names| policy::each(body, field, &names, read));
        Ok(Self {
            version,
            encryption: encryption.transpose()?,
            authentication: authentication.transpose()?,
            groups: groups(body)?,
            lifetime_s: policy::lifetime(body)?,
        })
    }

    fn apply(self, old: IkeParameters) -> IkeParameters {
        IkeParameters {
            version: self.version.unwrap_or(old.version),
            negotiation_mode: old.negotiation_mode,
            encryption: self.encryption.unwrap_or(old.encryption),
            authentication: self.authentication.unwrap_or(old.authentication),
            groups: self.groups.unwrap_or(old.groups),
            lifetime_s: self.lifetime_s.unwrap_or(old.lifetime_s),
        }
    }
}

fn groups(body: &Fields) -> Result<Option<Vec<DhGroup>>, ApiError> {
    let what = "groups 2, 5, 14 to 24 or 31, without repetitions";
    let wrong = |field| body.wrong(field, what);
    let one = body.number("dh_group")?;
    let Some(list) = body.list("dh_groups")? else {
        let one = one.map(|number| policy::group(number.into()).ok_or_else(|| wrong("dh_group")));
        return Ok(one.transpose()?.map(|group| vec![group]));
    };
    if one.is_some() {
        return Err(policy::both(body, "dh_group"));
    }
    let mut groups = Vec::new();
    for number in list {
        let group = number.as_u64().and_then(policy::group);
        let group = group.filter(|group| !groups.contains(group));
        groups.push(group.ok_or_else(|| wrong("dh_groups"))?);
    }
    if groups.is_empty() {
        return Err(wrong("dh_groups"));
    }
    Ok(Some(groups))
}

/// IKEv1 can't say "one of these" without naming every combination.
fn check(body: &Fields, parameters: &IkeParameters) -> Result<(), ApiError> {
    let lengths = [
        parameters.encryption.len(),
        parameters.authentication.len(),
        parameters.groups.len(),
    ];
    if parameters.version == IkeVersion::V1 && lengths != [1; 3] {
        return Err(body.wrong(
            "ike_version",
            "2 when there is more than one of an algorithm",
        ));
    }
    Ok(())
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    let change = Change::read(&body)?;
    let parameters = IkeParameters {
        version: change.version.ok_or_else(|| body.missing("ike_version"))?,
        negotiation_mode: NegotiationMode::Main,
        encryption: change
            .encryption
            .ok_or_else(|| body.missing("encryption_algorithm"))?,
        authentication: change
            .authentication
            .ok_or_else(|| body.missing("authentication_algorithm"))?,
        groups: change.groups.ok_or_else(|| body.missing("dh_group"))?,
        lifetime_s: change.lifetime_s.unwrap_or(DEFAULT_LIFETIME),
    };
    check(&body, &parameters)?;
    let new = NewPolicy {
        name: body.new_name(&cx, Noun::IkePolicy)?,
        naming: Naming::Unique,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters,
    };
    let view = cx.vpc.control.create_policy(&cx.caller, new).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view))))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let query = Query::of_project(cx.caller.project);
    let mut rows = control
        .page_policies::<IkeParameters>(&cx.caller, query)
        .await?;
    rows.retain(|row| policy::is_ike_policy_expressible(&row.parameters));
    let place = |row: &Policy<IkeParameters>| Place::new(row.created_at, row.id.uuid());
    let mut page = cut_out(&cx, rows, place)?;
    let views = control
        .policy_views(std::mem::take(&mut page.items))
        .await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, "ike_policies", "ike_policies", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = cx
        .vpc
        .control
        .policy::<IkeParameters>(&cx.caller, parse(&id)?)
        .await?;
    Ok(Json(render(&cx, &view)))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    let old = control
        .policy::<IkeParameters>(&cx.caller, id)
        .await?
        .policy
        .parameters;
    check(&body, &Change::read(&body)?.apply(old))?;
    let name = body.name_change(&cx, Noun::IkePolicy)?;
    let change = Change::read(&body)?;
    let edit = PolicyEdit {
        name,
        description: None,
        parameters: |old| change.apply(old),
        only_unused: false,
    };
    let view = control.update_policy(&cx.caller, id, edit).await?;
    Ok(Json(render(&cx, &view)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc
        .control
        .delete_policy::<IkeParameters>(&cx.caller, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn users(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = parse(&id)?;
    let view = cx
        .vpc
        .control
        .policy::<IkeParameters>(&cx.caller, id)
        .await?;
    let path = format!("ike_policies/{}/connections", cx.regional(id.uuid()));
    connections::list_page(&cx, &path, view.connections)
}

fn parse(text: &str) -> Result<IkePolicyId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::IkePolicy, text))
}

fn render(cx: &Context, view: &PolicyView<IkeParameters>) -> Value {
    let (row, says) = (&view.policy, &view.policy.parameters);
    let id = cx.regional(row.id.uuid());
    let path = format!("ike_policies/{id}");
    let encryption = says.encryption.iter();
    let encryption: Vec<Value> = encryption
        .map(|one| json!(policy::encryption_name(cx, *one)))
        .collect();
    let authentication = says.authentication.iter();
    let authentication: Vec<Value> = authentication
        .map(|one| json!(policy::authentication_name(*one)))
        .collect();
    let groups: Vec<Value> = says.groups.iter().map(|one| json!(one.number())).collect();
    let several = json!("multiple");
    json!({
        "id": id,
        "href": cx.href(&path),
        "name": row.name.as_str(),
        "created_at": cx.time(row.created_at),
        "resource_type": "ike_policy",
        "resource_group": cx.resource_group(),
        "ike_version": match says.version { IkeVersion::V1 => 1, IkeVersion::V2 => 2 },
        "encryption_algorithm": policy::single(&encryption, Value::Null, several.clone()),
        "encryption_algorithms": encryption,
        "authentication_algorithm": policy::single(&authentication, Value::Null, several),
        "authentication_algorithms": authentication,
        "dh_group": policy::single(&groups, Value::Null, json!(65_535)),
        "dh_groups": groups,
        "key_lifetime": says.lifetime_s,
        "negotiation_mode": "main",
        "connections": connections::references(cx, &view.connections),
    })
}
