//! Lists as IBM pages them.

use adit_api::paging::{Page as Cut, Place, cut, head};
use adit_control::{Listed, Part};
use axum::Json;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::error::ApiError;

/// A page, before what is on it is rendered.
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// The `start` of the next one, unless this is the last.
    pub(crate) next: Option<String>,
    /// How many there are on all pages.
    pub(crate) total: usize,
}

impl<T> From<Cut<T>> for Page<T> {
    fn from(page: Cut<T>) -> Self {
        Self {
            items: page.items,
            next: page.next.map(|place| place.to_string()),
            total: page.total,
        }
    }
}

impl<T> Page<T> {
    /// Takes what is on it, for something that is dear to look at and is put back.
    pub(crate) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }
}

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

/// Which part of a list is to be read: the page, or all of it where what no row says has to be
/// looked for.
pub(crate) fn part(cx: &Context) -> Result<Part, ApiError> {
    let (start, limit) = (cx.start(), cx.limit()?);
    if cx.has_filters() {
        return Ok(Part::default());
    }
    Ok(Part {
        from: start?.map(Place::parts),
        limit: u32::try_from(limit).ok(),
    })
}

/// The page out of the [`part`] that was read. Where that is all, `keep` says what is on any page.
pub(crate) fn page_of<T>(
    cx: &Context,
    found: Listed<T>,
    place: impl Fn(&T) -> Place,
    keep: impl Fn(&T) -> bool,
) -> Result<Page<T>, ApiError> {
    if cx.has_filters() {
        let kept = found.rows.into_iter().filter(keep).collect();
        return cut_out(cx, kept, place);
    }
    Ok(head(found.rows, place, cx.limit()?, found.total).into())
}

/// The page that was asked for, of a whole list. What is dear to look at is looked at for it alone,
/// between this and [`show`].
pub(crate) fn cut_out<T>(
    cx: &Context,
    items: Vec<T>,
    place: impl Fn(&T) -> Place,
) -> Result<Page<T>, ApiError> {
    Ok(cut(items, place, cx.start()?, cx.limit()?).into())
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
    let asked = cx.filters();
    let href = |start: &str| {
        let query = format!("limit={limit}{asked}{start}");
        json!({"href": cx.href(&format!("{path}?{query}"))})
    };
    let mut body = Map::new();
    body.insert("first".to_owned(), href(""));
    body.insert("limit".to_owned(), json!(limit));
    body.insert("total_count".to_owned(), json!(page.total));
    if let Some(next) = &page.next {
        body.insert("next".to_owned(), href(&format!("&start={next}")));
    }
    body.insert(name.to_owned(), Value::Array(rendered));
    Ok(Json(Value::Object(body)))
}
