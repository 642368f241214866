//! Bodies: what is there, and of which type. What is not known here is ignored, as IBM does.
//! Values are never repeated in messages: one of them is a pre-shared key.

use std::str::FromStr;

use adit_api::body;
use adit_control::{Naming, Noun};
use adit_model::Name;
use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::ApiError;
use crate::{Vpc, ids, names};

/// A JSON object, and where it stands in the body.
#[derive(Clone)]
pub(crate) struct Fields {
    at: String,
    map: Map<String, Value>,
}

impl FromRequest<Vpc> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Vpc) -> Result<Self, ApiError> {
        match body::json(request.into_body()).await? {
            Value::Object(map) => Ok(Self {
                at: String::new(),
                map,
            }),
            _ => {
                let message = "The body must be a JSON object.";
                Err(ApiError::bad("bad_request", message))
            }
        }
    }
}

impl Fields {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    pub(crate) fn wrong(&self, name: &str, what: &str) -> ApiError {
        let path = self.path(name);
        ApiError::bad_field(&path, format!("The field `{path}` must be {what}."))
    }

    pub(crate) fn missing(&self, name: &str) -> ApiError {
        let path = self.path(name);
        let message = format!("The field `{path}` is required.");
        ApiError::bad("missing_field", message).field(&path)
    }

    /// Whether it is there, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    /// The value, unless it is missing or `null`.
    fn value(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = value.as_str();
        text.map(Some).ok_or_else(|| self.wrong(name, "a string"))
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let boolean = value.as_bool();
        boolean
            .map(Some)
            .ok_or_else(|| self.wrong(name, "true or false"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a whole number of at least 0"))
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&[Value]>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let list = value.as_array().map(Vec::as_slice);
        list.map(Some).ok_or_else(|| self.wrong(name, "a list"))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, ApiError> {
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        texts
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a list of strings"))
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let map = value.as_object().cloned();
        let map = map.ok_or_else(|| self.wrong(name, "an object"))?;
        let at = format!("{}.", self.path(name));
        Ok(Some(Self { at, map }))
    }

    /// What an identity (`{"id": ..}`, `{"href": ..}` or `{"crn": ..}`) names. The inner `None` is
    /// an id that can't be anything's.
    pub(crate) fn identity<Id: FromStr>(&self, name: &str) -> Result<Option<Option<Id>>, ApiError> {
        let Some(identity) = self.object(name)? else {
            return Ok(None);
        };
        let text = if let Some(id) = identity.text("id")? {
            id
        } else if let Some(href) = identity.text("href")? {
            href.rsplit('/').next().unwrap_or(href)
        } else if let Some(crn) = identity.text("crn")? {
            crn.rsplit(':').next().unwrap_or(crn)
        } else {
            return Err(identity.missing("id"));
        };
        Ok(Some(ids::parse(text)))
    }

    /// The name that is given, or a fresh one.
    pub(crate) fn new_name(&self, cx: &Context, noun: Noun) -> Result<Name, ApiError> {
        let text = self.text("name")?;
        let text = text.map_or_else(names::generate, str::to_owned);
        names::parse(noun, cx.version, &text)
    }

    /// The name to change to, if one is given.
    pub(crate) fn name_change(
        &self,
        cx: &Context,
        noun: Noun,
    ) -> Result<Option<(Name, Naming)>, ApiError> {
        let text = self.text("name")?;
        let name = text.map(|text| names::parse(noun, cx.version, text));
        Ok(name.transpose()?.map(|name| (name, Naming::Unique)))
    }
}
