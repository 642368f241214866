//! Many of a kind in one POST, `{"networks": [...]}`: all of them are made, or none stays.

use std::collections::BTreeMap;

use adit_control::{Caller, Noun, Resource as Counted};
use adit_model::ProjectId;
use serde_json::{Map, Value};

use crate::body::{self, Values};
use crate::context::Context;
use crate::error::ApiError;
use crate::handlers::{make, may_create};
use crate::resource::Resource;
use adit_api::object::Many;

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

/// Refuses more than there is room for before any is made.
async fn check_room<R: Resource>(cx: &Context, makers: &[Caller]) -> Result<(), ApiError> {
    let Some(resource) = counted(R::NOUN) else {
        return Ok(());
    };
    let mut projects = BTreeMap::<ProjectId, usize>::new();
    for maker in makers {
        *projects.entry(maker.project).or_default() += 1;
    }
    for (project, more) in projects {
        cx.control.check_room(project, resource, more).await?;
    }
    Ok(())
}

/// As what they are counted.
const fn counted(noun: Noun) -> Option<Counted> {
    Some(match noun {
        Noun::FloatingIp => Counted::FloatingIp,
        Noun::Network => Counted::Network,
        Noun::Port => Counted::Port,
        Noun::Router => Counted::Router,
        Noun::SecurityGroup => Counted::SecurityGroup,
        Noun::SecurityGroupRule => Counted::SecurityGroupRule,
        Noun::Subnet => Counted::Subnet,
        _ => return None,
    })
}

/// Makes them, one after the other, in one unit of work.
pub(crate) async fn create<R: Resource>(
    cx: &Context,
    objects: Vec<Map<String, Value>>,
) -> Result<Many, ApiError> {
    let values = objects
        .into_iter()
        .map(|object| body::post_object(object, R::ATTRIBUTES, cx.speaker()));
    let values: Vec<Values> = values.collect::<Result<_, _>>()?;
    may_create::<R>(cx)?;
    // Another service may have to be asked for whom they are: not while others wait.
    let mut makers = Vec::with_capacity(values.len());
    for values in &values {
        makers.push(cx.maker(values.project).await?);
    }
    let together = cx.control.together().await?;
    let cx = cx.within(&together);
    check_room::<R>(&cx, &makers).await?;
    let mut made = Vec::with_capacity(values.len());
    for values in &values {
        made.push(make::<R>(&cx, values).await?);
    }
    together.commit().await?;
    Ok(Many(R::WORDS.many, made))
}
