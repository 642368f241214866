//! Security groups. Every project has one named `default`, made when it is first needed, that lets its
//! members talk to each other and to the outside; every router that is looked at as such has one too, which
//! lets everything through until somebody changes it.

mod members;
mod of_router;
mod rule;

use adit_model::change::Actor;
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{
    Name, ProjectId, ResourceGroup, Revision, RouterId, SecurityGroup, SecurityGroupId,
    SecurityGroupRule,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming, OnDelete};
use crate::{Caller, Control};
pub use of_router::RouterGroupView;
pub use rule::{NewRule, RuleChange};

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether names are unique among the groups of a router, and among the rules of a group.
    pub naming: Naming,
    /// Which limits count: the operator's on groups of a router and on rules of a group, or the
    /// project's.
    pub allowance: Allowance,
    /// What becomes of other groups' rules that name a group.
    pub on_delete: OnDelete,
}

/// What a group is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGroup {
    /// What to call it.
    pub name: Name,
    /// The group of things to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// What to say of it.
    pub description: String,
    /// The router that it is of; `None` is the project's own.
    pub router: Option<RouterId>,
    /// What it allows; `None` lets its members send anything, and receive nothing.
    pub rules: Option<Vec<NewRule>>,
}

impl NewGroup {
    /// One of the project's that lets its members send anything.
    #[must_use]
    pub const fn of_project(name: Name, description: String) -> Self {
        Self {
            name,
            resource_group: None,
            description,
            router: None,
            rules: None,
        }
    }
}

/// What to change of a group; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    /// What it is called.
    pub name: Option<Name>,
    /// What is said of it.
    pub description: Option<String>,
}

/// A group with its rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupView {
    /// As the store has it.
    pub group: SecurityGroup,
    /// Its rules, oldest first.
    pub rules: Vec<SecurityGroupRule>,
}

impl Control {
    /// Makes a group.
    ///
    /// # Errors
    /// There is no such router, a quota is used up, the name is taken or that of the default group, or a
    /// rule makes no sense.
    pub async fn create_security_group(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewGroup,
    ) -> Result<GroupView, Error> {
        let mut tx = self.change(caller).await?;
        let router = match new.router {
            Some(id) => {
                let found = tx.router(caller.scope(), id).await?;
                Some(found.ok_or(Error::NotFound(Noun::Router))?)
            }
            None => None,
        };
        match &router {
            Some(router) => {
                self.default_group_of_router(&mut tx, router).await?;
                let siblings = tx.security_groups_of_router(router.id).await?;
                if rules.allowance == Allowance::Fixed {
                    let limit = self.0.config.limits.security_groups;
                    Quota::SecurityGroups.check(siblings.len(), limit)?;
                }
                check_name(&siblings, &new.name, rules.naming, None)?;
            }
            None if new.name.as_str() == SecurityGroup::DEFAULT => return Err(name_of_default()),
            None => drop(self.default_security_group(&mut tx, caller.project).await?),
        }
        if rules.allowance == Allowance::OfProject {
            self.check_quota(&mut *tx, caller.project, Resource::SecurityGroup)
                .await?;
        }
        let project = router.map_or(caller.project, |router| router.project);
        let group = SecurityGroup {
            resource_group: new.resource_group,
            router: new.router,
            ..self.group(project, new.name, new.description)
        };
        tx.insert(&group).await?;
        let wished = new.rules.unwrap_or_else(anything_out);
        let mut made = Vec::new();
        for wished in wished {
            let row = self.insert_rule(&mut tx, caller, rules, &group, wished);
            made.push(row.await?);
        }
        tx.commit().await?;
        let rules = made;
        Ok(GroupView { group, rules })
    }

