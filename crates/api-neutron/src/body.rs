//! Request bodies, checked by a resource's table in the order in which Neutron checks them: JSON,
//! the root key, names that are not known, whose it is, what may not be said, what must be, and
//! each value in the table's order.

use std::ops::Deref;

use adit_api::kind::{Given, Kind};
use adit_api::object::Object;
use adit_api::{ids, values};
use adit_control::CryptoProfile;
use adit_model::{Name, ProjectId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, NAME, PROJECT, named};
use crate::error::ApiError;
use crate::words::Word;
use crate::wrong;

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
    said: values::Values,
    /// Members of objects that were written as texts of digits: the answer repeats them so.
    as_text: Vec<(&'static str, &'static str, Value)>,
}

impl Deref for Values {
    type Target = values::Values;

    fn deref(&self) -> &values::Values {
        &self.said
    }
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
    let project = begin(&mut map, attributes, speaker)?;
    let strict = speaker.profile == CryptoProfile::Strict;
    values::complete(&mut map, attributes, strict)?;
    Values::read(map, attributes, project, speaker)
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
    let mut map = open(octets, root)?;
    let project = begin(&mut map, attributes, speaker)?;
    values::check_put(&map, attributes)?;
    Values::read(map, attributes, project, speaker)
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

/// Looks whether all is known, and for whom. The project stands under its old name from here on.
fn begin(
    map: &mut Map<String, Value>,
    attributes: &[Attribute],
    speaker: Speaker,
) -> Result<Option<Value>, ApiError> {
    values::check_known(map, |name| named(attributes, name).is_some())?;
    let project = project(map, speaker)?;
    if let Some(project) = &project {
        map.remove("project_id");
        map.insert(PROJECT.name.to_owned(), project.clone());
    }
    Ok(project)
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
        mut map: Map<String, Value>,
        attributes: &'static [Attribute],
        project: Option<Value>,
        speaker: Speaker,
    ) -> Result<Self, ApiError> {
        map.remove(PROJECT.name);
        let is_legacy = speaker.profile == CryptoProfile::Legacy;
        let project = project.map(|project| other_project(&project, speaker));
        let mut values = Self {
            project: project.transpose()?.flatten(),
            said: values::Values::read(&map, attributes, |attribute, word| {
                is_legacy && attribute.own.legacy == Some(word)
            })?,
            as_text: Vec::new(),
        };
        // Neutron repeats a lifetime of "2000" so, and its tests want to see it.
        for attribute in attributes {
            if let (Kind::Dict(members), Some(value)) = (attribute.kind, map.get(attribute.name)) {
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

    pub(crate) fn name(&self) -> Option<Name> {
        self.said.name(NAME.name).cloned()
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

impl From<values::Refusal> for ApiError {
    fn from(refusal: values::Refusal) -> Self {
        match refusal {
            values::Refusal::Unknown(names) => Self::Unrecognized {
                names: names.join(", "),
            },
            values::Refusal::NotInPost(name) => Self::NotInPost { name: name.into() },
            values::Refusal::Required(name) => Self::Required { name: name.into() },
            values::Refusal::ReadOnly(name) => Self::ReadOnly { name: name.into() },
            values::Refusal::Wrong(name, wrong) => wrong::refusal(name, &wrong),
        }
    }
}

fn other_project(value: &Value, speaker: Speaker) -> Result<Option<ProjectId>, ApiError> {
    let reason = |wrong| ApiError::attribute("project_id", wrong::reason(&wrong));
    PROJECT.kind.read(value).map_err(reason)?;
    match Kind::Uuid.read(value).map_err(reason)? {
        Given::Id(id) if id != speaker.project.uuid() => Ok(Some(ProjectId::from_uuid(id))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use adit_api::attribute::Absent;
    use serde_json::json;

    use super::*;
    use crate::attribute::{ID, attribute};
    use crate::object;

    const TABLE: &[Attribute] = &[
        ID,
        PROJECT,
        NAME,
        DESCRIPTION,
        attribute("router_id", Kind::Uuid).post(Absent::Required),
        attribute("flag", Kind::Flag).post(Absent::True).put(),
        attribute("number", Kind::Integer)
            .post(Absent::Number(1500))
            .put(),
        attribute(
            "lifetime",
            Kind::Dict(&[("value", Kind::AtLeast(60)), ("other", Kind::NonNegative)]),
        )
        .post(Absent::Empty)
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
        let mut answer = object::of(&answer);
        values.echo(&mut answer);
        assert_eq!(
            object::value(&answer),
            json!({"lifetime": {"value": "2000", "other": 3}})
        );
    }
}
