//! What is answered of one thing: each attribute is written as soon as it is known, and what a
//! filter looks for is read back. What a long list costs is mostly this.

use std::ops::Range;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// How long a thing is, mostly, in octets.
const USUAL: usize = 2048;

/// The attributes of one thing, each name once, in JSON.
#[derive(Clone, Debug)]
pub struct Object {
    octets: Vec<u8>,
    attributes: Vec<(&'static str, Range<usize>)>,
}

impl Default for Object {
    fn default() -> Self {
        Self {
            octets: Vec::with_capacity(USUAL),
            attributes: Vec::with_capacity(32),
        }
    }
}

impl Object {
    /// Adds an attribute that is not there yet.
    pub fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let place = self.write(value);
        self.attributes.push((name, place));
    }

    /// Adds an attribute that lists what has attributes itself.
    pub fn list(&mut self, name: &'static str, objects: impl Iterator<Item = Self>) {
        let start = self.octets.len();
        let objects: Vec<_> = objects.collect();
        append_list(&mut self.octets, &objects, Self::append_to);
        self.attributes.push((name, start..self.octets.len()));
    }

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Range<usize> {
        let start = self.octets.len();
        // Nothing that is shown could fail to be written.
        let _ = serde_json::to_writer(&mut self.octets, value);
        start..self.octets.len()
    }

    /// An attribute, read back.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        let (_, place) = self.attributes.iter().find(|(own, _)| *own == name)?;
        serde_json::from_slice(self.octets.get(place.clone())?).ok()
    }

    /// Sets an attribute that stands there.
    pub fn set(&mut self, name: &str, value: &Value) {
        let place = self.write(value);
        let found = self.attributes.iter_mut().find(|(own, _)| *own == name);
        if let Some((_, old)) = found {
            *old = place;
        }
    }

    /// Takes all but some attributes away.
    pub fn retain(&mut self, keep: impl Fn(&'static str) -> bool) {
        self.attributes.retain(|(name, _)| keep(name));
    }

    /// Appends all of it.
    pub fn append_to(&self, octets: &mut Vec<u8>) {
        octets.push(b'{');
        for (number, (name, place)) in self.attributes.iter().enumerate() {
            octets.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
            octets.extend_from_slice(name.as_bytes());
            octets.extend_from_slice(b"\":");
            octets.extend_from_slice(self.octets.get(place.clone()).unwrap_or_default());
        }
        octets.push(b'}');
    }
}

/// By names that don't stand there yet.
impl Extend<(&'static str, Value)> for Object {
    fn extend<T: IntoIterator<Item = (&'static str, Value)>>(&mut self, attributes: T) {
        for (name, value) in attributes {
            self.add(name, &value);
        }
    }
}

/// Appends a list of what appends itself.
pub fn append_list<T>(octets: &mut Vec<u8>, things: &[T], append: impl Fn(&T, &mut Vec<u8>)) {
    octets.push(b'[');
    for (number, thing) in things.iter().enumerate() {
        if number > 0 {
            octets.push(b',');
        }
        append(thing, octets);
    }
    octets.push(b']');
}

/// The answer about one thing: `{"network": {...}}`.
#[derive(Clone, Debug)]
pub struct One(pub &'static str, pub Object);

impl IntoResponse for One {
    fn into_response(self) -> Response {
        let mut body = format!("{{\"{}\":", self.0).into_bytes();
        self.1.append_to(&mut body);
        body.push(b'}');
        json(body)
    }
}

/// The answer about many: `{"networks": [...]}`.
#[derive(Clone, Debug)]
pub struct Many(pub &'static str, pub Vec<Object>);

impl IntoResponse for Many {
    fn into_response(self) -> Response {
        let mut body = format!("{{\"{}\":", self.0).into_bytes();
        append_list(&mut body, &self.1, Object::append_to);
        body.push(b'}');
        json(body)
    }
}

/// An answer that is JSON already.
#[must_use]
pub fn json(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
