//! What all nouns of a project have in common, and how one of them is kept.

use adit_model::policy::{IkeParameters, IpsecParameters, Phase, Policy};
use adit_model::security_group::Remote;
use adit_model::{
    Connection, EndpointGroup, FloatingIp, Gateway, Network, Port, ProjectId, Revision, Router,
    SecurityGroup, SecurityGroupRule, Subnet,
};
use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Query, StoreError};

/// What rows hang on, besides their project.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reference {
    /// An endpoint group, by connections.
    EndpointGroup,
    /// A gateway, by connections, which go with it.
    Gateway,
    /// An IKE policy, by connections.
    IkePolicy,
    /// An IPsec policy, by connections.
    IpsecPolicy,
    /// A network, by subnets, ports, routers with a way outside, floating IPs.
    Network,
    /// A port, by floating IPs.
    Port,
    /// A router, by its interfaces, gateways, floating IPs.
    Router,
    /// A security group, by ports, and by its rules and those that name it, which go with it.
    SecurityGroup,
    /// A subnet, by addresses of ports, and by gateways.
    Subnet,
}

/// A row of a noun that belongs to a project and counts its revisions.
pub trait Row: Clone + Send + Sync + 'static {
    /// As what other rows hang on it.
    const REFERENCE: Option<Reference>;

    /// What it goes with when that is deleted.
    const OWNERS: &'static [Reference];

    /// Its id.
    fn id(&self) -> Uuid;

    /// Whose it is.
    fn project(&self) -> ProjectId;

    /// What the user calls it; empty for those that have no name.
    fn name(&self) -> &str;

    /// When it was made.
    fn created_at(&self) -> OffsetDateTime;

    /// Its version.
    fn revision(&self) -> Revision;

    /// Gives it a version.
    fn set_revision(&mut self, revision: Revision);

    /// What it hangs on.
    fn references(&self) -> Vec<(Reference, Uuid)>;

    /// What no other row of the noun may have.
    fn unique(&self) -> Vec<String>;

    /// Takes from `old` what an update can't change.
    fn keep(&mut self, old: &Self);
}

/// The rows of one noun.
#[async_trait]
pub trait Rows<T: Row>: Send {
    /// The row of this id, if it is this project's; with `None`, anybody's.
    ///
    /// # Errors
    /// The store can't answer.
    async fn get(&mut self, project: Option<ProjectId>, id: Uuid) -> Result<Option<T>, StoreError>;

    /// The rows that are asked for.
    ///
    /// # Errors
    /// The store can't answer.
    async fn list(&mut self, query: Query) -> Result<Vec<T>, StoreError>;

    /// How many a project has.
    ///
    /// # Errors
    /// The store can't answer.
    async fn count(&mut self, project: ProjectId) -> Result<usize, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert(&mut self, row: &T) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on for life, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision, [`StoreError::Duplicate`],
    /// [`StoreError::Referenced`] as for an insert.
    async fn update(&mut self, row: &T) -> Result<Revision, StoreError>;

    /// Deletes the project's row of this id, and what goes with it; answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete(&mut self, project: ProjectId, id: Uuid) -> Result<bool, StoreError>;
}

macro_rules! rows {
    ($($row:ident {
        reference: $reference:expr, owners: $owners:expr, name: |$n:ident| $name:expr,
        references: |$r:ident| $references:expr, unique: |$u:ident| $unique:expr,
        fixed: [$($fixed:ident),*]
    })+) => {$(
        impl Row for $row {
            const REFERENCE: Option<Reference> = $reference;
            const OWNERS: &'static [Reference] = $owners;

            fn id(&self) -> Uuid {
                self.id.uuid()
            }

            fn project(&self) -> ProjectId {
                self.project
            }

            fn name(&self) -> &str {
                let $n = self;
                $name
            }

            fn created_at(&self) -> OffsetDateTime {
                self.created_at
            }

            fn revision(&self) -> Revision {
                self.revision
            }

            fn set_revision(&mut self, revision: Revision) {
                self.revision = revision;
            }

            fn references(&self) -> Vec<(Reference, Uuid)> {
                let $r = self;
                $references
            }

            fn unique(&self) -> Vec<String> {
                let $u = self;
                $unique
            }

            fn keep(&mut self, old: &Self) {
                self.created_at = old.created_at;
                $(self.$fixed.clone_from(&old.$fixed);)*
            }
        }
    )+};
}

