//! What a body says, read by a resource's table. Each check is a function of its own, since
//! dialects differ in the order in which they look; [`post`] and [`put`] have one for those that
//! need no other.

use std::net::IpAddr;

use adit_model::{Cidr, Name, Psk};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::attribute::{Absent, Attribute};
use crate::kind::Given;
#[cfg(doc)]
use crate::kind::Kind;
use crate::wrong::Wrong;

/// An object's members.
pub type Members = Map<String, Value>;

/// Why a body is not what its table says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no such attribute.
    Unknown(Vec<String>),
    /// A POST may not have this attribute.
    NotInPost(&'static str),
    /// A POST must have this attribute.
    Required(&'static str),
    /// A PUT may not have this attribute.
    ReadOnly(&'static str),
    /// What this attribute can't be.
    Wrong(&'static str, Wrong),
}

/// What a body says.
#[derive(Clone, Default, Debug)]
pub struct Values(Vec<(&'static str, Given)>);

/// Refuses what is not known.
///
/// # Errors
/// [`Refusal::Unknown`].
pub fn check_known(members: &Members, is_known: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let unknown = members.keys().filter(|name| !is_known(name));
    let unknown: Vec<String> = unknown.cloned().collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Unknown(unknown)),
    }
}

/// Refuses what a POST may not have, and lacks but must have; puts in what stands for the rest.
///
/// # Errors
/// [`Refusal::NotInPost`], [`Refusal::Required`].
pub fn complete<Own: Copy>(
    members: &mut Members,
    attributes: &[Attribute<Own>],
    strict_algorithms: bool,
) -> Result<(), Refusal> {
    for attribute in attributes.iter().filter(|one| one.post.is_none()) {
        if members.contains_key(attribute.name) {
            return Err(Refusal::NotInPost(attribute.name));
        }
    }
    for attribute in attributes {
        let Some(absent) = attribute.post else {
            continue;
        };
        if members.contains_key(attribute.name) {
            continue;
        }
        if matches!(absent, Absent::Required) {
            return Err(Refusal::Required(attribute.name));
        }
        if let Some(value) = absent.value(strict_algorithms) {
            members.insert(attribute.name.to_owned(), value);
        }
    }
    Ok(())
}

/// Refuses what a PUT may not have.
///
/// # Errors
/// [`Refusal::ReadOnly`].
pub fn check_put<Own: Copy>(
    members: &Members,
    attributes: &[Attribute<Own>],
) -> Result<(), Refusal> {
    let mut fixed = attributes.iter().filter(|one| !one.put);
    let fixed = fixed.find(|one| members.contains_key(one.name));
    fixed.map_or(Ok(()), |one| Err(Refusal::ReadOnly(one.name)))
}

/// Reads a new thing: what may be said, must be said and stands for what is not said.
///
/// # Errors
/// See [`Refusal`].
pub fn post<Own: Copy>(
    mut members: Members,
    attributes: &[Attribute<Own>],
    strict_algorithms: bool,
) -> Result<Values, Refusal> {
    check_known(&members, |name| {
        attributes.iter().any(|one| one.name == name)
    })?;
    complete(&mut members, attributes, strict_algorithms)?;
    Values::read(&members, attributes, |_, _| false)
}

/// Reads a change.
///
/// # Errors
/// See [`Refusal`].
pub fn put<Own: Copy>(members: &Members, attributes: &[Attribute<Own>]) -> Result<Values, Refusal> {
    check_known(members, |name| {
        attributes.iter().any(|one| one.name == name)
    })?;
    check_put(members, attributes)?;
    Values::read(members, attributes, |_, _| false)
}

impl Values {
    /// Reads each value in the table's order. `is_taken` says of which texts need not be of their
    /// attribute's kind.
    ///
    /// # Errors
    /// [`Refusal::Wrong`].
    pub fn read<Own: Copy>(
        members: &Members,
        attributes: &[Attribute<Own>],
        is_taken: impl Fn(&Attribute<Own>, &str) -> bool,
    ) -> Result<Self, Refusal> {
        let mut values = Self::default();
        for attribute in attributes {
            let Some(value) = members.get(attribute.name) else {
                continue;
            };
            let given = match value {
                Value::String(text) if is_taken(attribute, text) => Ok(Given::Text(text.clone())),
                value => attribute.kind.read(value),
            };
            let given = given.map_err(|wrong| Refusal::Wrong(attribute.name, wrong))?;
            values.0.push((attribute.name, given));
        }
        Ok(values)
    }

    /// What was given under a name, or stands there by default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Given> {
        let found = self.0.iter().find(|(given, _)| *given == name);
        found.map(|(_, given)| given)
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text, or a word that is known.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// True or false.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Given::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        match self.get(name) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// An id; the inner `None` is `null`.
    #[must_use]
    pub fn uuid(&self, name: &str) -> Option<Option<Uuid>> {
        match self.get(name) {
            Some(Given::Id(id)) => Some(Some(*id)),
            Some(Given::Null) => Some(None),
            _ => None,
        }
    }

    /// An IP address; the inner `None` is `null`.
    #[must_use]
    pub fn ip(&self, name: &str) -> Option<Option<IpAddr>> {
        match self.get(name) {
            Some(Given::Ip(ip)) => Some(Some(*ip)),
            Some(Given::Null) => Some(None),
            _ => None,
        }
    }

    /// Blocks.
    #[must_use]
    pub fn cidrs(&self, name: &str) -> Option<&[Cidr]> {
        match self.get(name) {
            Some(Given::Cidrs(cidrs)) => Some(cidrs),
            _ => None,
        }
    }

    /// A pre-shared key.
    #[must_use]
    pub fn psk(&self, name: &str) -> Option<&Psk> {
        match self.get(name) {
            Some(Given::Psk(psk)) => Some(psk),
            _ => None,
        }
    }

    /// What something is to be called.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&Name> {
        match self.get(name) {
            Some(Given::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// A value that the resource reads by itself.
    #[must_use]
    pub fn any(&self, name: &str) -> Option<&Value> {
        match self.get(name) {
            Some(Given::Any(value)) => Some(value),
            _ => None,
        }
    }

    /// A list of anything.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&[Value]> {
        match self.get(name) {
            Some(Given::List(list)) => Some(list),
            _ => None,
        }
    }

    /// A member of an object: see [`Kind::Dict`].
    #[must_use]
    pub fn member(&self, name: &str, member: &str) -> Option<&Given> {
        let Some(Given::Dict(members)) = self.get(name) else {
            return None;
        };
        let found = members.iter().find(|(given, _)| *given == member);
        found.map(|(_, given)| given)
    }
}
