//! What is answered of one thing. Names of attributes are ours, so none is allocated, and a list
//! writes each object as soon as it is rendered: what a long list costs is mostly this.

use adit_model::{Name, ProjectId};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use uuid::Uuid;

/// The attributes of one thing, each name once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(&'static str, Shown)>);

/// What an attribute is.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Shown {
    Value(Value),
    Written(Box<RawValue>),
}

impl Object {
    /// The attributes that every resource has.
    pub(crate) fn new(id: Uuid, project: ProjectId, name: &Name, description: &str) -> Self {
        let project = project.uuid().simple().to_string();
        let mut object = Self(Vec::with_capacity(32));
        object.extend([
            ("id", json!(id)),
            ("project_id", json!(project)),
            ("tenant_id", json!(project)),
            ("name", json!(name.as_str())),
            ("description", json!(description)),
        ]);
        object
    }

    /// Adds an attribute that nobody looks for or changes: it is written at once.
    pub(crate) fn write(&mut self, name: &'static str, value: &impl Serialize) {
        // Nothing that is shown could fail to be written.
        if let Ok(written) = to_raw_value(value) {
            self.0.push((name, Shown::Written(written)));
        }
    }

    /// An attribute that is a value.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        match found {
            Some((_, Shown::Value(value))) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let found = self.0.iter_mut().find(|(own, _)| *own == name);
        match found {
            Some((_, Shown::Value(value))) => Some(value),
            _ => None,
        }
    }

    /// Sets an attribute that stands there.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.get_mut(name) {
            *place = value;
        }
    }

    /// Takes all but some attributes away.
    pub(crate) fn retain(&mut self, keep: impl Fn(&'static str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }
}

#[cfg(test)]
impl Object {
    /// The members of a JSON object.
    pub(crate) fn of(value: &Value) -> Self {
        let members = value.as_object().unwrap().iter();
        let members = members.map(|(name, value)| (&*name.clone().leak(), value.clone()));
        let mut object = Self::default();
        object.extend(members);
        object
    }
}

/// By names that don't stand there yet.
impl Extend<(&'static str, Value)> for Object {
    fn extend<T: IntoIterator<Item = (&'static str, Value)>>(&mut self, attributes: T) {
        let attributes = attributes.into_iter();
        self.0
            .extend(attributes.map(|(name, value)| (name, Shown::Value(value))));
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The answer about one thing: `{"network": {...}}`.
pub(crate) struct One(pub(crate) &'static str, pub(crate) Object);

impl Serialize for One {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// The answer about many: `{"networks": [...]}`.
pub(crate) struct Many(pub(crate) &'static str, pub(crate) Vec<Object>);

impl Serialize for Many {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}