rows! {
    Network {
        reference: Some(Reference::Network), owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: []
    }
    Subnet {
        reference: Some(Reference::Subnet), owners: &[], name: |row| row.name.as_str(),
        references: |row| vec![(Reference::Network, row.network.uuid())],
        unique: |_row| Vec::new(),
        fixed: [network, cidr, ipv6_address_mode, ipv6_ra_mode, zone]
    }
    Port {
        reference: Some(Reference::Port), owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Reference::Network, row.network.uuid())];
            found.extend(row.fixed_ips.iter().map(|ip| (Reference::Subnet, ip.subnet.uuid())));
            found.extend(row.device.router().map(|id| (Reference::Router, id.uuid())));
            let groups = row.security_groups.iter();
            found.extend(groups.map(|id| (Reference::SecurityGroup, id.uuid())));
            found
        },
        unique: |row| {
            let addresses = row.fixed_ips.iter();
            let mut all: Vec<_> = addresses.map(|ip| format!("{} {}", ip.subnet, ip.address)).collect();
            all.push(format!("{} {}", row.network, row.mac));
            all
        },
        fixed: [network]
    }
    Router {
        reference: Some(Reference::Router), owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let external = row.external.iter();
            external.map(|external| (Reference::Network, external.network.uuid())).collect()
        },
        unique: |row| {
            let external = row.external.iter().flat_map(|external| external.addresses.all());
            external.map(|address| address.to_string()).collect()
        },
        fixed: []
    }
    FloatingIp {
        reference: None, owners: &[], name: |_row| "",
        references: |row| {
            let mut found = vec![(Reference::Network, row.network.uuid())];
            if let Some(association) = row.association {
                found.push((Reference::Port, association.port.uuid()));
                found.push((Reference::Router, association.router.uuid()));
            }
            found
        },
        unique: |row| vec![row.address.to_string()],
        fixed: [network, address]
    }
    SecurityGroup {
        reference: Some(Reference::SecurityGroup), owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: []
    }
    SecurityGroupRule {
        reference: None, owners: &[Reference::SecurityGroup], name: |_row| "",
        references: |row| {
            let mut found = vec![(Reference::SecurityGroup, row.group.uuid())];
            if let Remote::Group(group) = row.remote {
                found.push((Reference::SecurityGroup, group.uuid()));
            }
            found
        },
        unique: |_row| Vec::new(),
        fixed: [group, direction, family, protocol, port_min, port_max, remote]
    }
    Gateway {
        reference: Some(Reference::Gateway), owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Reference::Router, row.router.uuid())];
            found.extend(row.subnet.map(|id| (Reference::Subnet, id.uuid())));
            found
        },
        unique: |row| row.addresses.all().map(|address| address.to_string()).collect(),
        fixed: [router, subnet, addresses]
    }
    EndpointGroup {
        reference: Some(Reference::EndpointGroup), owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: [kind, endpoints]
    }
    Connection {
        reference: None, owners: &[Reference::Gateway], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Reference::Gateway, row.gateway.uuid())];
            found.extend(row.ike_policy.map(|id| (Reference::IkePolicy, id.uuid())));
            found.extend(row.ipsec_policy.map(|id| (Reference::IpsecPolicy, id.uuid())));
            let groups = [row.local_group, row.peer_group];
            let groups = groups.into_iter().flatten();
            found.extend(groups.map(|id| (Reference::EndpointGroup, id.uuid())));
            found
        },
        unique: |_row| Vec::new(),
        fixed: [gateway]
    }
}

/// A phase whose policies are kept.
pub trait KeptPhase: Phase {
    /// As what connections hang on its policies.
    const REFERENCE: Reference;
}

impl KeptPhase for IkeParameters {
    const REFERENCE: Reference = Reference::IkePolicy;
}

impl KeptPhase for IpsecParameters {
    const REFERENCE: Reference = Reference::IpsecPolicy;
}

impl<P: KeptPhase> Row for Policy<P> {
    const REFERENCE: Option<Reference> = Some(P::REFERENCE);
    const OWNERS: &'static [Reference] = &[];

    fn id(&self) -> Uuid {
        P::uuid(self.id)
    }

    fn project(&self) -> ProjectId {
        self.project
    }

    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn created_at(&self) -> OffsetDateTime {
        self.created_at
    }

    fn revision(&self) -> Revision {
        self.revision
    }

    fn set_revision(&mut self, revision: Revision) {
        self.revision = revision;
    }

    fn references(&self) -> Vec<(Reference, Uuid)> {
        Vec::new()
    }

    fn unique(&self) -> Vec<String> {
        Vec::new()
    }

    fn keep(&mut self, old: &Self) {
        self.created_at = old.created_at;
    }
}
