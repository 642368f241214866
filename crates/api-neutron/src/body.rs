//! Request bodies, checked by a resource's table in the order in which Neutron checks them: JSON,
//! the root key, names that are not known, whose it is, what may not be said, what must be, and
//! each value in the table's order.

use std::net::IpAddr;

use adit_api::ids;
use adit_control::CryptoProfile;
use adit_model::{Cidr, Name, ProjectId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, Default, NAME, PROJECT, named};
use crate::error::ApiError;
use crate::kind::{Given, Kind, Wrong};
use crate::object::Object;
use crate::words::Word;

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker {
    pub(crate) project: ProjectId,
    /// Whether of other projects' things too.
    pub(crate) is_admin: bool,
    /// Which algorithms this service allows.
    pub(crate) profile: CryptoProfile,
}

/// What a body says.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// Whose it is to be, where that is not the caller's project.
    pub(crate) project: Option<ProjectId>,
    given: Vec<(&'static str, Given)>,
    /// Members of objects that were written as texts of digits: the answer repeats them so.
    as_text: Vec<(&'static str, &'static str, Value)>,
}

/// Reads a POST's body.
pub(crate) fn post(
    octets: &[u8],
    root: &str,
    attributes: &'static [Attribute],
    speaker: Speaker,
) -> Result<Values, ApiError> {
    if octets.is_empty() {
        return Err(ApiError::NoBody);
    }
    post_object(open(octets, root)?, attributes, speaker)
}

/// Reads what is under the root key of a POST's body.
pub(crate) fn post_object(
    mut map: Map<String, Value>,
    attributes: &'static [Attribute],
    speaker: Speaker,
) -> Result<Values, ApiError> {
    known(&map, attributes)?;
    let project = project(&map, speaker)?;
    for attribute in attributes.iter().filter(|one| one.post.is_none()) {
        if map.contains_key(attribute.name) {
            let name = attribute.name.to_owned();
            return Err(ApiError::NotInPost { name });
        }
    }
    for attribute in attributes {
        let Some(default) = attribute.post else {
            continue;
        };
        if map.contains_key(attribute.name) {
            continue;
        }
        let value = match default {
            Default::Empty | Default::Null => Value::Null,
            Default::Number(number) => json!(number),
            Default::Nothing | Default::Own => continue,
            Default::Required => {
                let name = attribute.name.to_owned();
                return Err(ApiError::Required { name });
            }
            Default::Strength { strict, .. } if speaker.profile == CryptoProfile::Strict => {
                json!(strict)
            }
            Default::Strength { usual: text, .. } | Default::Text(text) => json!(text),
            Default::True => json!(true),
        };
        map.insert(attribute.name.to_owned(), value);
    }
    Values::read(&map, attributes, project, speaker)
}

/// Reads a PUT's body.
pub(crate) fn put(
    octets: &[u8],
    root: &str,
    attributes: &'static [Attribute],
    speaker: Speaker,
) -> Result<Values, ApiError> {
    if octets.is_empty() {
        return Err(ApiError::EmptyBody);
    }
    let map = open(octets, root)?;
    known(&map, attributes)?;
    let project = project(&map, speaker)?;
    for attribute in attributes.iter().filter(|one| !one.put) {
        let is_project = attribute.name == PROJECT.name && map.contains_key("project_id");
        if is_project || map.contains_key(attribute.name) {
            let name = attribute.name.to_owned();
            return Err(ApiError::ReadOnly { name });
        }
    }
    Values::read(&map, attributes, project, speaker)
}

/// A body that is an object without a root key.
pub(crate) fn plain(octets: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if octets.is_empty() {
        return Err(ApiError::NoBody);
    }
    let body: Value = serde_json::from_slice(octets).map_err(|_| ApiError::NotJson)?;
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(ApiError::NoObject),
    }
}

/// The object under the root key.
pub(crate) fn open(octets: &[u8], root: &str) -> Result<Map<String, Value>, ApiError> {
    let body: Value = serde_json::from_slice(octets).map_err(|_| ApiError::NotJson)?;
    let Value::Object(mut body) = body else {
        return Err(ApiError::NoObject);
    };
    let root = root.to_owned();
    match body.remove(&root) {
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(ApiError::BadRoot { root }),
        None => Err(ApiError::NoRoot { root }),
    }
}

