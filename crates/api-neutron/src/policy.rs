//! What IKE and IPsec policies have in common.

use adit_api::attribute::Absent;
use adit_model::policy::{Authentication, DhGroup, Encryption};
use serde_json::{Value, json};

use crate::attribute::{Attribute, Special, attribute};
use crate::body::Values;
use crate::words::{Word, group, one_of};
use adit_api::kind::{Given, Kind};

pub(crate) const AUTHENTICATION: Attribute =
    attribute("auth_algorithm", one_of::<Authentication>())
        .post(Absent::Strength {
            usual: "sha1",
            strict: "sha256",
        })
        .put()
        .filter();

pub(crate) const ENCRYPTION: Attribute = attribute("encryption_algorithm", one_of::<Encryption>())
    .post(Absent::Text("aes-128"))
    .put()
    .own(Special::legacy("des"))
    .filter();

pub(crate) const LIFETIME: Attribute = attribute(
    "lifetime",
    Kind::Dict(&[
        ("units", Kind::OneOf(|text| text == "seconds")),
        ("value", Kind::AtLeast(60)),
    ]),
)
.post(Absent::Empty)
.put();

/// What is named by a word that every service takes.
const GROUPS: Kind = Kind::OneOf(|text| group(text).is_some_and(|group| group.number() != 1));

pub(crate) const PFS: Attribute = attribute("pfs", GROUPS)
    .post(Absent::Strength {
        usual: "group5",
        strict: "group14",
    })
    .put()
    .own(Special::legacy("group1"))
    .filter();

/// Seconds, where a POST says nothing.
pub(crate) const LIFETIME_S: u32 = 3600;

/// A choice that is a list in the model.
pub(crate) fn single<W: Word>(values: &Values, name: &str) -> Option<Vec<W>> {
    values.word(name).map(|one| vec![one])
}

/// The group that `pfs` is to be.
pub(crate) fn pfs(values: &Values) -> Option<Vec<DhGroup>> {
    let group = values.text(PFS.name).and_then(group);
    group.map(|group| vec![group])
}

/// The lifetime that is given.
pub(crate) fn lifetime(values: &Values) -> Option<u32> {
    match values.member(LIFETIME.name, "value") {
        Some(Given::Number(seconds)) => Some(*seconds),
        _ => None,
    }
}

/// Policies of other dialects list several algorithms, or none: the first is shown.
pub(crate) fn first<W: Word>(list: &[W]) -> Value {
    list.first().map_or(Value::Null, |one| json!(one.word()))
}

/// The first group.
pub(crate) fn first_group(list: &[DhGroup]) -> Value {
    let group = list.first();
    group.map_or(Value::Null, |group| {
        json!(format!("group{}", group.number()))
    })
}

pub(crate) fn show_lifetime(seconds: u32) -> Value {
    json!({"units": "seconds", "value": seconds})
}

/// The attribute that holds a field of the model.
pub(crate) fn attribute_of(field: &'static str) -> &'static str {
    match field {
        "authentication" => AUTHENTICATION.name,
        "encryption" => ENCRYPTION.name,
        "groups" => PFS.name,
        other => other,
    }
}
