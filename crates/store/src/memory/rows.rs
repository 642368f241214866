//! [`Rows`] of every noun in memory.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use adit_model::{
    Cidr, Connection, ConnectionRequest, EndpointGroup, FloatingIp, Gateway, GatewayId, IkePolicy,
    IpsecPolicy, Network, NetworkAcl, Noun, Port, ProjectId, PublicGateway, Revision, Route,
    Router, RouterId, SecurityGroup, SecurityGroupRule, SshKey, Subnet, SubnetId, TunnelContext,
};
use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryTransaction, need};
use crate::query::{Only, OrderBy};
use crate::row::{Row, Rows, WriteRows};
use crate::{AddressesOutside, PeerCidrs, PeerHosts, Query, StoreError};

type Table<T> = BTreeMap<Uuid, T>;

/// Which table a noun's rows are in.
pub(super) trait TableRow: Row {
    fn table(all: &Nouns) -> &Table<Self>;
    fn table_mut(all: &mut Nouns) -> &mut Table<Self>;
}

macro_rules! tables {
    ($($field:ident: $row:ident),+) => {
        /// The rows of all nouns that belong to projects.
        #[derive(Clone, Default, Debug)]
        pub(super) struct Nouns {
            $($field: Table<$row>,)+
        }

        impl Nouns {
            /// Whether a row of this id can be hung on.
            fn is_there(&self, noun: Noun, id: Uuid) -> bool {
                $((<$row>::NOUN == noun && self.$field.contains_key(&id)))||+
            }

            /// Whether something that would not go with it hangs on a row, or on what goes with it.
            fn is_used(&self, noun: Noun, id: Uuid) -> bool {
                $(self.$field.values().any(|row| {
                    let goes = <$row>::OWNERS.contains(&noun);
                    hangs_on(row, noun, id) && (!goes || self.is_used(<$row>::NOUN, row.id()))
                }))||+
            }

            /// Deletes what goes with a row.
            fn delete_owned(&mut self, noun: Noun, id: Uuid) {
                $(if <$row>::OWNERS.contains(&noun) {
                    self.$field.retain(|_, row| !hangs_on(row, noun, id));
                })+
            }

            /// Whether a project owns anything.
            pub(super) fn has_any_of(&self, project: ProjectId) -> bool {
                $(self.$field.values().any(|row| row.project == project))||+
            }
        }

        $(impl TableRow for $row {
            fn table(all: &Nouns) -> &Table<Self> {
                &all.$field
            }

            fn table_mut(all: &mut Nouns) -> &mut Table<Self> {
                &mut all.$field
            }
        })+
    };
}

tables! {
    networks: Network,
    subnets: Subnet,
    ports: Port,
    routers: Router,
    floating_ips: FloatingIp,
    public_gateways: PublicGateway,
    network_acls: NetworkAcl,
    ssh_keys: SshKey,
    security_groups: SecurityGroup,
    security_group_rules: SecurityGroupRule,
    gateways: Gateway,
    endpoint_groups: EndpointGroup,
    ike_policies: IkePolicy,
    ipsec_policies: IpsecPolicy,
    connections: Connection,
    connection_requests: ConnectionRequest,
    routes: Route,
    tunnel_contexts: TunnelContext
}

fn hangs_on(row: &impl Row, noun: Noun, id: Uuid) -> bool {
    row.references().contains(&(noun, id))
}

/// Endpoint groups name subnets in their lists, which keeps nobody from deleting a subnet. Rules
/// hang on the groups that they name besides their own, and are not theirs.
fn is_of(row: &impl Row, (noun, id): (Noun, Uuid)) -> bool {
    let any = row as &dyn std::any::Any;
    if let Some(rule) = any.downcast_ref::<SecurityGroupRule>()
        && noun == Noun::SecurityGroup
    {
        return rule.group.uuid() == id;
    }
    let listed = any
        .downcast_ref::<EndpointGroup>()
        .is_some_and(|group| group.endpoints.names_subnet(SubnetId::from_uuid(id)));
    hangs_on(row, noun, id) || (noun == Noun::Subnet && listed)
}

