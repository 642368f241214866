//! What groups allow.

use adit_model::security_group::{Direction, Family, Remote, protocol_number};
use adit_model::{
    Cidr, Name, Revision, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupRuleId,
};
use adit_store::{Query, Transaction};

use super::{Rules, find};
use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::resource::Resource;
use crate::rules::{self, Allowance};
use crate::{Caller, Control};

/// What a rule is to allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRule {
    /// What to call it; may be empty.
    pub name: Name,
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

impl NewRule {
    /// One that allows every protocol.
    #[must_use]
    pub fn allowing(direction: Direction, family: Family, remote: Remote) -> Self {
        Self {
            name: Name::default(),
            description: String::new(),
            direction,
            family,
            protocol: None,
            port_min: None,
            port_max: None,
            remote,
        }
    }
}

/// What to change of a rule; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewRule")]
pub struct RuleChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub direction: Option<Direction>,
    pub port_min: Option<Option<u16>>,
    pub port_max: Option<Option<u16>>,
    pub remote: Option<Remote>,
}

impl Control {
    /// Adds a rule.
    ///
    /// # Errors
    /// A group is not there, the rule is there already or makes no sense, the name is taken, the quota
    /// is used up.
    pub async fn create_security_group_rule(
        &self,
        caller: &Caller,
        rules: Rules,
        group: SecurityGroupId,
        new: NewRule,
    ) -> Result<SecurityGroupRule, Error> {
        let mut tx = self.change(caller).await?;
        let group = find(&mut *tx, caller, group).await?;
        let row = self.insert_rule(&mut tx, caller, rules, &group, new);
        let row = row.await?;
        tx.commit().await?;
        Ok(row)
    }

    pub(super) async fn insert_rule(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        group: &SecurityGroup,
        new: NewRule,
    ) -> Result<SecurityGroupRule, Error> {
        let siblings = tx.rules_of_security_group(group.id).await?;
        match rules.allowance {
            Allowance::Fixed => {
                let limit = self.0.config.limits.rules_of_security_group;
                Quota::RulesOfSecurityGroup.check(siblings.len(), limit)?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut **tx, group.project, Resource::SecurityGroupRule)
                    .await?;
            }
        }
        let row = self.rule(group, new);
        check_remote(&mut **tx, caller, group, row.remote).await?;
        check(&row)?;
        check_siblings(&siblings, &row, rules)?;
        tx.insert(&row).await?;
        Ok(row)
    }

    pub(super) fn rule(&self, group: &SecurityGroup, new: NewRule) -> SecurityGroupRule {
        SecurityGroupRule {
            id: SecurityGroupRuleId::random(),
            project: group.project,
            group: group.id,
            name: new.name,
            description: new.description,
            direction: new.direction,
            family: new.family,
            protocol: new.protocol.filter(|name| name != "any"),
            port_min: new.port_min,
            port_max: new.port_max,
            remote: new.remote,
            created_at: self.now(),
            revision: Revision::FIRST,
        }
    }

    /// Changes a rule of a group.
    ///
    /// # Errors
    /// It is not there, it would make no sense or be one that is there already, or the name is taken.
    pub async fn update_security_group_rule(
        &self,
        caller: &Caller,
        rules: Rules,
        (group, id): (SecurityGroupId, SecurityGroupRuleId),
        change: RuleChange,
    ) -> Result<SecurityGroupRule, Error> {
        let mut tx = self.change(caller).await?;
        let group = find(&mut *tx, caller, group).await?;
        let siblings = tx.rules_of_security_group(group.id).await?;
        let row = siblings.iter().find(|row| row.id == id).cloned();
        let mut row = row.ok_or(Error::NotFound(Noun::SecurityGroupRule))?;
        Error::stale(change.expected, row.revision)?;
        row.name = change.name.unwrap_or(row.name);
        row.direction = change.direction.unwrap_or(row.direction);
        row.port_min = change.port_min.unwrap_or(row.port_min);
        row.port_max = change.port_max.unwrap_or(row.port_max);
        if let Some(remote) = change.remote {
            check_remote(&mut *tx, caller, &group, remote).await?;
            row.remote = remote;
        }
        check(&row)?;
        check_siblings(&siblings, &row, rules)?;
        row.revision = tx.update(&row).await?;
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
}

/// Refuses a group that is not there, or that is another router's than the rule's own.
async fn check_remote(
    tx: &mut dyn Transaction,
    caller: &Caller,
    group: &SecurityGroup,
    remote: Remote,
) -> Result<(), Error> {
    let Remote::Group(id) = remote else {
        return Ok(());
    };
    let named = find(tx, caller, id).await?;
    if group.router.is_some() && named.router != group.router {
        let message = format!("the security group {id} is not of the same router");
        return Err(Error::invalid("remote", Rule::Reference, message));
    }
    Ok(())
}

/// Refuses what another rule of the group allows already, and its name.
fn check_siblings(
    siblings: &[SecurityGroupRule],
    row: &SecurityGroupRule,
    rules: Rules,
) -> Result<(), Error> {
    let siblings = siblings.iter().filter(|other| other.id != row.id);
    for other in siblings.clone() {
        let same = SecurityGroupRule {
            id: row.id,
            name: row.name.clone(),
            description: row.description.clone(),
            created_at: row.created_at,
            revision: row.revision,
            ..other.clone()
        };
        if same == *row {
            let message = format!("the rule {} allows the same", other.id);
            return Err(Error::conflict(Rule::Repeated, message));
        }
    }
    let names = siblings.map(|other| (&other.name, other.id));
    let names = names.filter(|(name, _)| !name.as_str().is_empty());
    rules::check_name(
        Noun::SecurityGroupRule,
        names,
        &row.name,
        rules.naming,
        Some(row.id),
    )
}

fn check(row: &SecurityGroupRule) -> Result<(), Error> {
    let invalid = |field, message: String| Err(Error::invalid(field, Rule::Reference, message));
    let block = match row.remote {
        Remote::Block(cidr) => Some(cidr),
        Remote::Address(address) => Some(Cidr::host(address)),
        Remote::Any | Remote::Group(_) => None,
    };
    if let Some(cidr) = block.filter(|cidr| Family::of(*cidr) != row.family) {
        let message = format!("the block {cidr} is of the other IP version");
        return invalid("remote", message);
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