fn known(map: &Map<String, Value>, attributes: &[Attribute]) -> Result<(), ApiError> {
    let unknown: Vec<&str> = map
        .keys()
        .map(String::as_str)
        .filter(|name| named(attributes, name).is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.join(", ");
    Err(ApiError::Unrecognized { names })
}

/// Whose it is to be, under either name, unless neither is there.
fn project(map: &Map<String, Value>, speaker: Speaker) -> Result<Option<Value>, ApiError> {
    let id = |value: &Value| value.as_str().and_then(ids::parse);
    let (new, old) = (map.get("project_id"), map.get(PROJECT.name));
    if let (Some(new), Some(old)) = (new, old)
        && new != old
        && (id(new).is_none() || id(new) != id(old))
    {
        return Err(ApiError::TwoProjects);
    }
    let given = new.or(old);
    let own = Some(speaker.project.uuid());
    if !speaker.is_admin && given.is_some_and(|given| id(given) != own) {
        return Err(ApiError::ForeignProject);
    }
    Ok(given.cloned())
}

impl Values {
    fn read(
        map: &Map<String, Value>,
        attributes: &'static [Attribute],
        project: Option<Value>,
        speaker: Speaker,
    ) -> Result<Self, ApiError> {
        let mut values = Self {
            project: None,
            given: Vec::new(),
            as_text: Vec::new(),
        };
        for attribute in attributes {
            if attribute.name == PROJECT.name {
                if let Some(project) = &project {
                    values.project = other_project(project, speaker)?;
                }
                continue;
            }
            let Some(value) = map.get(attribute.name) else {
                continue;
            };
            let legacy = attribute.legacy.filter(|word| value == word);
            let given = match legacy.filter(|_| speaker.profile == CryptoProfile::Legacy) {
                Some(word) => Ok(Given::Text(word.to_owned())),
                None => attribute.kind.read(value),
            };
            let given = given.map_err(|wrong| match wrong {
                Wrong::Conversion(reason) => ApiError::Input { reason },
                Wrong::Value(reason) => ApiError::attribute(attribute.name, reason),
            })?;
            values.given.push((attribute.name, given));
            // Neutron repeats a lifetime of "2000" so, and its tests want to see it.
            if let Kind::Dict(members) = attribute.kind {
                values.note_texts(attribute.name, value, members);
            }
        }
        Ok(values)
    }

    fn note_texts(
        &mut self,
        name: &'static str,
        value: &Value,
        members: &'static [(&'static str, Kind)],
    ) {
        for (member, kind) in members {
            let number = matches!(kind, Kind::AtLeast(_));
            if let Some(text) = value
                .get(member)
                .filter(|value| number && value.is_string())
            {
                self.as_text.push((name, member, text.clone()));
            }
        }
    }

    /// Puts back into an answer what was written as a text of digits. Later answers have numbers.
    pub(crate) fn echo(&self, object: &mut Object) {
        for (name, member, text) in &self.as_text {
            if let Some(Value::Object(mut inner)) = object.get(name) {
                inner.insert((*member).to_owned(), text.clone());
                object.set(name, &Value::Object(inner));
            }
        }
    }

    /// What was given under a name, or stands there by default.
    pub(crate) fn get(&self, name: &str) -> Option<&Given> {
        let found = self.given.iter().find(|(given, _)| *given == name);
        found.map(|(_, given)| given)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Given::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        match self.get(name) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// An id; the inner `None` is `null`.
    pub(crate) fn uuid(&self, name: &str) -> Option<Option<Uuid>> {
        match self.get(name) {
            Some(Given::Id(id)) => Some(Some(*id)),
            Some(Given::Null) => Some(None),
            _ => None,
        }
    }

    pub(crate) fn cidrs(&self, name: &str) -> Option<&[Cidr]> {
        match self.get(name) {
            Some(Given::Cidrs(cidrs)) => Some(cidrs),
            _ => None,
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// An IP address; the inner `None` is `null`.
    pub(crate) fn ip(&self, name: &str) -> Option<Option<IpAddr>> {
        match self.get(name) {
            Some(Given::Ip(ip)) => Some(Some(*ip)),
            Some(Given::Null) => Some(None),
            _ => None,
        }
    }

    /// A value that the resource reads by itself.
    pub(crate) fn any(&self, name: &str) -> Option<&Value> {
        match self.get(name) {
            Some(Given::Any(value)) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        match self.get(name) {
            Some(Given::List(list)) => Some(list),
            _ => None,
        }
    }

    /// A member of an object.
    pub(crate) fn member(&self, name: &str, member: &str) -> Option<&Given> {
        let Some(Given::Dict(members)) = self.get(name) else {
            return None;
        };
        let found = members.iter().find(|(given, _)| *given == member);
        found.map(|(_, given)| given)
    }

    pub(crate) fn name(&self) -> Option<Name> {
        match self.get(NAME.name) {
            Some(Given::Name(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// An id that a POST must have.
    pub(crate) fn required(&self, name: &str) -> Result<Uuid, ApiError> {
        self.uuid(name).flatten().ok_or(ApiError::Internal)
    }

    /// A choice.
    pub(crate) fn word<W: Word>(&self, name: &str) -> Option<W> {
        self.text(name).and_then(W::parse)
    }

    /// The name in a POST.
    pub(crate) fn new_name(&self) -> Result<Name, ApiError> {
        self.name().ok_or(ApiError::Internal)
    }

    pub(crate) fn description(&self) -> Option<String> {
        self.text(DESCRIPTION.name).map(str::to_owned)
    }

    /// The description in a POST.
    pub(crate) fn new_description(&self) -> String {
        self.description().unwrap_or_default()
    }
}

fn other_project(value: &Value, speaker: Speaker) -> Result<Option<ProjectId>, ApiError> {
    let reason = |wrong| match wrong {
        Wrong::Conversion(reason) | Wrong::Value(reason) => {
            ApiError::attribute("project_id", reason)
        }
    };
    PROJECT.kind.read(value).map_err(reason)?;
    match Kind::Uuid.read(value).map_err(reason)? {
        Given::Id(id) if id != speaker.project.uuid() => Ok(Some(ProjectId::from_uuid(id))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{ID, attribute};

    const TABLE: &[Attribute] = &[
        ID,
        PROJECT,
        NAME,
        DESCRIPTION,
        attribute("router_id", Kind::Uuid).post(Default::Required),
        attribute("flag", Kind::Flag).post(Default::True).put(),
        attribute("number", Kind::Integer)
            .post(Default::Number(1500))
            .put(),
        attribute(
            "lifetime",
            Kind::Dict(&[("value", Kind::AtLeast(60)), ("other", Kind::NonNegative)]),
        )
        .post(Default::Empty)
        .put(),
        attribute("status", Kind::Text(255)),
    ];

    const OWN: &str = "00000000-0000-0000-0000-000000000001";
    const FOREIGN: &str = "00000000000000000000000000000002";

    fn speaker(is_admin: bool) -> Speaker {
        let project = ProjectId::from_uuid(Uuid::from_u128(1));
        Speaker {
            project,
            is_admin,
            profile: CryptoProfile::default(),
        }
    }

    fn thing(value: Value) -> Vec<u8> {
        json!({"thing": value}).to_string().into_bytes()
    }

    fn made(value: Value) -> Result<Values, ApiError> {
        post(&thing(value), "thing", TABLE, speaker(false))
    }

    fn changed(value: Value) -> Result<Values, ApiError> {
        put(&thing(value), "thing", TABLE, speaker(false))
    }

    fn said<T>(result: Result<T, ApiError>) -> String {
        result
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_is_no_object_under_its_root_key_is_refused() {
        for (octets, message) in [
            ("", "Resource body required"),
            (
                "{\"thing\": ",
                "Malformed request body: Cannot understand JSON.",
            ),
            ("[1]", "Body contains invalid data"),
            (
                "{\"name\": \"x\"}",
                "Unable to find 'thing' in request body",
            ),
            (
                "{\"things\": [{}]}",
                "Unable to find 'thing' in request body",
            ),
            ("{\"thing\": \"x\"}", "Object 'thing' contains invalid data"),
        ] {
            let read = post(octets.as_bytes(), "thing", TABLE, speaker(false));
            assert_eq!(said(read), message);
        }
        let read = put(b"", "thing", TABLE, speaker(false));
        assert_eq!(said(read), "Bad body request: Invalid format: b''.");
    }

    #[test]
    fn the_first_failing_check_is_told() {
        // Each body breaks all the rules of those after it.
        let mut body = json!({
            "b": 1, "a": 2, "tenant_id": FOREIGN, "project_id": OWN, "status": "x", "id": OWN,
            "flag": "maybe", "number": "big",
        });
        let mut say = |change: fn(&mut Map<String, Value>)| {
            let message = said(made(body.clone()));
            if let Value::Object(map) = &mut body {
                change(map);
            }
            message
        };
        assert_eq!(
            say(|map| {
                map.remove("a");
                map.remove("b");
            }),
            "Unrecognized attribute(s) 'a, b'"
        );
        assert_eq!(
            say(|map| drop(map.remove("project_id"))),
            "'project_id' and 'tenant_id' do not match"
        );
        assert_eq!(
            say(|map| drop(map.insert("tenant_id".to_owned(), json!(OWN)))),
            ApiError::ForeignProject.to_string()
        );
        assert_eq!(
            say(|map| drop(map.remove("id"))),
            "Attribute 'id' not allowed in POST"
        );
        assert_eq!(
            say(|map| drop(map.remove("status"))),
            "Attribute 'status' not allowed in POST"
        );
        assert_eq!(
            say(|map| drop(map.insert("router_id".to_owned(), json!("x")))),
            "Failed to parse request. Required attribute 'router_id' not specified"
        );
        assert_eq!(
            say(|map| drop(map.insert("router_id".to_owned(), json!(OWN)))),
            "Invalid input for router_id. Reason: 'x' is not a valid UUID."
        );
        assert_eq!(
            say(|map| drop(map.remove("flag"))),
            "Invalid input for operation: 'maybe' cannot be converted to boolean."
        );
        assert_eq!(
            say(|map| drop(map.remove("number"))),
            "Invalid input for operation: 'big' is not an integer."
        );
        assert_eq!(say(|_| ()), "");
    }

    #[test]
    fn a_put_may_not_say_what_is_read_only() {
        for (body, message) in [
            (
                json!({"zzz": 1, "id": OWN}),
                "Unrecognized attribute(s) 'zzz'",
            ),
            (
                json!({"id": OWN, "flag": "x"}),
                "Cannot update read-only attribute id",
            ),
            (
                json!({"router_id": OWN}),
                "Cannot update read-only attribute router_id",
            ),
            (
                json!({"project_id": OWN}),
                "Cannot update read-only attribute tenant_id",
            ),
            (
                json!({"status": "x"}),
                "Cannot update read-only attribute status",
            ),
        ] {
            assert_eq!(said(changed(body)), message);
        }
        let refused = ApiError::ForeignProject.to_string();
        assert_eq!(said(changed(json!({"tenant_id": FOREIGN}))), refused);
    }

    #[test]
    fn what_is_left_out_has_its_default_in_a_post_alone() {
        let values = made(json!({"router_id": FOREIGN})).unwrap();
        assert_eq!(values.new_name().unwrap().as_str(), "");
        assert_eq!(values.flag("flag"), Some(true));
        assert_eq!(values.number("number"), Some(1500));
        assert_eq!(values.get("lifetime"), Some(&Given::Dict(vec![])));
        let values = changed(json!({})).unwrap();
        assert_eq!((values.name(), values.flag("flag")), (None, None));
    }

    #[test]
    fn an_administrator_alone_speaks_of_other_projects() {
        let body = thing(json!({"router_id": OWN, "tenant_id": FOREIGN}));
        let values = post(&body, "thing", TABLE, speaker(true)).unwrap();
        assert_eq!(
            values.project,
            Some(ProjectId::from_uuid(Uuid::from_u128(2)))
        );
        let own = made(json!({"router_id": OWN, "tenant_id": OWN})).unwrap();
        assert_eq!(own.project, None);
        for (given, reason) in [
            (json!(5), "'5' is not a valid string"),
            (json!("x"), "'x' is not a valid UUID"),
        ] {
            let body = thing(json!({"router_id": OWN, "project_id": given}));
            let read = post(&body, "thing", TABLE, speaker(true));
            assert_eq!(
                said(read),
                format!("Invalid input for project_id. Reason: {reason}.")
            );
        }
    }

    #[test]
    fn a_lifetime_that_was_a_text_is_answered_as_one() {
        let values = changed(json!({"lifetime": {"value": "2000", "other": "3"}})).unwrap();
        assert_eq!(
            values.member("lifetime", "value"),
            Some(&Given::Number(2000))
        );
        let answer = json!({"lifetime": {"value": 2000, "other": 3}});
        let mut answer = Object::of(&answer);
        values.echo(&mut answer);
        assert_eq!(
            answer.value(),
            json!({"lifetime": {"value": "2000", "other": 3}})
        );
    }
}
