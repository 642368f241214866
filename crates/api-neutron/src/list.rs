//! Lists: a page costs what is on it. The store filters by id, name and project, sorts by id, name
//! and project, and gives a page at a time; what it can't is done here, over as many of its pages
//! as it takes to fill one.

use std::ops::Range;

use adit_control::Query;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;
use crate::query::{Marker, Wanted};
use crate::resource::{Resource, look_up};
use adit_api::object::{self, Object};

/// The rows that are read at once when some are passed over.
const BATCH: u32 = 100;

/// Things that were written, one after the other, and where each is.
#[derive(Default)]
struct Written {
    octets: Vec<u8>,
    places: Vec<(Uuid, Range<usize>)>,
}

impl Written {
    /// Writes what is wanted of a thing.
    fn add(&mut self, wanted: &Wanted, id: Uuid, mut object: Object) {
        wanted.trim(&mut object);
        let start = self.octets.len();
        object.append_to(&mut self.octets);
        self.places.push((id, start..self.octets.len()));
    }
}

/// The page that was asked for; an empty one for those who may see nothing.
pub(crate) async fn page<R: Resource>(cx: &Context, may: bool) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&cx.query, R::ATTRIBUTES)?;
    let mut written = match wanted.order() {
        _ if !may || !is_there::<R>(cx, wanted.marker).await? => Written::default(),
        Some(_) => scan::<R>(cx, &wanted).await?,
        None => sorted::<R>(cx, &wanted).await?,
    };
    if wanted.reverse {
        written.places.reverse();
    }
    let many = R::WORDS.many;
    let mut body = Vec::with_capacity(written.octets.len() + written.places.len() + 1024);
    body.extend_from_slice(format!("{{\"{many}\":").as_bytes());
    object::append_list(&mut body, &written.places, |(_, place), body| {
        body.extend_from_slice(written.octets.get(place.clone()).unwrap_or_default());
    });
    if let Some(limit) = wanted.limit {
        let links = links(cx, &wanted, limit, &written.places);
        body.extend_from_slice(format!(",\"{many}_links\":{links}").as_bytes());
    }
    body.push(b'}');
    Ok(object::json(body))
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
async fn scan<R: Resource>(cx: &Context, wanted: &Wanted) -> Result<Written, ApiError> {
    let most = wanted.limit.map(|limit| limit as usize);
    let full = |written: &Written| most.is_some_and(|most| written.places.len() >= most);
    let mut written = Written::default();
    let Some(mut query) = wanted.query() else {
        return Ok(written);
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
            if full(&written) {
                break;
            }
            let object = R::render(cx, &row);
            if wanted.fits(&object) {
                written.add(wanted, R::id(&row), object);
            }
        }
        if last || full(&written) {
            return Ok(written);
        }
    }
}

/// All that fit, sorted here, and then cut.
async fn sorted<R: Resource>(cx: &Context, wanted: &Wanted) -> Result<Written, ApiError> {
    let Some(mut query) = wanted.query() else {
        return Ok(Written::default());
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
    let mut written = Written::default();
    for (id, object) in things {
        written.add(wanted, id, object);
    }
    Ok(written)
}

/// `next` while the page is full, `previous` always; the other way round in reverse.
fn links(cx: &Context, wanted: &Wanted, limit: u32, things: &[(Uuid, Range<usize>)]) -> Value {
    let full = things.len() >= limit as usize;
    let link = |rel: &str, marker: Option<&(Uuid, Range<usize>)>| {
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
