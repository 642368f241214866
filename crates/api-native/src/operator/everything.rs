//! What the lists of administrators have in common: they are of all projects.

use adit_control::Caller;
use adit_control::connection::ConnectionView;
use adit_model::project::Role;
use axum::http::StatusCode;

use crate::connections::place;
use crate::context::Context;
use crate::page::{Page, Wanted, Whole};
use crate::problem::Problem;

/// Who sees what all projects have.
pub(super) fn everybody(cx: &Context) -> Result<Caller, Problem> {
    if cx.caller.role != Role::Admin {
        let detail = "what is of all projects is for administrators alone";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok(Caller {
        all_projects: true,
        ..cx.caller
    })
}

/// A page of those connections of all projects that have something to be told.
pub(super) async fn told<T>(
    cx: &Context,
    wanted: &Wanted,
    tell: impl Fn(&ConnectionView) -> Option<T>,
) -> Result<Page<T>, Problem> {
    let caller = everybody(cx)?;
    let mut items = Vec::new();
    let mut whole = Whole::new(wanted.query_of_all()?);
    while let Some(query) = whole.query() {
        let found = cx.control().page_connections(&caller, query).await?;
        for view in whole.cut(found, place) {
            let Some(item) = tell(&view) else { continue };
            if items.len() == wanted.limit() {
                let next = Some(place(&view).to_string());
                return Ok(Page { items, next });
            }
            items.push(item);
        }
    }
    Ok(Page { items, next: None })
}
