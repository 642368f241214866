//! REST: `/rest/v3.1/SoftLayer_NAME[/ID][/METHOD].json`, with the user's name and key as HTTP has them. Without a method it is
//! said by the verb.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use crate::call::{self, Call, Reply};
use crate::fault::Fault;
use crate::services;
use crate::state::Classic;
use crate::xml_rpc::{TOTAL, window};

pub(crate) fn routes() -> Router<Classic> {
    Router::new()
        .route("/rest/v3.1/{*rest}", any(handle))
        .route("/rest/v3/{*rest}", any(handle))
}

async fn handle(
    State(classic): State<Classic>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    verb: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let query = query.unwrap_or_default();
    match reply(&classic, &path, &query, &verb, &headers, body).await {
        Ok((value, total)) => {
            let mut response = json_of(StatusCode::OK, &value);
            if let Some(total) = total {
                response.headers_mut().insert(TOTAL, total.into());
            }
            response
        }
        Err(fault) => {
            let said = json!({"error": fault.text, "code": fault.code});
            let mut response = json_of(fault.status, &said);
            if fault.status == StatusCode::UNAUTHORIZED {
                let value = axum::http::HeaderValue::from_static("Basic realm=\"adit\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
            response
        }
    }
}

fn json_of(status: StatusCode, value: &Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/json")];
    (status, kind, value.to_string()).into_response()
}

async fn reply(
    classic: &Classic,
    path: &str,
    query: &str,
    verb: &Method,
    headers: &HeaderMap,
    body: Body,
) -> Result<Reply, Fault> {
    let (name, key) = call::basic(headers).ok_or_else(Fault::unknown_caller)?;
    let caller = call::who(&classic.control, &name, &key).await?;
    let octets = adit_api::body::octets(body).await?;
    let mut call = read_path(path, verb)?;
    call.arguments = read_body(&octets)?;
    read_query(query, &mut call)?;
    services::answer(classic, caller, &call).await
}

/// Which object's method a path names.
fn read_path(path: &str, verb: &Method) -> Result<Call, Fault> {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".json").unwrap_or(path);
    let mut steps = path.split('/');
    let service = call::service(steps.next().unwrap_or_default()).to_owned();
    let rest: Vec<&str> = steps.collect();
    let id = |text: &str| {
        let id = text.parse::<u32>();
        id.map_err(|_| Fault::not_found(text))
    };
    let (id, method) = match rest[..] {
        [] => (None, None),
        [one] if one.starts_with(|c: char| c.is_ascii_digit()) => (Some(id(one)?), None),
        [method] => (None, Some(method)),
        [one, method] => (Some(id(one)?), Some(method)),
        _ => {
            return Err(Fault::no_method(
                &service,
                rest.last().copied().unwrap_or_default(),
            ));
        }
    };
    let method = match (method, verb.as_str()) {
        (Some(method), _) => method,
        (None, "GET") => "getObject",
        (None, "POST") => "createObject",
        (None, "PUT") => "editObject",
        (None, "DELETE") => "deleteObject",
        (None, other) => return Err(Fault::no_method(&service, other)),
    };
    Ok(Call {
        method: method.to_owned(),
        service,
        id,
        ..Call::default()
    })
}

/// `{"parameters": [...]}`, or nothing.
fn read_body(octets: &[u8]) -> Result<Vec<Value>, Fault> {
    if octets.is_empty() {
        return Ok(Vec::new());
    }
    let malformed = |said: &str| Fault::malformed(said);
    let body: Value = serde_json::from_slice(octets).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Fault::malformed(format!(
            "The body is not JSON: line {line}, column {column}."
        ))
    })?;
    match body {
        Value::Null => Ok(Vec::new()),
        Value::Object(mut body) => match body.remove("parameters") {
            None if body.is_empty() => Ok(Vec::new()),
            Some(Value::Array(arguments)) => Ok(arguments),
            _ => Err(malformed(
                "The body must have its arguments in a list called parameters.",
            )),
        },
        _ => Err(malformed("The body must be an object.")),
    }
}

fn read_query(query: &str, call: &mut Call) -> Result<(), Fault> {
    for (name, value) in pairs(query) {
        match name.as_str() {
            "objectMask" => call.mask = value,
            "objectFilter" => {
                let filter = serde_json::from_str(&value);
                call.filter = filter.map_err(|_| Fault::invalid("objectFilter is not JSON."))?;
            }
            "resultLimit" => {
                let numbers: Option<Vec<u32>> = value
                    .split(',')
                    .map(|part| part.trim().parse().ok())
                    .collect();
                call.window = match numbers.as_deref() {
                    Some(&[limit]) => window(0, limit)?,
                    Some(&[offset, limit]) => window(offset, limit)?,
                    _ => return Err(Fault::invalid("resultLimit is OFFSET,LIMIT.")),
                };
            }
            _ => {}
        }
    }
    Ok(())
}

/// The pairs of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let uri = format!("/?{query}").parse::<axum::http::Uri>();
    let pairs = uri.ok().and_then(|uri| {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
        pairs.ok()
    });
    pairs.map(|pairs| pairs.0).unwrap_or_default()
}
