//! `/ipsec_policies`.

use adit_api::paging::Place;
use adit_control::policy::{NewPolicy, PolicyView};
use adit_control::{Allowance, Naming, Noun, PolicyEdit, Query};
use adit_model::IpsecPolicyId;
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IpsecParameters, Policy, Transform,
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

const DEFAULT_LIFETIME: u32 = 3_600;

/// The word for no integrity algorithm beside the cipher's own, and for no forward secrecy.
const DISABLED: &str = "disabled";

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/ipsec_policies", get(list).post(create))
        .route(
            "/ipsec_policies/{policy}",
            get(one).patch(update).delete(delete),
        )
        .route("/ipsec_policies/{policy}/connections", get(users))
}

/// What a body says; `None` is not said.
#[derive(Default)]
struct Change {
    encryption: Option<Vec<Encryption>>,
    authentication: Option<Vec<Authentication>>,
    pfs: Option<Vec<DhGroup>>,
    lifetime_s: Option<u32>,
}

impl Change {
    fn read(body: &Fields) -> Result<Self, ApiError> {
        let field = "encryption_algorithm";
        let encryption = policy::names(body, field)?;
        let read = policy::encryption;
        let encryption = encryption.map(|names| policy::each(body, field, &names, read));
        let field = "authentication_algorithm";
        let authentication = policy::names(body, field)?.map(|names| match names[..] {
            [DISABLED] => Ok(Vec::new()),
            _ => policy::each(body, field, &names, policy::authentication),
        });
        Ok(Self {
            encryption: encryption.transpose()?,
            authentication: authentication.transpose()?,
            pfs: pfs(body)?,
            lifetime_s: policy::lifetime(body)?,
        })
    }

    fn apply(self, old: IpsecParameters) -> IpsecParameters {
        IpsecParameters {
            transform: old.transform,
            encapsulation: old.encapsulation,
            encryption: self.encryption.unwrap_or(old.encryption),
            authentication: self.authentication.unwrap_or(old.authentication),
            pfs: self.pfs.unwrap_or(old.pfs),
            lifetime_s: self.lifetime_s.unwrap_or(old.lifetime_s),
        }
    }
}

/// `pfs`, or `pfs_groups`.
fn pfs(body: &Fields) -> Result<Option<Vec<DhGroup>>, ApiError> {
    let (one, many) = (body.text("pfs")?, body.texts("pfs_groups")?);
    let names = match (one, many) {
        (Some(_), Some(_)) => return Err(body.wrong("pfs", "left out when pfs_groups is given")),
        (Some(one), None) => vec![one],
        (None, Some(many)) => many,
        (None, None) => return Ok(None),
    };
    if names == [DISABLED] {
        return Ok(Some(Vec::new()));
    }
    if names.is_empty() {
        return Err(body.wrong("pfs_groups", "a list of one or more"));
    }
    let read = |name: &str| policy::group(name.strip_prefix("group_")?.parse().ok()?);
    policy::each(body, "pfs", &names, read).map(Some)
}

/// A cipher with its own integrity goes without another algorithm, and beside no other cipher.
fn check(body: &Fields, parameters: &IpsecParameters) -> Result<(), ApiError> {
    let aead = parameters.encryption.iter().filter(|one| one.is_aead());
    let aead = aead.count();
    if aead != 0 && aead != parameters.encryption.len() {
        let what = "either all with or all without their own integrity";
        return Err(body.wrong("encryption_algorithms", what));
    }
    if (aead != 0) != parameters.authentication.is_empty() {
        let what = "`disabled` with GCM ciphers, and only with those";
        return Err(body.wrong("authentication_algorithm", what));
    }
    Ok(())
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    let change = Change::read(&body)?;
    let parameters = IpsecParameters {
        transform: Transform::Esp,
        encapsulation: Encapsulation::Tunnel,
        encryption: change
            .encryption
            .ok_or_else(|| body.missing("encryption_algorithm"))?,
        authentication: change
            .authentication
            .ok_or_else(|| body.missing("authentication_algorithm"))?,
        pfs: change.pfs.ok_or_else(|| body.missing("pfs"))?,
        lifetime_s: change.lifetime_s.unwrap_or(DEFAULT_LIFETIME),
    };
    check(&body, &parameters)?;
    let new = NewPolicy {
        name: body.new_name(&cx, Noun::IpsecPolicy)?,
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
        .page_policies::<IpsecParameters>(&cx.caller, query)
        .await?;
    rows.retain(|row| policy::is_ipsec_policy_expressible(&row.parameters));
    let place = |row: &Policy<IpsecParameters>| Place::new(row.created_at, row.id.uuid());
    let mut page = cut_out(&cx, rows, place)?;
    let views = control
        .policy_views(std::mem::take(&mut page.items))
        .await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, "ipsec_policies", "ipsec_policies", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = cx
        .vpc
        .control
        .policy::<IpsecParameters>(&cx.caller, parse(&id)?)
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
        .policy::<IpsecParameters>(&cx.caller, id)
        .await?
        .policy
        .parameters;
    check(&body, &Change::read(&body)?.apply(old))?;
    let name = body.name_change(&cx, Noun::IpsecPolicy)?;
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
        .delete_policy::<IpsecParameters>(&cx.caller, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn users(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = parse(&id)?;
    let view = cx
        .vpc
        .control
        .policy::<IpsecParameters>(&cx.caller, id)
        .await?;
    let path = format!("ipsec_policies/{}/connections", cx.regional(id.uuid()));
    connections::list_page(&cx, &path, view.connections)
}

fn parse(text: &str) -> Result<IpsecPolicyId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::IpsecPolicy, text))
}

fn render(cx: &Context, view: &PolicyView<IpsecParameters>) -> Value {
    let (row, says) = (&view.policy, &view.policy.parameters);
    let id = cx.regional(row.id.uuid());
    let path = format!("ipsec_policies/{id}");
    let encryption = says.encryption.iter();
    let encryption: Vec<Value> = encryption
        .map(|one| json!(policy::encryption_name(cx, *one)))
        .collect();
    let or_disabled = |mut list: Vec<Value>| {
        if list.is_empty() {
            list.push(json!(DISABLED));
        }
        list
    };
    let authentication = says.authentication.iter();
    let authentication = authentication.map(|one| json!(policy::authentication_name(*one)));
    let authentication = or_disabled(authentication.collect());
    let pfs = says.pfs.iter();
    let pfs = pfs.map(|one| json!(format!("group_{}", one.number())));
    let pfs = or_disabled(pfs.collect());
    let several = || json!("multiple");
    json!({
        "id": id,
        "href": cx.href(&path),
        "name": row.name.as_str(),
        "created_at": cx.time(row.created_at),
        "resource_type": "ipsec_policy",
        "resource_group": cx.resource_group(),
        "encryption_algorithm": policy::single(&encryption, Value::Null, several()),
        "encryption_algorithms": encryption,
        "authentication_algorithm": policy::single(&authentication, Value::Null, several()),
        "authentication_algorithms": authentication,
        "pfs": policy::single(&pfs, Value::Null, several()),
        "pfs_groups": pfs,
        "key_lifetime": says.lifetime_s,
        "encapsulation_mode": "tunnel",
        "transform_protocol": "esp",
        "connections": connections::references(cx, &view.connections),
    })
}
