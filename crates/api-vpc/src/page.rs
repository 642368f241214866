//! Lists as IBM pages them.

use adit_api::paging::{Page, Place, cut, head};
use adit_control::{Listed, Part};
use axum::Json;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::error::ApiError;

/// Renders the page that was asked for, of a list that is oldest first. `path` is the list's.
pub(crate) fn page<T>(
    cx: &Context,
    path: &str,
    name: &str,
    items: Vec<T>,
    place: impl Fn(&T) -> Place,
    render: impl Fn(&T) -> Value,
) -> Result<Json<Value>, ApiError> {
    let page = cut_out(cx, items, place)?;
    let rendered = page.items.iter().map(render).collect();
    show(cx, path, name, &page, rendered)
}

/// Which part of a list that is.
pub(crate) fn part(cx: &Context) -> Result<Part, ApiError> {
    Ok(Part {
        from: cx.start()?.map(Place::parts),
        limit: u32::try_from(cx.limit()?).ok(),
    })
}

/// The page that [`part`] asked for, as it was found.
pub(crate) fn head_of<T>(
    cx: &Context,
    found: Listed<T>,
    place: impl Fn(&T) -> Place,
) -> Result<Page<T>, ApiError> {
    Ok(head(found.rows, place, cx.limit()?, found.total))
}

/// The page that was asked for. What is dear to look at is looked at for it alone, between this and
/// [`show`].
pub(crate) fn cut_out<T>(
    cx: &Context,
    items: Vec<T>,
    place: impl Fn(&T) -> Place,
) -> Result<Page<T>, ApiError> {
    Ok(cut(items, place, cx.start()?, cx.limit()?))
}

/// A page with what is on it, rendered.
pub(crate) fn show<T>(
    cx: &Context,
    path: &str,
    name: &str,
    page: &Page<T>,
    rendered: Vec<Value>,
) -> Result<Json<Value>, ApiError> {
    let limit = cx.limit()?;
    let href = |start: &str| {
        let separator = if path.contains('?') { '&' } else { '?' };
        json!({"href": cx.href(&format!("{path}{separator}limit={limit}{start}"))})
    };
    let mut body = Map::new();
    body.insert("first".to_owned(), href(""));
    body.insert("limit".to_owned(), json!(limit));
    body.insert("total_count".to_owned(), json!(page.total));
    if let Some(next) = page.next {
        body.insert("next".to_owned(), href(&format!("&start={next}")));
    }
    body.insert(name.to_owned(), Value::Array(rendered));
    Ok(Json(Value::Object(body)))
}
