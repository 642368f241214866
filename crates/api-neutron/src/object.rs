//! What every answer about one thing begins with.

use adit_api::object::Object;
use adit_model::{Name, ProjectId};
use uuid::Uuid;

/// The attributes that every resource has.
pub(crate) fn named(id: Uuid, project: ProjectId, name: &Name, description: &str) -> Object {
    let project = project.uuid();
    let mut object = Object::default();
    object.add("id", &id);
    object.add("project_id", &project.simple());
    object.add("tenant_id", &project.simple());
    object.add("name", name.as_str());
    object.add("description", description);
    object
}

/// The members of a JSON object.
#[cfg(test)]
pub(crate) fn of(value: &serde_json::Value) -> Object {
    let mut object = Object::default();
    for (name, value) in value.as_object().unwrap() {
        object.add(name.clone().leak(), value);
    }
    object
}

/// All of it, read back.
#[cfg(test)]
pub(crate) fn value(object: &Object) -> serde_json::Value {
    let mut octets = Vec::new();
    object.append_to(&mut octets);
    serde_json::from_slice(&octets).unwrap()
}
