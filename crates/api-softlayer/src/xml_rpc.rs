//! XML-RPC: `POST /xmlrpc/v3.1/SoftLayer_NAME`. The first parameter has the headers of the call: who makes it, the object,
//! a mask, a filter. A fault has status 200 too.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value};

use crate::arguments::{number, text};
use crate::call::{self, Call, Reply, Window};
use crate::fault::Fault;
use crate::services;
use crate::state::Classic;
use crate::xml;

/// How many there are, of which an answer may have a part.
pub(crate) const TOTAL: HeaderName = HeaderName::from_static("softlayer-total-items");

pub(crate) fn routes() -> Router<Classic> {
    Router::new()
        .route("/xmlrpc/v3.1/{service}", post(handle))
        .route("/xmlrpc/v3/{service}", post(handle))
}

async fn handle(
    State(classic): State<Classic>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let outcome = reply(&classic, &service, &headers, body).await;
    let (text, total) = match &outcome {
        Ok((value, total)) => (xml::write_answer(value), *total),
        Err(fault) => (xml::write_fault(fault), None),
    };
    let mut response = ([(CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response();
    if let Some(total) = total {
        response.headers_mut().insert(TOTAL, total.into());
    }
    response
}

async fn reply(
    classic: &Classic,
    service: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Reply, Fault> {
    let octets = adit_api::body::octets(body).await?;
    let (method, params) = xml::read_call(&octets)?;
    let mut params = params.into_iter();
    let first = params.next().unwrap_or_default();
    let said = match first.get("headers") {
        Some(Value::Object(said)) => said.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(Fault::invalid("headers must be an object.")),
    };
    let (name, key) = credentials(&said, headers)?;
    let caller = call::who(&classic.control, &name, &key).await?;
    let call = Call {
        service: call::service(service).to_owned(),
        method,
        arguments: params.collect(),
        ..read_headers(service, &said)?
    };
    services::answer(classic, caller, &call).await
}

fn credentials(said: &Map<String, Value>, headers: &HeaderMap) -> Result<(String, String), Fault> {
    let Some(said) = said.get("authenticate") else {
        return call::basic(headers).ok_or_else(Fault::unknown_caller);
    };
    let member = |name| said.get(name).and_then(Value::as_str);
    match (member("username"), member("apiKey")) {
        (Some(name), Some(key)) => Ok((name.to_owned(), key.to_owned())),
        _ => Err(Fault::unknown_caller()),
    }
}

/// The headers of a call. Those of other services than the one that is called are none of it.
fn read_headers(service: &str, said: &Map<String, Value>) -> Result<Call, Fault> {
    let mut call = Call::default();
    let own = |suffix: &str| said.get(&format!("{service}{suffix}"));
    if let Some(parameters) = own("InitParameters") {
        let id = parameters.get("id").unwrap_or(&Value::Null);
        call.id = Some(number("id", id)?);
    }
    let mask = said
        .get("SoftLayer_ObjectMask")
        .or_else(|| own("ObjectMask"));
    if let Some(mask) = mask {
        let mask = mask.get("mask").unwrap_or(&Value::Null);
        call.mask = text("mask", mask)?;
    }
    if let Some(filter) = own("ObjectFilter") {
        call.filter = filter.clone();
    }
    if let Some(limit) = said.get("resultLimit") {
        let of = |name| match limit.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => number(name, value),
        };
        call.window = window(of("offset")?, of("limit")?)?;
    }
    Ok(call)
}

/// A part of a list; a limit of 0 is none.
pub(crate) fn window(offset: u32, limit: u32) -> Result<Window, Fault> {
    let size =
        |number| usize::try_from(number).map_err(|_| Fault::invalid("A limit is too large."));
    Ok(Window {
        offset: size(offset)?,
        limit: Some(size(limit)?).filter(|limit| *limit > 0),
    })
}
