//! How many of each thing a project may have, where projects are counted one by one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use adit_model::ProjectId;
use adit_store::Transaction;

use crate::error::{Error, Noun};
use crate::{Caller, Control};

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $default:literal, $count:ident;)+) => {
        /// Something that is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Resource {
            $($(#[$doc])* $variant,)+
        }

        impl Resource {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// How many a project may have unless somebody said otherwise; negative is no limit. The
            /// operator may have other defaults: [`Control::default_quota`].
            #[must_use]
            pub const fn default_limit(self) -> i64 {
                match self {
                    $(Self::$variant => $default,)+
                }
            }

            async fn count(
                self,
                tx: &mut dyn Transaction,
                project: ProjectId,
            ) -> Result<usize, Error> {
                match self {
                    $(Self::$variant => Ok(tx.$count(project).await?),)+
                }
            }
        }
    };
}

// The defaults are Neutron's, but for gateways: each is a process and a public address.
resources! {
    /// Networks.
    Network = "network", 100, count_networks;
    /// Subnets.
    Subnet = "subnet", 100, count_subnets;
    /// Ports.
    Port = "port", 500, count_ports;
    /// Routers.
    Router = "router", 10, count_routers;
    /// Floating IPs.
    FloatingIp = "floating_ip", 50, count_floating_ips;
    /// Security groups.
    SecurityGroup = "security_group", 10, count_security_groups;
    /// Rules of security groups.
    SecurityGroupRule = "security_group_rule", 100, count_security_group_rules;
    /// Gateways.
    Gateway = "gateway", 10, count_gateways;
    /// Endpoint groups.
    EndpointGroup = "endpoint_group", -1, count_endpoint_groups;
    /// IKE policies.
    IkePolicy = "ike_policy", -1, count_ike_policies;
    /// IPsec policies.
    IpsecPolicy = "ipsec_policy", -1, count_ipsec_policies;
    /// Connections.
    Connection = "connection", -1, count_connections;
}

/// Which limit counts for something new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowance {
    /// The operator's, the same for all projects: [`crate::Limits`].
    Fixed,
    /// The project's own.
    OfProject,
}

/// What a project may have and has of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// How many it may have; negative is no limit.
    pub limit: i64,
    /// How many it has.
    pub used: usize,
}

/// What was set for projects, as far as it was asked for. This process alone sets it.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<ProjectId, BTreeMap<String, i64>>>);

impl Known {
    fn limit(&self, project: ProjectId, resource: Resource) -> Option<Option<i64>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let set = known.get(&project)?;
        Some(set.get(resource.as_str()).copied())
    }

    fn put(&self, project: ProjectId, set: BTreeMap<String, i64>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(project, set);
    }

    pub(crate) fn forget(&self, project: ProjectId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&project);
    }
}

impl Control {
    /// How many a project may have unless its quota was set; negative is no limit.
    #[must_use]
    pub fn default_quota(&self, resource: Resource) -> i64 {
        let set = self.0.config.project_quotas.get(&resource).copied();
        set.unwrap_or_else(|| resource.default_limit())
    }

    /// Refuses one more than the project may have, in a transaction that writes. Counting costs
    /// nothing where there is no limit.
    pub(crate) async fn check_quota(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
        resource: Resource,
    ) -> Result<(), Error> {
        self.check_quota_for(tx, project, resource, 1).await
    }

    /// The same of so many more.
    pub(crate) async fn check_quota_for(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
        resource: Resource,
        more: usize,
    ) -> Result<(), Error> {
        let limit = match self.0.quotas.limit(project, resource) {
            Some(limit) => limit,
            None => {
                let set = tx.quotas(project).await?;
                let limit = set.get(resource.as_str()).copied();
                self.0.quotas.put(project, set);
                limit
            }
        };
        let Ok(limit) = usize::try_from(limit.unwrap_or_else(|| self.default_quota(resource)))
        else {
            return Ok(());
        };
        if resource.count(tx, project).await?.saturating_add(more) <= limit {
            Ok(())
        } else {
            Err(Error::ProjectQuota(resource))
        }
    }

    /// Refuses so many more than the project may have, before any of them is made. Making them checks
    /// again.
    ///
    /// # Errors
    /// There is no room for them.
    pub async fn check_room(
        &self,
        project: ProjectId,
        resource: Resource,
        more: usize,
    ) -> Result<(), Error> {
        let limit = self.quotas(project).await?.get(&resource).copied();
        let Ok(limit) = usize::try_from(limit.unwrap_or(-1)) else {
            return Ok(());
        };
        let mut tx = self.read().await?;
        let used = resource.count(&mut *tx, project).await?;
        if used.saturating_add(more) <= limit {
            Ok(())
        } else {
            Err(Error::ProjectQuota(resource))
        }
    }

    /// What a project may have.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn quotas(&self, project: ProjectId) -> Result<BTreeMap<Resource, i64>, Error> {
        let set = self.read().await?.quotas(project).await?;
        let limit = |resource: Resource| set.get(resource.as_str()).copied();
        let each = Resource::ALL.iter().map(|resource| {
            let limit = limit(*resource).unwrap_or_else(|| self.default_quota(*resource));
            (*resource, limit)
        });
        Ok(each.collect())
    }

    /// What a project may have, and what it has.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn quota_usage(
        &self,
        project: ProjectId,
    ) -> Result<BTreeMap<Resource, Usage>, Error> {
        let limits = self.quotas(project).await?;
        let mut tx = self.read().await?;
        let mut usage = BTreeMap::new();
        for (resource, limit) in limits {
            let used = resource.count(&mut *tx, project).await?;
            usage.insert(resource, Usage { limit, used });
        }
        Ok(usage)
    }

    /// Says what a project may have. For administrators.
    ///
    /// # Errors
    /// There is no such project.
    pub async fn set_quotas(
        &self,
        caller: &Caller,
        project: ProjectId,
        limits: &BTreeMap<Resource, i64>,
    ) -> Result<(), Error> {
        caller.must_be_admin()?;
        self.look_for_project(project).await?;
        let mut tx = self.change_by(caller.actor()).await?;
        if tx.project(project).await?.is_none() {
            return Err(Error::NotFound(Noun::Project));
        }
        let limits = limits.iter();
        let limits = limits.map(|(resource, limit)| (resource.as_str(), *limit));
        tx.set_quotas(project, limits).await?;
        // Writers go one after another, so nobody keeps what was so before.
        self.0.quotas.forget(project);
        tx.commit().await?;
        Ok(())
    }

    /// Goes back to the defaults. Answers whether there was something else. For administrators.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn reset_quotas(&self, caller: &Caller, project: ProjectId) -> Result<bool, Error> {
        caller.must_be_admin()?;
        let mut tx = self.change_by(caller.actor()).await?;
        let found = tx.delete_quotas(project).await?;
        self.0.quotas.forget(project);
        tx.commit().await?;
        Ok(found)
    }

    /// The projects that don't have the defaults. For administrators.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn projects_with_quotas(&self, caller: &Caller) -> Result<Vec<ProjectId>, Error> {
        caller.must_be_admin()?;
        Ok(self.read().await?.projects_with_quotas().await?)
    }
}