fn compare<T: Row>(query: &Query, one: &T, two: &T) -> Ordering {
    let ordering = match query.order.by {
        OrderBy::CreatedAt => one.created_at().cmp(&two.created_at()),
        OrderBy::Id => Ordering::Equal,
        OrderBy::Name => one.name().cmp(two.name()),
        OrderBy::Project => one.project().cmp(&two.project()),
    };
    let ordering = ordering.then_with(|| one.id().cmp(&two.id()));
    if query.order.descending {
        ordering.reverse()
    } else {
        ordering
    }
}

/// Whether every project may see a row.
fn is_public(all: &Nouns, row: &impl Row) -> bool {
    let row = row as &dyn std::any::Any;
    if let Some(network) = row.downcast_ref::<Network>() {
        return network.shared || network.external;
    }
    let network = row
        .downcast_ref::<Subnet>()
        .map(|subnet| subnet.network.uuid());
    let network = network.and_then(|id| all.networks.get(&id));
    network.is_some_and(|network| network.shared)
}

fn matches<T: Row>(all: &Nouns, query: &Query, row: &T) -> bool {
    let name = || row.name().to_owned();
    let public = || query.or_public && is_public(all, row);
    query
        .project
        .is_none_or(|project| row.project() == project || public())
        && query.ids.as_ref().is_none_or(|ids| ids.contains(&row.id()))
        && query
            .names
            .as_ref()
            .is_none_or(|names| names.contains(&name()))
        && query.of.is_none_or(|of| is_of(row, of))
        && query.only.is_none_or(|only| is_in(all, only, row))
}

fn is_in(all: &Nouns, only: Only, row: &impl Row) -> bool {
    let row = row as &dyn std::any::Any;
    let on = |port: &Port, router: RouterId| port.device.router() == Some(router);
    match only {
        Only::Machines => {
            let port = row.downcast_ref::<Port>();
            port.is_some_and(|port| port.device.is_instance())
        }
        Only::OnRouters => row.downcast_ref::<Subnet>().is_some_and(|subnet| {
            let mut ports = all.ports.values();
            ports.any(|port| {
                let mut addresses = port.fixed_ips.iter();
                port.device.router().is_some() && addresses.any(|ip| ip.subnet == subnet.id)
            })
        }),
        Only::OfRouters => row
            .downcast_ref::<SecurityGroup>()
            .is_some_and(|group| group.router.is_some()),
        Only::OnSubnets => row.downcast_ref::<Gateway>().is_some_and(|gateway| {
            let mut ports = all.ports.values();
            gateway.subnet.is_some() || ports.any(|port| on(port, gateway.router))
        }),
    }
}

#[async_trait]
impl<T: TableRow> Rows<T> for MemoryTransaction {
    async fn get(&mut self, project: Option<ProjectId>, id: Uuid) -> Result<Option<T>, StoreError> {
        let row = T::table(&self.tables.nouns).get(&id);
        let row = row.filter(|row| project.is_none_or(|project| row.project() == project));
        Ok(row.cloned())
    }

    async fn list(&mut self, query: Query) -> Result<Vec<T>, StoreError> {
        let table = T::table(&self.tables.nouns);
        let after = match query.after.map(|id| table.get(&id)) {
            Some(None) => return Ok(Vec::new()),
            Some(found) => found,
            None => None,
        };
        let mut rows: Vec<T> = table
            .values()
            .filter(|row| matches(&self.tables.nouns, &query, *row))
            .filter(|row| after.is_none_or(|after| compare(&query, *row, after).is_gt()))
            .filter(|row| {
                let at = (row.created_at(), row.id());
                query.from.is_none_or(|from| at >= from)
            })
            .cloned()
            .collect();
        rows.sort_by(|one, two| compare(&query, one, two));
        if let Some(limit) = query.limit {
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(rows)
    }

    async fn count(&mut self, query: Query) -> Result<usize, StoreError> {
        let nouns = &self.tables.nouns;
        let rows = T::table(nouns).values();
        Ok(rows.filter(|row| matches(nouns, &query, *row)).count())
    }
}

#[async_trait]
impl<T: TableRow> WriteRows<T> for MemoryTransaction {
    async fn insert(&mut self, row: &T) -> Result<(), StoreError> {
        self.check(row)?;
        let table = T::table_mut(&mut self.writable().nouns);
        if table.contains_key(&row.id()) {
            return Err(StoreError::Duplicate);
        }
        table.insert(row.id(), row.clone());
        Ok(())
    }

