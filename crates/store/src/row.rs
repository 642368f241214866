//! What all nouns of a project have in common, and how one of them is kept.

use adit_model::policy::{IkeParameters, IpsecParameters, Phase, Policy};
use adit_model::security_group::Remote;
use adit_model::{
    Connection, ConnectionRequest, EndpointGroup, FloatingIp, Gateway, Network, NetworkAcl, Noun,
    Port, ProjectId, PublicGateway, Revision, Route, Router, SecurityGroup, SecurityGroupRule,
    SshKey, Subnet, TunnelContext,
};
use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Query, StoreError};

/// A row of a noun that belongs to a project and counts its revisions.
pub trait Row: Clone + Send + Sync + 'static {
    /// Which kind of row it is.
    const NOUN: Noun;

    /// What it goes with when that is deleted.
    const OWNERS: &'static [Noun];

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
    fn references(&self) -> Vec<(Noun, Uuid)>;

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

    /// How many rows there are of those that are asked for: wherever a page of them begins and ends.
    ///
    /// # Errors
    /// The store can't answer.
    async fn count(&mut self, query: Query) -> Result<usize, StoreError>;
}

/// Changes of [`Rows`].
#[async_trait]
pub trait WriteRows<T: Row>: Rows<T> {
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
        owners: $owners:expr, name: |$n:ident| $name:expr,
        references: |$r:ident| $references:expr, unique: |$u:ident| $unique:expr,
        fixed: [$($fixed:ident),*]
    })+) => {$(
        impl Row for $row {
            const NOUN: Noun = Noun::$row;
            const OWNERS: &'static [Noun] = $owners;

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

            fn references(&self) -> Vec<(Noun, Uuid)> {
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
        owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: []
    }
    Subnet {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::Network, row.network.uuid())];
            found.extend(row.public_gateway.map(|id| (Noun::PublicGateway, id.uuid())));
            found.extend(row.network_acl.map(|id| (Noun::NetworkAcl, id.uuid())));
            found
        },
        unique: |_row| Vec::new(),
        fixed: [resource_group, network, cidr, ipv6_address_mode, ipv6_ra_mode, zone]
    }
    Port {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::Network, row.network.uuid())];
            found.extend(row.fixed_ips.iter().map(|ip| (Noun::Subnet, ip.subnet.uuid())));
            found.extend(row.device.router().map(|id| (Noun::Router, id.uuid())));
            let groups = row.security_groups.iter();
            found.extend(groups.map(|id| (Noun::SecurityGroup, id.uuid())));
            found
        },
        unique: |row| {
            let addresses = row.fixed_ips.iter();
            let mut all: Vec<_> = addresses.map(|ip| format!("{} {}", ip.subnet, ip.address)).collect();
            all.push(format!("{} {}", row.network, row.mac));
            all
        },
        fixed: [resource_group, network]
    }
    Router {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let external = row.external.iter();
            external.map(|external| (Noun::Network, external.network.uuid())).collect()
        },
        unique: |row| {
            let external = row.external.iter().flat_map(|external| external.addresses.all());
            external.map(|address| address.to_string()).collect()
        },
        fixed: [resource_group]
    }
    FloatingIp {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::Network, row.network.uuid())];
            if let Some(association) = row.association {
                found.push((Noun::Port, association.port.uuid()));
                found.push((Noun::Router, association.router.uuid()));
            }
            found
        },
        unique: |row| vec![row.address.to_string()],
        fixed: [resource_group, network, address, zone]
    }
    SshKey {
        owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: [resource_group, public_key, kind, bits, fingerprint]
    }
    NetworkAcl {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| vec![(Noun::Router, row.router.uuid())],
        unique: |row| match row.is_default {
            true => vec![row.router.to_string()],
            false => Vec::new(),
        },
        fixed: [resource_group, router, is_default]
    }
    PublicGateway {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| vec![
            (Noun::FloatingIp, row.floating_ip.uuid()),
            (Noun::Router, row.router.uuid()),
        ],
        unique: |row| vec![row.floating_ip.to_string()],
        fixed: [resource_group, router, zone, floating_ip, owns_floating_ip]
    }
    SecurityGroup {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            row.router.iter().map(|id| (Noun::Router, id.uuid())).collect()
        },
        unique: |row| match (row.is_default, row.router) {
            (true, Some(router)) => vec![router.to_string()],
            _ => Vec::new(),
        },
        fixed: [resource_group, router, is_default]
    }
    SecurityGroupRule {
        owners: &[Noun::SecurityGroup], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::SecurityGroup, row.group.uuid())];
            if let Remote::Group(group) = row.remote {
                found.push((Noun::SecurityGroup, group.uuid()));
            }
            found
        },
        unique: |_row| Vec::new(),
        fixed: [group]
    }
    Gateway {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::Router, row.router.uuid())];
            found.extend(row.subnet.map(|id| (Noun::Subnet, id.uuid())));
            found
        },
        unique: |row| row.addresses.all().map(|address| address.to_string()).collect(),
        fixed: [resource_group, router, subnet, addresses]
    }
    Route {
        owners: &[], name: |row| row.name.as_str(),
        references: |row| vec![
            (Noun::Router, row.router.uuid()),
            (Noun::Connection, row.connection.uuid()),
        ],
        unique: |row| vec![format!("{} {}", row.router, row.destination)],
        fixed: [router, destination, zone]
    }
    EndpointGroup {
        owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: []
    }
    ConnectionRequest {
        owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: [
            peer_address, peer_cidrs, local_cidrs, test_addresses, recipient, connection, made_gateway
        ]
    }
    TunnelContext {
        owners: &[], name: |row| row.name.as_str(),
        references: |_row| Vec::new(), unique: |_row| Vec::new(),
        fixed: [gateway]
    }
    Connection {
        owners: &[Noun::Gateway], name: |row| row.name.as_str(),
        references: |row| {
            let mut found = vec![(Noun::Gateway, row.gateway.uuid())];
            found.extend(row.ike_policy.map(|id| (Noun::IkePolicy, id.uuid())));
            found.extend(row.ipsec_policy.map(|id| (Noun::IpsecPolicy, id.uuid())));
            let groups = row.ends.groups().into_iter().flatten();
            found.extend(groups.map(|id| (Noun::EndpointGroup, id.uuid())));
            found
        },
        unique: |_row| Vec::new(),
        fixed: [gateway]
    }
}

/// A phase whose policies are kept.
pub trait StoredPhase: Phase {
    /// Which kind of row its policies are.
    const NOUN: Noun;
}

impl StoredPhase for IkeParameters {
    const NOUN: Noun = Noun::IkePolicy;
}

impl StoredPhase for IpsecParameters {
    const NOUN: Noun = Noun::IpsecPolicy;
}

impl<P: StoredPhase> Row for Policy<P> {
    const NOUN: Noun = P::NOUN;
    const OWNERS: &'static [Noun] = &[];

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

    fn references(&self) -> Vec<(Noun, Uuid)> {
        Vec::new()
    }

    fn unique(&self) -> Vec<String> {
        Vec::new()
    }

    fn keep(&mut self, old: &Self) {
        self.created_at = old.created_at;
        self.resource_group.clone_from(&old.resource_group);
    }
}
