//! Objects that are made of parts.

use serde_json::Value;

/// An object with the members of another one, too.
pub(crate) fn joined(mut base: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut base, more) {
        members.extend(more);
    }
    base
}

/// A member, taken out of an object; nothing where there is none.
pub(crate) fn taken(mut object: Value, name: &str) -> Value {
    object.get_mut(name).map(Value::take).unwrap_or_default()
}
