//! Rules of network ACLs: each change of one is a change of its network ACL.

use adit_model::network_acl::{AclRule, NetworkAclRule};
use adit_model::{Name, NetworkAcl, NetworkAclId, NetworkAclRuleId, Revision};

use super::find;
use crate::error::{Error, Noun, Quota, Rule};
use crate::{Caller, Control};

/// The numbers of the protocols that have ports, and of ICMP.
const WITH_PORTS: [u8; 2] = [6, 17];
const ICMP: u8 = 1;

/// What a rule is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAclRule {
    /// What to call it.
    pub name: Name,
    /// Which packets it is for, and what becomes of them.
    pub content: AclRule,
}

/// Where a rule is to be among others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// Right before this one.
    Rule(NetworkAclRuleId),
    /// The last.
    Nothing,
}

impl Control {
    /// Adds a rule to a network ACL.
    ///
    /// # Errors
    /// The network ACL, or the rule it is to be before, is not there; its name is taken, it makes no
    /// sense, or a quota is used up.
    pub async fn create_network_acl_rule(
        &self,
        caller: &Caller,
        acl: NetworkAclId,
        new: NewAclRule,
        before: Before,
    ) -> Result<(NetworkAcl, NetworkAclRuleId), Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, acl).await?;
        let id = self.add_rule(&mut row, new, before)?;
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok((row, id))
    }

    /// Replaces a rule of a network ACL, and puts it elsewhere if that is said. `expected` is the
    /// revision of the network ACL that it was read of.
    ///
    /// # Errors
    /// As for a new one; it is not there, or the network ACL was changed since.
    pub async fn update_network_acl_rule(
        &self,
        caller: &Caller,
        (acl, id): (NetworkAclId, NetworkAclRuleId),
        expected: Option<Revision>,
        new: NewAclRule,
        before: Option<Before>,
    ) -> Result<NetworkAcl, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, acl).await?;
        Error::stale(expected, row.revision)?;
        check(&row, &new, Some(id))?;
        let place = row.rules.iter().position(|rule| rule.id == id);
        let mut place = place.ok_or_else(missing)?;
        let mut rule = row.rules.remove(place);
        (rule.name, rule.content) = (new.name, new.content);
        if let Some(before) = before {
            place = place_of(&row, before)?;
        }
        row.rules.insert(place, rule);
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Takes a rule from a network ACL.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_network_acl_rule(
        &self,
        caller: &Caller,
        (acl, id): (NetworkAclId, NetworkAclRuleId),
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, acl).await?;
        let place = row.rules.iter().position(|rule| rule.id == id);
        row.rules.remove(place.ok_or_else(missing)?);
        row.updated_at = self.now();
        tx.update(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) fn add_rule(
        &self,
        row: &mut NetworkAcl,
        new: NewAclRule,
        before: Before,
    ) -> Result<NetworkAclRuleId, Error> {
        let limit = self.0.config.limits.rules_of_network_acl;
        Quota::RulesOfNetworkAcl.check(row.rules.len(), limit)?;
        check(row, &new, None)?;
        let rule = NetworkAclRule {
            id: NetworkAclRuleId::random(),
            name: new.name,
            created_at: self.now(),
            content: new.content,
        };
        let id = rule.id;
        let place = place_of(row, before)?;
        row.rules.insert(place, rule);
        Ok(id)
    }
}

fn missing() -> Error {
    Error::invalid(
        "rule",
        Rule::Reference,
        "there is no such rule in the network ACL",
    )
}

fn place_of(row: &NetworkAcl, before: Before) -> Result<usize, Error> {
    match before {
        Before::Nothing => Ok(row.rules.len()),
        Before::Rule(id) => {
            let place = row.rules.iter().position(|rule| rule.id == id);
            let message = "there is no rule of this network ACL that it could be before";
            place.ok_or_else(|| Error::invalid("before", Rule::Reference, message))
        }
    }
}

/// Refuses a name that a sibling has, and what makes no sense.
fn check(row: &NetworkAcl, new: &NewAclRule, own: Option<NetworkAclRuleId>) -> Result<(), Error> {
    let mut others = row.rules.iter().filter(|rule| Some(rule.id) != own);
    if let Some(other) = others.find(|rule| rule.name == new.name) {
        let message = format!(
            "the name {} is already in use by the network ACL rule {}",
            new.name, other.id
        );
        return Err(Error::conflict(Rule::NameTaken(Noun::NetworkAcl), message));
    }
    let invalid = |field, message: &str| Err(Error::invalid(field, Rule::Reference, message));
    let rule = &new.content;
    for (field, end) in [("source", rule.source), ("destination", rule.destination)] {
        if !end.cidr().is_ipv4() {
            return invalid(field, "network ACLs are of IPv4 alone");
        }
    }
    let has_ports = rule
        .protocol
        .is_some_and(|number| WITH_PORTS.contains(&number));
    for (field, ports) in [
        ("source_port_min", rule.source_ports),
        ("destination_port_min", rule.destination_ports),
    ] {
        let Some((first, last)) = ports else {
            continue;
        };
        if !has_ports {
            return invalid(field, "ports are for TCP and UDP");
        }
        if first == 0 || first > last {
            return invalid(field, "a range of ports is from the lower to the higher");
        }
    }
    let is_icmp = rule.protocol == Some(ICMP);
    match (rule.icmp_type, rule.icmp_code) {
        (Some(_), _) if !is_icmp => invalid("type", "types are for ICMP"),
        (None, Some(_)) => invalid("code", "an ICMP code needs its type"),
        _ => Ok(()),
    }
}
