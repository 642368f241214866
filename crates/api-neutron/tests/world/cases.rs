//! Requests that are refused, one after another.

use serde_json::{Value, json};

use super::rows::{connection, legacy_connection};
use super::{Who, World, path, with};

/// What is asked, by whom, and what is answered.
pub(crate) struct Case {
    what: &'static str,
    who: Who,
    request: String,
    body: String,
    status: u16,
    kind: &'static str,
    message: String,
}

/// Cases of one sort, one after another.
#[derive(Default)]
pub(crate) struct Cases(Vec<Case>);

impl Cases {
    /// A request with a raw body.
    pub(crate) fn raw(
        &mut self,
        what: &'static str,
        (request, body): (&str, &str),
        (status, kind, message): (u16, &'static str, &str),
    ) {
        self.0.push(Case {
            what,
            who: Who::Member,
            request: request.to_owned(),
            body: body.to_owned(),
            status,
            kind,
            message: message.to_owned(),
        });
    }

    /// The last one is asked by an administrator.
    pub(crate) fn as_admin(&mut self) {
        self.0.last_mut().unwrap().who = Who::Admin;
    }

    /// A POST of an object.
    pub(crate) fn post(
        &mut self,
        what: &'static str,
        (kind, object): (&str, &Value),
        refusal: (u16, &'static str, &str),
    ) {
        let body = json!({kind: object}).to_string();
        self.raw(what, (&format!("POST {}", path(kind)), &body), refusal);
    }

    /// A PUT of an object.
    pub(crate) fn put(
        &mut self,
        what: &'static str,
        (kind, id, object): (&str, &str, &Value),
        refusal: (u16, &'static str, &str),
    ) {
        let body = json!({kind: object}).to_string();
        self.raw(what, (&format!("PUT {}/{id}", path(kind)), &body), refusal);
    }

    /// A POST of a connection by groups, changed.
    pub(crate) fn conn(
        &mut self,
        what: &'static str,
        change: &Value,
        refusal: (u16, &'static str, &str),
    ) {
        let object = with(connection(), change);
        self.post(what, ("ipsec_site_connection", &object), refusal);
    }

    /// A POST of a connection of a service with a subnet, changed.
    pub(crate) fn legacy(
        &mut self,
        what: &'static str,
        change: &Value,
        refusal: (u16, &'static str, &str),
    ) {
        let object = with(legacy_connection(), change);
        self.post(what, ("ipsec_site_connection", &object), refusal);
    }

    /// Makes the last case somebody's.
    pub(crate) fn by(&mut self, who: Who) {
        self.0.last_mut().unwrap().who = who;
    }

    pub(crate) async fn walk(self, world: &World) {
        for case in self.0 {
            let answer = world.ask(case.who, &case.request, &case.body).await;
            let expected = world.fill(&case.message);
            assert_eq!(
                answer.refused(),
                (case.status, case.kind, expected.as_str()),
                "{}: {} {}",
                case.what,
                case.request,
                case.body
            );
        }
    }
}

/// A 400 of the usual type.
pub(crate) fn bad(message: &str) -> (u16, &'static str, &str) {
    (400, "HTTPBadRequest", message)
}

/// Every member of `expected`, by the short names of this world.
#[track_caller]
pub(crate) fn has(world: &World, object: &Value, expected: &Value) {
    let expected: Value = serde_json::from_str(&world.fill(&expected.to_string())).unwrap();
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(object[name], *value, "{name} of {object}");
    }
}

/// What all network resources have besides.
#[track_caller]
pub(crate) fn has_standard(object: &Value) {
    for name in ["created_at", "updated_at"] {
        assert!(object[name].as_str().unwrap().ends_with('Z'), "{object}");
    }
    assert!(object["revision_number"].is_u64(), "{object}");
    assert_eq!(object["tags"], json!([]));
}
