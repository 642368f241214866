//! Each router's default network ACL, and network ACLs with what is around them.

use std::collections::HashMap;

use adit_model::network_acl::{AclRule, Flow, NetworkAclRule};
use adit_model::{Name, NetworkAcl, NetworkAclId, NetworkAclRuleId, Router, RouterId, Subnet};
use adit_store::{Query, Transaction};

use super::find;
use crate::change::Change;
use crate::error::{Error, Noun};
use crate::listed::{Listed, Part, listed};
use crate::router_default::RouterDefault;
use crate::{Caller, Control, on_router};

/// A network ACL with what is around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkAclView {
    /// As the store has it.
    pub acl: NetworkAcl,
    /// The router it is of.
    pub router: Router,
    /// The subnets whose edges are as it says.
    pub subnets: Vec<Subnet>,
}

impl RouterDefault for NetworkAcl {
    async fn known(tx: &mut dyn Transaction, router: RouterId) -> Result<Option<Self>, Error> {
        default_of(tx, router).await
    }

    async fn make(control: &Control, tx: &mut Change, router: &Router) -> Result<Self, Error> {
        control.default_acl_of_router(tx, router).await
    }
}

impl Control {
    /// A part of the project's network ACLs, oldest first. Each router has its default one, which is made
    /// if it is not there yet.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn network_acls(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<NetworkAcl>, Error> {
        let routers = self.read().await?.routers(caller.project).await?;
        self.default_acls_of_routers(&routers).await?;
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed::<NetworkAcl>(&mut *tx, query, part).await?)
    }

    /// Network ACLs with what is around them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn network_acl_views(
        &self,
        rows: Vec<NetworkAcl>,
    ) -> Result<Vec<NetworkAclView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One network ACL.
    ///
    /// # Errors
    /// It is not there.
    pub async fn network_acl_view(
        &self,
        caller: &Caller,
        id: NetworkAclId,
    ) -> Result<NetworkAclView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        view(&mut *tx, row).await
    }

    /// The default network ACL of each of these routers, made where it is not there yet.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn default_acls_of_routers(
        &self,
        routers: &[Router],
    ) -> Result<HashMap<RouterId, NetworkAcl>, Error> {
        self.defaults_of_routers(routers).await
    }

    /// A router's default network ACL, made if it is not there: it lets everything through.
    pub(super) async fn default_acl_of_router(
        &self,
        tx: &mut Change,
        router: &Router,
    ) -> Result<NetworkAcl, Error> {
        if let Some(known) = default_of(&mut **tx, router.id).await? {
            return Ok(known);
        }
        let name = Name::parse(&format!("{}-network-acl", router.name)).unwrap_or_default();
        let acl = NetworkAcl {
            resource_group: router.resource_group.clone(),
            is_default: true,
            rules: self.everything(),
            ..self.acl(router, name)
        };
        tx.insert(&acl).await?;
        Ok(acl)
    }

    /// The rules by which everything passes.
    pub(super) fn everything(&self) -> Vec<NetworkAclRule> {
        let rule = |(name, flow): (&str, Flow)| NetworkAclRule {
            id: NetworkAclRuleId::random(),
            name: Name::parse(name).unwrap_or_default(),
            created_at: self.now(),
            content: AclRule::allowing(flow),
        };
        let both = [
            ("allow-inbound", Flow::Inbound),
            ("allow-outbound", Flow::Outbound),
        ];
        both.map(rule).into()
    }
}

async fn default_of(
    tx: &mut dyn Transaction,
    router: RouterId,
) -> Result<Option<NetworkAcl>, Error> {
    let acls = tx.network_acls_of_router(router).await?;
    Ok(acls.into_iter().find(|acl| acl.is_default))
}

async fn view(tx: &mut dyn Transaction, acl: NetworkAcl) -> Result<NetworkAclView, Error> {
    let router = tx.any_router(acl.router).await?;
    let mut subnets = on_router::subnets(tx, acl.router).await?;
    subnets.retain(|subnet| match subnet.network_acl {
        Some(id) => id == acl.id,
        None => acl.is_default,
    });
    Ok(NetworkAclView {
        router: router.ok_or(Error::NotFound(Noun::Router))?,
        subnets,
        acl,
    })
}
