//! Lists: a page costs what is on it. The store filters by id, name and project, sorts by id, name
//! and project, and gives a page at a time; what it can't is done here, over as many of its pages
//! as it takes to fill one.

use adit_control::Query;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;
use crate::object::Object;
use crate::query::{Marker, Wanted};
use crate::resource::{Resource, look_up};

/// The rows that are read at once when some are passed over.
const BATCH: u32 = 100;

/// How long a thing is, mostly, in octets.
const USUAL: usize = 2048;

/// A thing, as it is written.
type Thing = (Uuid, Box<[u8]>);

/// The page that was asked for; an empty one for those who may see nothing.
pub(crate) async fn page<R: Resource>(cx: &Context, may: bool) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&cx.query, R::ATTRIBUTES)?;
    let things = match wanted.order() {
        _ if !may || !is_there::<R>(cx, wanted.marker).await? => Vec::new(),
        Some(_) => scan::<R>(cx, &wanted).await?,
        None => sorted::<R>(cx, &wanted).await?,
    };
    let many = R::WORDS.many;
    let written: usize = things.iter().map(|(_, thing)| thing.len() + 1).sum();
    let mut body = Vec::with_capacity(written + 1024);
    body.extend_from_slice(format!("{{\"{many}\":[").as_bytes());
    for (number, (_, thing)) in things.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(thing);
    }
    body.push(b']');
    if let Some(limit) = wanted.limit {
        let links = links(cx, &wanted, limit, &things);
        body.extend_from_slice(format!(",\"{many}_links\":{links}").as_bytes());
    }
    body.push(b'}');
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Writes what is wanted of a thing.
fn write(wanted: &Wanted, mut object: Object) -> Box<[u8]> {
    wanted.trim(&mut object);
    let mut octets = Vec::with_capacity(USUAL);
    // Nothing in it could fail to be written.
    let _ = serde_json::to_writer(&mut octets, &object);
    octets.into()
}

/// Whether a page can start there. What one may not see is not there.
async fn is_there<R: Resource>(cx: &Context, marker: Marker) -> Result<bool, ApiError> {
    match marker {
        Marker::After(id) => Ok(look_up::<R>(cx, id).await?.is_some()),
        _ => Ok(true),
    }
}

async fn rows<R: Resource>(cx: &Context, query: Query) -> Result<Vec<R::Row>, ApiError> {
    let rows = R::page(cx, query).await;
    rows.map_err(|failure| failure.about::<R>(""))
}

/// In the store's order, a batch at a time until the page is full.
async fn scan<R: Resource>(cx: &Context, wanted: &Wanted) -> Result<Vec<Thing>, ApiError> {
    let most = wanted.limit.map(|limit| limit as usize);
    let full = |things: &[Thing]| most.is_some_and(|most| things.len() >= most);
    let mut things = Vec::new();
    let Some(mut query) = wanted.query() else {
        return Ok(things);
    };
    query.limit = match wanted.limit {
        Some(limit) if wanted.scans() => Some(limit.max(BATCH)),
        limit => limit,
    };
    loop {
        let rows = rows::<R>(cx, query.clone()).await?;
        let last = query.limit.is_none_or(|limit| rows.len() < limit as usize);
        query.after = rows.last().map(R::id).or(query.after);
        for row in rows {
            if full(&things) {
                break;
            }
            let object = R::render(cx, &row);
            if wanted.fits(&object) {
                things.push((R::id(&row), write(wanted, object)));
            }
        }
        if last || full(&things) {
            break;
        }
    }
    if wanted.reverse {
        things.reverse();
    }
    Ok(things)
}

/// All that fit, sorted here, and then cut.
async fn sorted<R: Resource>(cx: &Context, wanted: &Wanted) -> Result<Vec<Thing>, ApiError> {
    let Some(mut query) = wanted.query() else {
        return Ok(Vec::new());
    };
    query.after = None;
    let mut things = Vec::new();
    for row in rows::<R>(cx, query).await? {
        let object = R::render(cx, &row);
        if wanted.fits(&object) {
            things.push((R::id(&row), object));
        }
    }
    wanted.sort(&mut things);
    if wanted.reverse {
        things.reverse();
    }
    if let Marker::After(id) = wanted.marker {
        let at = things.iter().position(|(other, _)| *other == id);
        let keep = at.map_or(0, |at| things.len() - at - 1);
        things = things.split_off(things.len() - keep);
    }
    if let Some(limit) = wanted.limit {
        things.truncate(limit as usize);
    }
    if wanted.reverse {
        things.reverse();
    }
    let things = things.into_iter();
    Ok(things
        .map(|(id, object)| (id, write(wanted, object)))
        .collect())
}

/// `next` while the page is full, `previous` always; the other way round in reverse.
fn links(cx: &Context, wanted: &Wanted, limit: u32, things: &[Thing]) -> Value {
    let full = things.len() >= limit as usize;
    let link = |rel: &str, marker: Option<&Thing>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = |name: &str| name != "marker" && name != "page_reverse";
        query.extend_pairs(cx.query.iter().filter(|(name, _)| kept(name)));
        if let Some((id, _)) = marker {
            query.append_pair("marker", &id.to_string());
        }
        if rel == "previous" {
            query.append_pair("page_reverse", "True");
        }
        let path = cx.href(&cx.path);
        json!({"rel": rel, "href": format!("{path}?{}", query.finish())})
    };
    let mut links = Vec::new();
    if full || wanted.reverse {
        links.push(link("next", things.last()));
    }
    if full || !wanted.reverse {
        links.push(link("previous", things.first()));
    }
    Value::Array(links)
}
