//! Fields of a JSON object, read one by one, for dialects whose bodies no table describes. What is
//! wrong with one is an enum that names it; values are never repeated, one may be a key.

use std::fmt;

use axum::body::Body;
use serde_json::{Map, Value};

use crate::body::{self, BodyError};

/// A JSON object, and where it stands in the body.
#[derive(Clone)]
pub struct Fields {
    /// Ends with a dot, unless it is empty.
    at: String,
    map: Map<String, Value>,
}

/// What a field is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// True or false.
    Flag,
    /// A list of anything.
    List,
    /// A whole number from 0 on, of 32 bits.
    Number,
    /// JSON's `{}`.
    Object,
    /// JSON's string.
    Text,
    /// A list of texts.
    Texts,
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FieldError {
    /// It is not there, or `null`.
    #[error("the field `{path}` is required")]
    Missing {
        /// Where it would stand: `peer.address`.
        path: String,
    },
    /// It is something else.
    #[error("the field `{path}` must be {wanted}")]
    Type {
        /// Where it stands.
        path: String,
        /// What it should be.
        wanted: FieldType,
    },
    /// There is no such field.
    #[error("the field `{path}` is not known")]
    Unknown {
        /// Where it stands.
        path: String,
    },
}

impl FieldError {
    /// Where the field stands, or would stand: `peer.address`.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Missing { path } | Self::Type { path, .. } | Self::Unknown { path } => path,
        }
    }

    /// The field alone: `address`.
    #[must_use]
    pub fn name(&self) -> &str {
        let path = self.path();
        path.rsplit_once('.').map_or(path, |(_, name)| name)
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "true or false",
            Self::List => "a list",
            Self::Number => "a whole number of at least 0",
            Self::Object => "an object",
            Self::Text => "a string",
            Self::Texts => "a list of strings",
        })
    }
}

impl Fields {
    /// Those of a whole body.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub async fn read(body: Body) -> Result<Self, BodyError> {
        Ok(Self {
            at: String::new(),
            map: body::object(body).await?,
        })
    }

    /// Those of a value that stands under a name.
    ///
    /// # Errors
    /// It is no object.
    pub fn of(value: &Value, path: &str) -> Result<Self, FieldError> {
        let map = value.as_object().cloned().ok_or_else(|| FieldError::Type {
            path: path.to_owned(),
            wanted: FieldType::Object,
        })?;
        let at = format!("{path}.");
        Ok(Self { at, map })
    }

    /// Where a field of this name stands in the body.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    /// Whether it is there, `null` included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Refuses those that are none of these.
    ///
    /// # Errors
    /// The first one that is not known.
    pub fn check_known(&self, known: &[&str]) -> Result<(), FieldError> {
        let unknown = self.map.keys().find(|name| !known.contains(&name.as_str()));
        unknown.map_or(Ok(()), |name| {
            let path = self.path(name);
            Err(FieldError::Unknown { path })
        })
    }

    /// Whatever stands there, but `null`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        wanted: FieldType,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let read = self.value(name).map(|value| {
            read(value).ok_or_else(|| FieldError::Type {
                path: self.path(name),
                wanted,
            })
        });
        read.transpose()
    }

    fn need<T>(&self, name: &str, found: Option<T>) -> Result<T, FieldError> {
        found.ok_or_else(|| FieldError::Missing {
            path: self.path(name),
        })
    }

    /// A text. Like the readers below: `None` is missing or `null`.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str) -> Result<Option<&str>, FieldError> {
        self.typed(name, FieldType::Text, Value::as_str)
    }

    /// A text that has to be there.
    ///
    /// # Errors
    /// It is missing, or something else.
    pub fn need_text(&self, name: &str) -> Result<&str, FieldError> {
        self.need(name, self.text(name)?)
    }

    /// True or false.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, FieldError> {
        self.typed(name, FieldType::Flag, Value::as_bool)
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is something else, or does not fit.
    pub fn number(&self, name: &str) -> Result<Option<u32>, FieldError> {
        let read = |value: &Value| u32::try_from(value.as_u64()?).ok();
        self.typed(name, FieldType::Number, read)
    }

    /// A list of anything.
    ///
    /// # Errors
    /// It is something else.
    pub fn list(&self, name: &str) -> Result<Option<&[Value]>, FieldError> {
        self.typed(name, FieldType::List, |value| {
            value.as_array().map(Vec::as_slice)
        })
    }

    /// A list of texts.
    ///
    /// # Errors
    /// It is something else.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, FieldError> {
        self.list(name)?;
        self.typed(name, FieldType::Texts, |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// An object.
    ///
    /// # Errors
    /// It is something else.
    pub fn object(&self, name: &str) -> Result<Option<Self>, FieldError> {
        let object = self.value(name);
        let object = object.map(|value| Self::of(value, &self.path(name)));
        object.transpose()
    }

    /// An object that has to be there.
    ///
    /// # Errors
    /// It is missing, or something else.
    pub fn need_object(&self, name: &str) -> Result<Self, FieldError> {
        self.need(name, self.object(name)?)
    }
}

/// Without the values: one may be a key.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_field_and_without_the_value() {
        let body = json!({"peer": {"cidrs": ["10.0.0.0/8", 7], "port": -1}, "psk": ["secret"]});
        let map = body.as_object().unwrap().clone();
        let at = String::new();
        let body = Fields { at, map };
        let peer = body.need_object("peer").unwrap();
        let said = |error: FieldError| (error.to_string(), error.name().to_owned());
        for (error, text, name) in [
            (
                peer.texts("cidrs").unwrap_err(),
                "the field `peer.cidrs` must be a list of strings",
                "cidrs",
            ),
            (
                peer.number("port").unwrap_err(),
                "the field `peer.port` must be a whole number of at least 0",
                "port",
            ),
            (
                peer.need_text("address").unwrap_err(),
                "the field `peer.address` is required",
                "address",
            ),
            (
                body.text("psk").unwrap_err(),
                "the field `psk` must be a string",
                "psk",
            ),
            (
                body.check_known(&["peer"]).unwrap_err(),
                "the field `psk` is not known",
                "psk",
            ),
        ] {
            assert_eq!(said(error), (text.to_owned(), name.to_owned()));
        }
        assert!(!format!("{body:?}").contains("secret"));
    }

    #[test]
    fn null_is_missing() {
        let body = Fields::of(&json!({"name": null, "flag": true}), "thing").unwrap();
        assert!(body.has("name") && body.is_null("name"));
        assert_eq!(body.text("name"), Ok(None));
        assert_eq!(
            (body.flag("flag"), body.list("list")),
            (Ok(Some(true)), Ok(None))
        );
        assert!(body.need_object("name").is_err());
    }
}
