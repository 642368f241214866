//! Security groups and their rules. Every project has one named `default`, made when it is first
//! needed, that lets its members talk to each other and to the outside.

use adit_model::change::Actor;
use adit_model::security_group::{Direction, Family, Remote, protocol_number};
use adit_model::{
    Name, ProjectId, Revision, SecurityGroup, SecurityGroupId, SecurityGroupRule,
    SecurityGroupRuleId,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Rule};
use crate::resource::Resource;
use crate::{Caller, Control};

/// What a rule is to allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRule {
    /// One of the same project.
    pub group: SecurityGroupId,
    /// What to say of it.
    pub description: String,
    /// Which way.
    pub direction: Direction,
    /// Which IP.
    pub family: Family,
    /// The protocol's name or number; `None` is any.
    pub protocol: Option<String>,
    /// The first destination port, or the ICMP type.
    pub port_min: Option<u16>,
    /// The last destination port, or the ICMP code.
    pub port_max: Option<u16>,
    /// With whom.
    pub remote: Remote,
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
    /// Makes a group that lets its members send anything, and receive nothing.
    ///
    /// # Errors
    /// The quota is used up, or the name is that of the default group.
    pub async fn create_security_group(
        &self,
        caller: &Caller,
        name: Name,
        description: String,
    ) -> Result<GroupView, Error> {
        let mut tx = self.change(caller).await?;
        if name.as_str() == SecurityGroup::DEFAULT {
            let message = "the default security group is there already";
            return Err(Error::conflict(
                Rule::NameTaken(Noun::SecurityGroup),
                message,
            ));
        }
        self.default_security_group(&mut tx, caller.project).await?;
        self.check_quota(&mut *tx, caller.project, Resource::SecurityGroup)
            .await?;
        let group = self.group(caller.project, name, description);
        let rules = self.first_rules(&group, false);
        self.check_quota_for(
            &mut *tx,
            caller.project,
            Resource::SecurityGroupRule,
            rules.len(),
        )
        .await?;
        tx.insert(&group).await?;
        for rule in &rules {
            tx.insert(rule).await?;
        }
        tx.commit().await?;
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
    /// It is not there, or it is the default group, which keeps its name.
    pub async fn update_security_group(
        &self,
        caller: &Caller,
        id: SecurityGroupId,
        expected: Option<Revision>,
        name: Option<Name>,
        description: Option<String>,
    ) -> Result<GroupView, Error> {
        let mut tx = self.change(caller).await?;
        let mut group = find(&mut *tx, caller, id).await?;
        Error::stale(expected, group.revision)?;
        let is_default = group.name.as_str() == SecurityGroup::DEFAULT;
        if let Some(name) = name.filter(|name| *name != group.name) {
            if is_default || name.as_str() == SecurityGroup::DEFAULT {
                let message = "the default security group keeps its name";
                return Err(Error::conflict(
                    Rule::NameTaken(Noun::SecurityGroup),
                    message,
                ));
            }
            group.name = name;
        }
        group.description = description.unwrap_or(group.description);
        group.updated_at = self.now();
        group.revision = tx.update(&group).await?;
        let rules = tx.rules_of_security_group(id).await?;
        tx.commit().await?;
        Ok(GroupView { group, rules })
    }

    /// Deletes a group with its rules, and those that name it.
    ///
    /// # Errors
    /// It is not there, ports have it, or it is the default group and the caller no administrator.
    pub async fn delete_security_group(
        &self,
        caller: &Caller,
        id: SecurityGroupId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let group = find(&mut *tx, caller, id).await?;
        Error::stale(expected, group.revision)?;
        if group.name.as_str() == SecurityGroup::DEFAULT && caller.must_be_admin().is_err() {
            let message = "the default security group can't be deleted";
            return Err(Error::conflict(Rule::InUse(Noun::SecurityGroup), message));
        }
        let ports = tx.ports_of_security_group(id).await?;
        let ports = ports.iter().map(|row| row.id.uuid());
        Error::used(Noun::SecurityGroup, Noun::Port, ports)?;
        for rule in tx.security_group_rules(group.project).await? {
            if rule.group == id || rule.remote == Remote::Group(id) {
                tx.delete(&rule).await?;
            }
        }
        tx.delete(&group).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// A group is not there, the rule is there already or makes no sense, the quota is used up.
    pub async fn create_security_group_rule(
        &self,
        caller: &Caller,
        new: NewRule,
    ) -> Result<SecurityGroupRule, Error> {
        let mut tx = self.change(caller).await?;
        let group = find(&mut *tx, caller, new.group).await?;
        if let Remote::Group(id) = new.remote {
            find(&mut *tx, caller, id).await?;
        }
        self.check_quota(&mut *tx, group.project, Resource::SecurityGroupRule)
            .await?;
        let row = SecurityGroupRule {
            id: SecurityGroupRuleId::random(),
            project: group.project,
            group: group.id,
            description: new.description,
            direction: new.direction,
            family: new.family,
            protocol: new.protocol.filter(|name| name != "any"),
            port_min: new.port_min,
            port_max: new.port_max,
            remote: new.remote,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        check(&row)?;
        for other in tx.rules_of_security_group(group.id).await? {
            let same = SecurityGroupRule {
                id: row.id,
                description: row.description.clone(),
                created_at: row.created_at,
                revision: row.revision,
                ..other.clone()
            };
            if same == row {
                let message = format!("the rule {} allows the same", other.id);
                return Err(Error::conflict(Rule::Repeated, message));
            }
        }
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The rules that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_security_group_rules(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<SecurityGroupRule>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_security_group_rules(caller.within(query)).await?)
    }

    /// One rule.
    ///
    /// # Errors
    /// It is not there.
    pub async fn security_group_rule(
        &self,
        caller: &Caller,
        id: SecurityGroupRuleId,
    ) -> Result<SecurityGroupRule, Error> {
        let mut tx = self.read().await?;
        let row = tx.security_group_rule(caller.scope(), id).await?;
        row.ok_or(Error::NotFound(Noun::SecurityGroupRule))
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_security_group_rule(
        &self,
        caller: &Caller,
        id: SecurityGroupRuleId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = tx.security_group_rule(caller.scope(), id).await?;
        let row = row.ok_or(Error::NotFound(Noun::SecurityGroupRule))?;
        Error::stale(expected, row.revision)?;
        tx.delete(&row).await?;
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
        let group = self.group(project, name, "Default security group".to_owned());
        let rules = self.first_rules(&group, true);
        self.check_quota_for(&mut **tx, project, Resource::SecurityGroupRule, rules.len())
            .await?;
        tx.insert(&group).await?;
        for rule in rules {
            tx.insert(&rule).await?;
        }
        Ok(group)
    }

    fn group(&self, project: ProjectId, name: Name, description: String) -> SecurityGroup {
        let now = self.now();
        SecurityGroup {
            id: SecurityGroupId::random(),
            project,
            resource_group: None,
            name,
            description,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        }
    }

    /// Anything out, and where members trust each other anything from them in.
    fn first_rules(&self, group: &SecurityGroup, members: bool) -> Vec<SecurityGroupRule> {
        let rule = |direction, family, remote| SecurityGroupRule {
            id: SecurityGroupRuleId::random(),
            project: group.project,
            group: group.id,
            description: String::new(),
            direction,
            family,
            protocol: None,
            port_min: None,
            port_max: None,
            remote,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        let mut rules = Vec::new();
        for family in [Family::V4, Family::V6] {
            rules.push(rule(Direction::Egress, family, Remote::Any));
            if members {
                rules.push(rule(Direction::Ingress, family, Remote::Group(group.id)));
            }
        }
        rules
    }
}

async fn default_of(
    tx: &mut dyn Transaction,
    project: ProjectId,
) -> Result<Option<SecurityGroup>, Error> {
    let query = Query {
        names: Some(vec![SecurityGroup::DEFAULT.to_owned()]),
        ..Query::of_project(project)
    };
    Ok(tx.page_security_groups(query).await?.into_iter().next())
}

fn check(row: &SecurityGroupRule) -> Result<(), Error> {
    let invalid = |field, message: String| Err(Error::invalid(field, Rule::Reference, message));
    if let Remote::Block(cidr) = row.remote
        && Family::of(cidr) != row.family
    {
        return invalid(
            "remote",
            format!("the block {cidr} is of the other IP version"),
        );
    }
    let number = match &row.protocol {
        None => None,
        Some(name) => match protocol_number(name, row.family) {
            Some(number) => Some(number),
            None => return invalid("protocol", format!("there is no protocol {name}")),
        },
    };
    if row.family == Family::V4 && number.is_some_and(is_of_ipv6) {
        let name = row.protocol.as_deref().unwrap_or_default();
        return invalid("family", format!("the protocol {name} is IPv6's"));
    }
    let has_ports = matches!(number, Some(6 | 17 | 33 | 132 | 136));
    let is_icmp = matches!(number, Some(1 | 58));
    match (row.port_min, row.port_max) {
        (None, None) => Ok(()),
        _ if !has_ports && !is_icmp => invalid(
            "protocol",
            "ports are for protocols that have some".to_owned(),
        ),
        (Some(kind), code) if is_icmp => {
            let over = [Some(kind), code]
                .into_iter()
                .flatten()
                .find(|value| *value > 255);
            match over {
                Some(value) => invalid("port_min", format!("ICMP has no type or code {value}")),
                None => Ok(()),
            }
        }
        (None, Some(_)) if is_icmp => invalid("port_min", "an ICMP code needs its type".to_owned()),
        (Some(min), Some(max)) if min <= max && min > 0 => Ok(()),
        _ => invalid(
            "port_min",
            "a range of ports is from the lower to the higher".to_owned(),
        ),
    }
}

/// Whether a protocol is IPv6 itself, one of its extension headers, or ICMPv6.
const fn is_of_ipv6(number: u8) -> bool {
    matches!(number, 41 | 43 | 44 | 58 | 59 | 60)
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: SecurityGroupId,
) -> Result<SecurityGroup, Error> {
    let row = tx.security_group(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::SecurityGroup))
}