    async fn update(&mut self, row: &T) -> Result<Revision, StoreError> {
        let old = T::table(&self.tables.nouns).get(&row.id());
        let old = old.filter(|old| old.project() == row.project());
        let old = old.filter(|old| old.revision() == row.revision());
        let mut new = row.clone();
        new.keep(old.ok_or(StoreError::Stale)?);
        self.check(&new)?;
        let next = row.revision().next();
        new.set_revision(next);
        T::table_mut(&mut self.writable().nouns).insert(row.id(), new);
        Ok(next)
    }

    async fn delete(&mut self, project: ProjectId, id: Uuid) -> Result<bool, StoreError> {
        let tables = &mut self.writable().nouns;
        let row = T::table(tables).get(&id);
        if row.is_none_or(|row| row.project() != project) {
            return Ok(false);
        }
        need(!tables.is_used(T::NOUN, id))?;
        tables.delete_owned(T::NOUN, id);
        T::table_mut(tables).remove(&id);
        Ok(true)
    }
}

#[async_trait]
impl AddressesOutside for MemoryTransaction {
    async fn addresses_outside(&mut self) -> Result<Vec<(ProjectId, IpAddr)>, StoreError> {
        let nouns = &self.tables.nouns;
        let mut found = Vec::new();
        for row in nouns.gateways.values() {
            found.extend(row.addresses.all().map(|address| (row.project, address)));
        }
        for row in nouns.routers.values() {
            let external = row.external.iter();
            let all = external.flat_map(|one| one.addresses.all());
            found.extend(all.map(|address| (row.project, address)));
        }
        let floating = nouns.floating_ips.values();
        found.extend(floating.map(|row| (row.project, row.address)));
        Ok(found)
    }
}

#[async_trait]
impl PeerHosts for MemoryTransaction {
    async fn connections_with_peer_host(&mut self) -> Result<Vec<Connection>, StoreError> {
        let rows = self.tables.nouns.connections.values();
        Ok(rows
            .filter(|row| row.peer_host.is_some())
            .cloned()
            .collect())
    }
}

#[async_trait]
impl PeerCidrs for MemoryTransaction {
    async fn peer_cidrs_of_router(
        &mut self,
        id: RouterId,
    ) -> Result<BTreeMap<GatewayId, BTreeSet<Cidr>>, StoreError> {
        let nouns = &self.tables.nouns;
        let mut behind = BTreeMap::<_, BTreeSet<_>>::new();
        for row in nouns.connections.values() {
            let gateway = nouns.gateways.get(&row.gateway.uuid());
            if gateway.is_some_and(|gateway| gateway.router == id) {
                let blocks = behind.entry(row.gateway).or_default();
                blocks.extend(row.peer_known_here());
            }
        }
        Ok(behind)
    }

    async fn connections_behind(
        &mut self,
        id: RouterId,
        cidr: Cidr,
    ) -> Result<Vec<Connection>, StoreError> {
        let nouns = &self.tables.nouns;
        let behind = nouns.connections.values().filter(|row| {
            let gateway = nouns.gateways.get(&row.gateway.uuid());
            gateway.is_some_and(|gateway| gateway.router == id)
                && row.peer_known_here().contains(&cidr)
        });
        Ok(behind.cloned().collect())
    }
}

impl MemoryTransaction {
    /// What foreign keys and unique indices say in a database.
    fn check<T: TableRow>(&self, row: &T) -> Result<(), StoreError> {
        self.need_project(row.project())?;
        for (noun, id) in row.references() {
            need(self.tables.nouns.is_there(noun, id))?;
        }
        let unique = row.unique();
        let others = T::table(&self.tables.nouns).values();
        for other in others.filter(|other| other.id() != row.id()) {
            if other.unique().iter().any(|value| unique.contains(value)) {
                return Err(StoreError::Duplicate);
            }
        }
        Ok(())
    }
}