    /// The groups that are asked for, as far as the caller may see them. The project's default
    /// one is made if it is not there yet.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_security_groups(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<GroupView>, Error> {
        let mut tx = self.read().await?;
        let own = caller.scope().unwrap_or(caller.project);
        if default_of(&mut *tx, own).await?.is_none() {
            drop(tx);
            let mut making = self.change_by(Actor::Service).await?;
            match self.default_security_group(&mut making, own).await {
                Ok(_) => making.commit().await?,
                // Who may have no more rules still sees what there is.
                Err(Error::ProjectQuota(_)) => drop(making),
                Err(error) => return Err(error),
            }
            tx = self.read().await?;
        }
        let mut views = Vec::new();
        for group in tx.page_security_groups(caller.within(query)).await? {
            let rules = tx.rules_of_security_group(group.id).await?;
            views.push(GroupView { group, rules });
        }
        Ok(views)
    }

    /// One group.
    ///
    /// # Errors
    /// It is not there.
    pub async fn security_group(
        &self,
        caller: &Caller,
        id: SecurityGroupId,
    ) -> Result<GroupView, Error> {
        let mut tx = self.read().await?;
        let group = find(&mut *tx, caller, id).await?;
        let rules = tx.rules_of_security_group(id).await?;
        Ok(GroupView { group, rules })
    }

    /// Changes what a group is called and what is said of it.
    ///
    /// # Errors
    /// It is not there, the name is taken, or it is the project's default group, which keeps its name.
    pub async fn update_security_group(
        &self,
        caller: &Caller,
        rules: Rules,
        id: SecurityGroupId,
        change: GroupChange,
    ) -> Result<GroupView, Error> {
        let mut tx = self.change(caller).await?;
        let mut group = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, group.revision)?;
        if let Some(name) = change.name.filter(|name| *name != group.name) {
            match group.router {
                Some(router) => {
                    let siblings = tx.security_groups_of_router(router).await?;
                    check_name(&siblings, &name, rules.naming, Some(id))?;
                }
                None if group.is_default || name.as_str() == SecurityGroup::DEFAULT => {
                    return Err(name_of_default());
                }
                None => {}
            }
            group.name = name;
        }
        group.description = change.description.unwrap_or(group.description);
        group.updated_at = self.now();
        group.revision = tx.update(&group).await?;
        let rules = tx.rules_of_security_group(id).await?;
        tx.commit().await?;
        Ok(GroupView { group, rules })
    }

    /// Deletes a group with its rules.
    ///
    /// # Errors
    /// It is not there, ports have it, other groups' rules name it and are in the way, or it is a
    /// default group and the caller no administrator.
    pub async fn delete_security_group(
        &self,
        caller: &Caller,
        rules: Rules,
        id: SecurityGroupId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let group = find(&mut *tx, caller, id).await?;
        Error::stale(expected, group.revision)?;
        if group.is_default && caller.must_be_admin().is_err() {
            let message = "the default security group can't be deleted";
            return Err(Error::conflict(Rule::InUse(Noun::SecurityGroup), message));
        }
        delete(&mut tx, &group, rules.on_delete).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The project's default group, made if it is not there. Its rules count as any.
    pub(crate) async fn default_security_group(
        &self,
        tx: &mut Change,
        project: ProjectId,
    ) -> Result<SecurityGroup, Error> {
        if let Some(known) = default_of(&mut **tx, project).await? {
            return Ok(known);
        }
        let name = Name::parse(SecurityGroup::DEFAULT);
        let name = name.map_err(|error| Error::Internal(error.into()))?;
        let group = SecurityGroup {
            is_default: true,
            ..self.group(project, name, "Default security group".to_owned())
        };
        let mut wished = anything_out();
        let members =
            |family| NewRule::allowing(Direction::Ingress, family, Remote::Group(group.id));
        wished.extend([Family::V4, Family::V6].map(members));
        self.check_quota_for(
            &mut **tx,
            project,
            Resource::SecurityGroupRule,
            wished.len(),
        )
        .await?;
        tx.insert(&group).await?;
        for wished in wished {
            tx.insert(&self.rule(&group, wished)).await?;
        }
        Ok(group)
    }

    fn group(&self, project: ProjectId, name: Name, description: String) -> SecurityGroup {
        let now = self.now();
        SecurityGroup {
            id: SecurityGroupId::random(),
            project,
            resource_group: None,
            router: None,
            is_default: false,
            name,
            description,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        }
    }
}

fn anything_out() -> Vec<NewRule> {
    let out = |family| NewRule::allowing(Direction::Egress, family, Remote::Any);
    [Family::V4, Family::V6].map(out).into()
}

/// Deletes a group with its rules, if no port has it.
pub(crate) async fn delete(
    tx: &mut Change,
    group: &SecurityGroup,
    on_delete: OnDelete,
) -> Result<(), Error> {
    let ports = tx.ports_of_security_group(group.id).await?;
    let ports = ports.iter().map(|row| row.id.uuid());
    Error::used(Noun::SecurityGroup, Noun::Port, ports)?;
    let mut rules = tx.security_group_rules(group.project).await?;
    rules.retain(|rule| rule.group == group.id || rule.remote == Remote::Group(group.id));
    if on_delete == OnDelete::Restrict {
        let others = rules.iter().filter(|rule| rule.group != group.id);
        let others = others.map(|rule| rule.id.uuid());
        Error::used(Noun::SecurityGroup, Noun::SecurityGroupRule, others)?;
    }
    for rule in rules {
        tx.delete(&rule).await?;
    }
    Ok(tx.delete(group).await?)
}

async fn default_of(
    tx: &mut dyn Transaction,
    project: ProjectId,
) -> Result<Option<SecurityGroup>, Error> {
    let query = Query {
        names: Some(vec![SecurityGroup::DEFAULT.to_owned()]),
        ..Query::of_project(project)
    };
    let mut named = tx.page_security_groups(query).await?.into_iter();
    Ok(named.find(|group| group.is_default && group.router.is_none()))
}

fn name_of_default() -> Error {
    let message = "that is the name of the project's default security group, which keeps it";
    Error::conflict(Rule::NameTaken(Noun::SecurityGroup), message)
}

fn check_name(
    siblings: &[SecurityGroup],
    name: &Name,
    naming: Naming,
    own: Option<SecurityGroupId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::SecurityGroup, names, name, naming, own)
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: SecurityGroupId,
) -> Result<SecurityGroup, Error> {
    let row = tx.security_group(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::SecurityGroup))
}
