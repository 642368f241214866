//! A named list of what is at one end of connections.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Cidr, EndpointGroupId, Name, ProjectId, Revision, SubnetId};

/// What the entries of a group are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointKind {
    /// Blocks of addresses.
    Cidr,
    /// Networks, by id. Connections can't use them.
    Network,
    /// Routers, by id. Connections can't use them.
    Router,
    /// Subnets, by id.
    Subnet,
    /// VLANs. Connections can't use them.
    Vlan,
}

impl EndpointKind {
    /// The kind as APIs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cidr => "cidr",
            Self::Network => "network",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Vlan => "vlan",
        }
    }
}

/// An entry of a group: what it is, and how its user wrote it, which is how it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written<T> {
    /// What it is.
    pub value: T,
    /// How it was written.
    pub text: String,
}

/// A text is no entry of a group of its kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is no {} of an endpoint group", kind.as_str())]
pub struct InvalidEndpoint {
    /// What the group's entries were to be.
    pub kind: EndpointKind,
    /// As it was sent.
    pub text: String,
}

/// The entries of a group, in the order given: never none, and no two written the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoints {
    /// Blocks of addresses.
    Cidrs(Vec<Written<Cidr>>),
    /// Networks. Connections can't use them.
    Networks(Vec<String>),
    /// Routers. Connections can't use them.
    Routers(Vec<String>),
    /// By their ids; each was there when it was named.
    Subnets(Vec<Written<SubnetId>>),
    /// VLANs. Connections can't use them.
    Vlans(Vec<String>),
}

impl Endpoints {
    /// None yet.
    #[must_use]
    pub const fn none(kind: EndpointKind) -> Self {
        match kind {
            EndpointKind::Cidr => Self::Cidrs(Vec::new()),
            EndpointKind::Network => Self::Networks(Vec::new()),
            EndpointKind::Router => Self::Routers(Vec::new()),
            EndpointKind::Subnet => Self::Subnets(Vec::new()),
            EndpointKind::Vlan => Self::Vlans(Vec::new()),
        }
    }

    /// Entries of a kind, as they are written.
    ///
    /// # Errors
    /// One is none of this kind.
    pub fn parse(
        kind: EndpointKind,
        texts: impl IntoIterator<Item = String>,
    ) -> Result<Self, InvalidEndpoint> {
        let mut endpoints = Self::none(kind);
        for text in texts {
            endpoints.push(text)?;
        }
        Ok(endpoints)
    }

    /// Adds an entry, as it is written.
    ///
    /// # Errors
    /// It is none of this kind.
    pub fn push(&mut self, text: String) -> Result<(), InvalidEndpoint> {
        let kind = self.kind();
        match self {
            Self::Cidrs(list) => match Cidr::containing(&text) {
                Ok(value) => list.push(Written { value, text }),
                Err(_) => return Err(InvalidEndpoint { kind, text }),
            },
            Self::Subnets(list) => match subnet(&text) {
                Some(value) => list.push(Written { value, text }),
                None => return Err(InvalidEndpoint { kind, text }),
            },
            Self::Networks(list) | Self::Routers(list) | Self::Vlans(list) => list.push(text),
        }
        Ok(())
    }

    /// What the entries are.
    #[must_use]
    pub const fn kind(&self) -> EndpointKind {
        match self {
            Self::Cidrs(_) => EndpointKind::Cidr,
            Self::Networks(_) => EndpointKind::Network,
            Self::Routers(_) => EndpointKind::Router,
            Self::Subnets(_) => EndpointKind::Subnet,
            Self::Vlans(_) => EndpointKind::Vlan,
        }
    }

    /// The entries as they were written.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Cidrs(list) => list.iter().map(|one| one.text.as_str()).collect(),
            Self::Subnets(list) => list.iter().map(|one| one.text.as_str()).collect(),
            Self::Networks(list) | Self::Routers(list) | Self::Vlans(list) => {
                list.iter().map(String::as_str).collect()
            }
        }
    }

    /// Whether the subnet is one of them.
    #[must_use]
    pub fn names_subnet(&self, id: SubnetId) -> bool {
        matches!(self, Self::Subnets(list) if list.iter().any(|one| one.value == id))
    }
}

/// An id with its hyphens, or without.
fn subnet(text: &str) -> Option<SubnetId> {
    let is_plain = matches!(text.len(), 32 | 36);
    is_plain.then(|| text.parse().ok()).flatten()
}

/// A named list of what is at one end of connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointGroup {
    /// Random, made with the row, and its own for good.
    pub id: EndpointGroupId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// What is in it.
    pub endpoints: Endpoints,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_they_mean_and_are_shown_as_they_were_written() {
        let texts = ["10.0.0.5/24", "2001:DB8::/32"].map(str::to_owned);
        let blocks = Endpoints::parse(EndpointKind::Cidr, texts.clone()).unwrap();
        assert_eq!(blocks.texts(), texts);
        let Endpoints::Cidrs(list) = blocks else {
            panic!("{blocks:?}")
        };
        let values: Vec<_> = list.iter().map(|one| one.value.to_string()).collect();
        assert_eq!(values, ["10.0.0.0/24", "2001:db8::/32"]);

        let id = SubnetId::random();
        let bare = id.uuid().simple().to_string().to_uppercase();
        let subnets = Endpoints::parse(EndpointKind::Subnet, [bare.clone()]).unwrap();
        assert!(subnets.names_subnet(id));
        assert_eq!(subnets.texts(), [bare]);
    }

    #[test]
    fn what_is_none_of_its_kind_is_refused() {
        for (kind, text) in [
            (EndpointKind::Cidr, "10.0.0.0"),
            (EndpointKind::Cidr, "10.0.0.0/08"),
            (EndpointKind::Subnet, "10.0.0.0/24"),
            (
                EndpointKind::Subnet,
                "urn:uuid:56094814-7114-4698-87fd-a6199cdf0331",
            ),
        ] {
            let refused = Endpoints::parse(kind, [text.to_owned()]).unwrap_err();
            assert_eq!((refused.kind, &*refused.text), (kind, text));
        }
    }
}
