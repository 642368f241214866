//! Fields of a body, checked one by one. Texts in refusals are those of Keystone's schemas.

use adit_model::Name;
use axum::body::Body;
use serde_json::{Map, Value};

use crate::domains;
use crate::error::ApiError;

/// The longest description, in octets.
const DESCRIPTION: usize = 4096;

/// A JSON object.
#[derive(Clone, Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object under `key` of a body.
    pub(crate) async fn read(body: Body, key: &str) -> Result<Self, ApiError> {
        match adit_api::body::json(body).await? {
            Value::Object(map) => Self(map).need_object(key),
            _ => Err(ApiError::bad("The request body must be a JSON object.")),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses fields that are none of these.
    pub(crate) fn check_known(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(ApiError::bad(format!(
                "Additional properties are not allowed ('{name}' was unexpected)"
            ))),
            None => Ok(()),
        }
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self(map.clone()))),
            Some(_) => Err(wrong(name, "object")),
        }
    }

    pub(crate) fn need_object(&self, name: &str) -> Result<Self, ApiError> {
        self.object(name)?.ok_or_else(|| lacks(name))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "string")),
        }
    }

    pub(crate) fn need_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| lacks(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong(name, "boolean")),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&[Value]>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(wrong(name, "array")),
        }
    }

    pub(crate) fn name(&self) -> Result<Option<Name>, ApiError> {
        self.text("name")?.map(parse_name).transpose()
    }

    pub(crate) fn need_name(&self) -> Result<Name, ApiError> {
        parse_name(self.need_text("name")?)
    }

    pub(crate) fn description(&self) -> Result<Option<String>, ApiError> {
        let text = self.text("description")?;
        if text.is_some_and(|text| text.len() > DESCRIPTION) {
            return Err(invalid("description", "it is too long"));
        }
        Ok(text.map(str::to_owned))
    }

    /// Refuses a `domain_id` that is not the one domain's.
    pub(crate) fn check_domain(&self) -> Result<(), ApiError> {
        match self.text("domain_id")? {
            Some(id) if id != domains::ID => Err(ApiError::missing("domain", id)),
            _ => Ok(()),
        }
    }

    /// An object of the list under a name, for a list of them.
    pub(crate) fn of(value: &Value, name: &str) -> Result<Self, ApiError> {
        match value {
            Value::Object(map) => Ok(Self(map.clone())),
            _ => Err(wrong(name, "object")),
        }
    }
}

fn parse_name(text: &str) -> Result<Name, ApiError> {
    Name::parse(text).map_err(|error| invalid("name", &error.to_string()))
}

/// Adds a field to an object that is being written.
pub(crate) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(map) = object {
        map.insert(name.to_owned(), value);
    }
}

pub(crate) fn invalid(name: &str, why: &str) -> ApiError {
    ApiError::bad(format!("Invalid input for field '{name}': {why}."))
}

fn wrong(name: &str, kind: &str) -> ApiError {
    invalid(name, &format!("it is not of type '{kind}'"))
}

fn lacks(name: &str) -> ApiError {
    ApiError::bad(format!("'{name}' is a required property"))
}
