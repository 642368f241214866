//! Many of a kind in one POST, `{"networks": [...]}`: all of them are made, or none stays.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::body::{self, Values};
use crate::context::Context;
use crate::error::ApiError;
use crate::object::Many;
use crate::resource::{Resource, make, may_create};

/// The objects of a body that is about many, or `None` where it is about one.
pub(crate) fn objects(
    octets: &[u8],
    many: &str,
) -> Result<Option<Vec<Map<String, Value>>>, ApiError> {
    // What is wrong with another body is said by who reads it as one.
    let Ok(Value::Object(mut body)) = serde_json::from_slice(octets) else {
        return Ok(None);
    };
    let Some(objects) = body.remove(many) else {
        return Ok(None);
    };
    let bad = || ApiError::BadRoot {
        root: many.to_owned(),
    };
    let Value::Array(objects) = objects else {
        return Err(bad());
    };
    if objects.is_empty() {
        return Err(ApiError::NoResources);
    }
    let objects = objects.into_iter().map(|object| match object {
        Value::Object(map) => Ok(map),
        _ => Err(bad()),
    });
    objects.collect::<Result<_, _>>().map(Some)
}

/// Makes them, one after the other. Where one is refused, those before it are deleted again.
pub(crate) async fn create<R: Resource>(
    cx: &Context,
    objects: Vec<Map<String, Value>>,
) -> Result<Many, ApiError> {
    let values = objects
        .into_iter()
        .map(|object| body::post_object(object, R::ATTRIBUTES, cx.speaker()));
    let values: Vec<Values> = values.collect::<Result<_, _>>()?;
    may_create::<R>(cx)?;
    let mut ids: Vec<Uuid> = Vec::new();
    let mut made = Vec::new();
    for values in &values {
        match make::<R>(cx, values).await {
            Ok((id, object)) => {
                ids.push(id);
                made.push(object);
            }
            Err(refusal) => {
                for id in ids.into_iter().rev() {
                    // What can't go is used by somebody else already, and theirs to know.
                    let _ = R::delete(cx, id).await;
                }
                return Err(refusal);
            }
        }
    }
    Ok(Many(R::WORDS.many, made))
}
