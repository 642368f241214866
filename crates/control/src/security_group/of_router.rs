//! Groups of routers, for faces in which a group is part of one.

use std::collections::HashMap;

use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{Name, Port, Router, RouterId, SecurityGroup, SecurityGroupId, SecurityGroupRule};
use adit_store::{Only, Query, Transaction};

use super::{NewRule, find};
use crate::change::Change;
use crate::error::{Error, Noun};
use crate::listed::{Listed, Part, listed};
use crate::router_default::RouterDefault;
use crate::{Caller, Control};

/// A router's group with what is around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouterGroupView {
    /// As the store has it.
    pub group: SecurityGroup,
    /// Its rules, oldest first.
    pub rules: Vec<SecurityGroupRule>,
    /// The router that it is of.
    pub router: Router,
    /// The machines that have it, oldest first.
    pub members: Vec<Port>,
    /// The groups that its rules name.
    pub named: Vec<SecurityGroup>,
}

impl RouterDefault for SecurityGroup {
    async fn known(tx: &mut dyn Transaction, router: RouterId) -> Result<Option<Self>, Error> {
        default_of(tx, router).await
    }

    async fn make(control: &Control, tx: &mut Change, router: &Router) -> Result<Self, Error> {
        control.default_group_of_router(tx, router).await
    }
}

impl Control {
    /// A part of the project's groups that are of a router, oldest first. Each router has its default
    /// one, which is made if it is not there yet.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn security_groups_of_routers(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<SecurityGroup>, Error> {
        let routers = self.read().await?.routers(caller.project).await?;
        self.default_groups_of_routers(&routers).await?;
        let mut tx = self.read().await?;
        let query = Query {
            only: Some(Only::OfRouters),
            ..Query::of_project(caller.project)
        };
        Ok(listed::<SecurityGroup>(&mut *tx, query, part).await?)
    }

    /// Groups with what is around them, as far as they are of a router.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn router_group_views(
        &self,
        rows: Vec<SecurityGroup>,
    ) -> Result<Vec<RouterGroupView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.extend(view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One group that is of a router.
    ///
    /// # Errors
    /// It is not there.
    pub async fn router_group_view(
        &self,
        caller: &Caller,
        id: SecurityGroupId,
    ) -> Result<RouterGroupView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        let view = view(&mut *tx, row).await?;
        view.ok_or(Error::NotFound(Noun::SecurityGroup))
    }

    /// The default group of each of these routers, made where it is not there yet.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn default_groups_of_routers(
        &self,
        routers: &[Router],
    ) -> Result<HashMap<RouterId, SecurityGroup>, Error> {
        self.defaults_of_routers(routers).await
    }

    /// A router's default group, made if it is not there: it lets everything through, both ways.
    pub(crate) async fn default_group_of_router(
        &self,
        tx: &mut Change,
        router: &Router,
    ) -> Result<SecurityGroup, Error> {
        if let Some(known) = default_of(&mut **tx, router.id).await? {
            return Ok(known);
        }
        let name = |text: &str| Name::parse(text).unwrap_or_default();
        let called = name(&format!("{}-security-group", router.name));
        let group = SecurityGroup {
            resource_group: router.resource_group.clone(),
            router: Some(router.id),
            is_default: true,
            ..self.group(router.project, called, String::new())
        };
        tx.insert(&group).await?;
        for (direction, called) in [
            (Direction::Ingress, "allow-inbound"),
            (Direction::Egress, "allow-outbound"),
        ] {
            let rule = NewRule {
                name: name(called),
                ..NewRule::allowing(direction, Family::V4, Remote::Any)
            };
            tx.insert(&self.rule(&group, rule)).await?;
        }
        Ok(group)
    }
}

async fn default_of(
    tx: &mut dyn Transaction,
    router: RouterId,
) -> Result<Option<SecurityGroup>, Error> {
    let groups = tx.security_groups_of_router(router).await?;
    Ok(groups.into_iter().find(|group| group.is_default))
}

async fn view(
    tx: &mut dyn Transaction,
    group: SecurityGroup,
) -> Result<Option<RouterGroupView>, Error> {
    let router = match group.router {
        Some(id) => tx.any_router(id).await?,
        None => None,
    };
    let Some(router) = router else {
        return Ok(None);
    };
    let rules = tx.rules_of_security_group(group.id).await?;
    let mut named: Vec<SecurityGroup> = Vec::new();
    for rule in &rules {
        if let Remote::Group(id) = rule.remote
            && named.iter().all(|known| known.id != id)
        {
            named.extend(tx.any_security_group(id).await?);
        }
    }
    let mut members = tx.ports_of_security_group(group.id).await?;
    members.retain(|port| port.device.is_instance());
    Ok(Some(RouterGroupView {
        group,
        rules,
        router,
        members,
        named,
    }))
}
