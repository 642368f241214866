//! Network ACLs: what may pass the edges of a router's subnets. Each router that is looked at as such has
//! a default one, which lets everything through until somebody changes it.

mod of_router;
mod rule;

use adit_model::network_acl::NetworkAclRule;
use adit_model::{
    Name, NetworkAcl, NetworkAclId, NetworkAclRuleId, ResourceGroup, Revision, Router, RouterId,
    Subnet, SubnetId,
};
use adit_store::Transaction;

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::rules::{self, Naming, OnDelete};
use crate::{Caller, Control, on_router, subnet};
pub use of_router::NetworkAclView;
pub use rule::{Before, NewAclRule};

/// What a network ACL is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNetworkAcl {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// The router it is of.
    pub router: RouterId,
    /// Its rules, in their order.
    pub rules: FirstRules,
}

/// Which rules a network ACL is to begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FirstRules {
    /// Those by which everything passes.
    Everything,
    /// These.
    These(Vec<NewAclRule>),
    /// Those of another.
    Of(NetworkAclId),
}

impl Control {
    /// Makes a network ACL.
    ///
    /// # Errors
    /// The router or the other network ACL is not there, a name is taken, a rule makes no sense, or a
    /// quota is used up.
    pub async fn create_network_acl(
        &self,
        caller: &Caller,
        new: NewNetworkAcl,
    ) -> Result<NetworkAcl, Error> {
        let mut tx = self.change(caller).await?;
        let router = tx.router(caller.scope(), new.router).await?;
        let router = router.ok_or(Error::NotFound(Noun::Router))?;
        self.default_acl_of_router(&mut tx, &router).await?;
        let siblings = tx.network_acls_of_router(router.id).await?;
        Quota::NetworkAcls.check(siblings.len(), self.0.config.limits.network_acls)?;
        check_name(&siblings, &new.name, None)?;
        let mut row = NetworkAcl {
            resource_group: new.resource_group,
            ..self.acl(&router, new.name)
        };
        match new.rules {
            FirstRules::Everything => row.rules = self.everything(),
            FirstRules::These(wished) => {
                for wished in wished {
                    self.add_rule(&mut row, wished, Before::Nothing)?;
                }
            }
            FirstRules::Of(id) => {
                let of = find(&mut *tx, caller, id).await?.rules.into_iter();
                row.rules = of.map(|rule| self.copy(rule)).collect();
            }
        }
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Renames a network ACL.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn update_network_acl(
        &self,
        caller: &Caller,
        id: NetworkAclId,
        expected: Option<Revision>,
        name: Option<Name>,
    ) -> Result<NetworkAcl, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        if let Some(name) = name {
            let siblings = tx.network_acls_of_router(row.router).await?;
            check_name(&siblings, &name, Some(id))?;
            row.name = name;
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a network ACL. Subnets that have it are in the way, or have their router's default one
    /// from then on.
    ///
    /// # Errors
    /// It is not there, subnets have it, or it is a default one and the caller no administrator.
    pub async fn delete_network_acl(
        &self,
        caller: &Caller,
        on_delete: OnDelete,
        id: NetworkAclId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        if row.is_default && caller.must_be_admin().is_err() {
            let message = "the default network ACL can't be deleted";
            return Err(Error::conflict(Rule::InUse(Noun::NetworkAcl), message));
        }
        let subnets = tx.subnets_of_network_acl(id).await?;
        if on_delete == OnDelete::Restrict {
            let users = subnets.iter().map(|row| row.id.uuid());
            Error::used(Noun::NetworkAcl, Noun::Subnet, users)?;
        }
        for mut subnet in subnets {
            subnet.network_acl = None;
            subnet.updated_at = self.now();
            tx.update(&subnet).await?;
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has a subnet's edge be as a network ACL of its router says.
    ///
    /// # Errors
    /// One of them is not there, or they are not of one router.
    pub async fn attach_network_acl(
        &self,
        caller: &Caller,
        id: SubnetId,
        acl: NetworkAclId,
    ) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = subnet::find(&mut *tx, caller, id).await?;
        let router = on_router::router_of(&mut *tx, id).await?;
        let acl = find(&mut *tx, caller, acl).await?;
        if acl.router != router {
            let message = format!(
                "the network ACL {} is for subnets of the router {}",
                acl.id, acl.router
            );
            return Err(Error::invalid("network_acl", Rule::Reference, message));
        }
        let wished = (!acl.is_default).then_some(acl.id);
        if row.network_acl != wished {
            row.network_acl = wished;
            row.updated_at = self.now();
            row.revision = tx.update(&row).await?;
        }
        tx.commit().await?;
        Ok(row)
    }

    fn acl(&self, router: &Router, name: Name) -> NetworkAcl {
        let now = self.now();
        NetworkAcl {
            id: NetworkAclId::random(),
            project: router.project,
            resource_group: None,
            router: router.id,
            is_default: false,
            name,
            rules: Vec::new(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        }
    }

    /// The same rule, as another's.
    fn copy(&self, rule: NetworkAclRule) -> NetworkAclRule {
        NetworkAclRule {
            id: NetworkAclRuleId::random(),
            created_at: self.now(),
            ..rule
        }
    }
}

/// Deletes the network ACLs of a router that is deleted.
pub(crate) async fn delete_of_router(tx: &mut Change, router: RouterId) -> Result<(), Error> {
    for acl in tx.network_acls_of_router(router).await? {
        tx.delete(&acl).await?;
    }
    Ok(())
}

/// The one by which a subnet's edge is on a router; nothing is filtered where there is none.
pub(crate) async fn of_subnet(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    router: RouterId,
) -> Result<Option<NetworkAcl>, adit_store::StoreError> {
    if let Some(id) = subnet.network_acl {
        return tx.any_network_acl(id).await;
    }
    let acls = tx.network_acls_of_router(router).await?;
    Ok(acls.into_iter().find(|acl| acl.is_default))
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: NetworkAclId,
) -> Result<NetworkAcl, Error> {
    let row = tx.network_acl(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::NetworkAcl))
}

fn check_name(
    siblings: &[NetworkAcl],
    name: &Name,
    own: Option<NetworkAclId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::NetworkAcl, names, name, Naming::Unique, own)
}
