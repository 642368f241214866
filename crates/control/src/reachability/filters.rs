//! What lets a packet through on the way: machines' security groups, and network ACLs of subnets.

use adit_model::network_acl::{Action, Flow};
use adit_model::security_group::Direction;
use adit_model::{NetworkAcl, Noun, Port, RouterId, SecurityGroup, SecurityGroupRule, Subnet};

use super::packet::{Fit, Packet};
use super::steps::{Step, Verdict};
use super::walk::Walk;
use crate::error::Error;
use crate::{network_acl, spec};

/// What a network ACL does with a packet, and by which rule.
enum Edge<'a> {
    By(Action, &'a adit_model::network_acl::NetworkAclRule),
    Depends(&'a adit_model::network_acl::NetworkAclRule),
    Nothing,
}

fn decide(acl: &NetworkAcl, packet: Packet, flow: Flow) -> Edge<'_> {
    let mut depends = None;
    for rule in &acl.rules {
        match packet.is_for(&rule.content, flow) {
            Fit::No => {}
            Fit::Maybe => depends = depends.or(Some(rule)),
            // One before may be for some of it, and do something else with that.
            Fit::Yes => match depends {
                Some(first) if first.content.action != rule.content.action => {
                    return Edge::Depends(first);
                }
                _ => return Edge::By(rule.content.action, rule),
            },
        }
    }
    match depends {
        Some(rule) if rule.content.action == Action::Allow => Edge::Depends(rule),
        _ => Edge::Nothing,
    }
}

impl Walk<'_> {
    /// Whether a machine's groups let it send this.
    pub(super) async fn leaves(&mut self, row: &Port) -> Result<bool, Error> {
        self.filtered(row, Direction::Egress).await
    }

    /// Whether a machine's groups let this in.
    pub(super) async fn enters(&mut self, row: &Port) -> Result<bool, Error> {
        self.filtered(row, Direction::Ingress).await
    }

    async fn filtered(&mut self, row: &Port, direction: Direction) -> Result<bool, Error> {
        let what = match direction {
            Direction::Egress => {
                format!("what the machine {} sends to {}", row.name, self.packet.to)
            }
            Direction::Ingress => format!(
                "what gets to the machine {} from {}",
                row.name, self.packet.from
            ),
        };
        let it = (Noun::Port, row.id.uuid(), row.name.as_str());
        if !row.port_security {
            let text = format!("{what} is not filtered");
            return Ok(self.note(Verdict::Passes, it, text));
        }
        let mut maybe: Option<(SecurityGroup, SecurityGroupRule)> = None;
        let mut names = Vec::new();
        for id in &row.security_groups {
            let Some(group) = self.tx.any_security_group(*id).await? else {
                continue;
            };
            for rule in self.tx.rules_of_security_group(*id).await? {
                let resolved = spec::filter_rule(self.tx, &rule).await?;
                match self.packet.fits(&resolved, direction) {
                    Fit::No => {}
                    Fit::Maybe => maybe = maybe.or_else(|| Some((group.clone(), rule))),
                    Fit::Yes => {
                        let text = format!("the security group {} allows {what}", group.name);
                        return Ok(self.by_rule(Verdict::Passes, &group, &rule, text));
                    }
                }
            }
            names.push(group.name.to_string());
        }
        if let Some((group, rule)) = maybe {
            let text = format!(
                "the security group {} allows some of {what}: say the protocol and the port",
                group.name
            );
            return Ok(self.by_rule(Verdict::Depends, &group, &rule, text));
        }
        let text = if names.is_empty() {
            format!("nothing allows {what}: it is filtered, and has no security group")
        } else {
            let names = names.join(", ");
            format!("no rule of its security groups ({names}) allows {what}")
        };
        Ok(self.note(Verdict::Stopped, it, text))
    }

    fn by_rule(
        &mut self,
        verdict: Verdict,
        group: &SecurityGroup,
        rule: &SecurityGroupRule,
        text: String,
    ) -> bool {
        self.steps.push(Step {
            verdict,
            noun: Noun::SecurityGroup,
            id: group.id.uuid(),
            name: group.name.to_string(),
            rule: Some(rule.id.uuid()),
            text,
        });
        verdict != Verdict::Stopped
    }

    /// Whether a packet passes the edge of a subnet this way, and its answer the other way.
    pub(super) async fn edge(
        &mut self,
        subnet: &Subnet,
        router: RouterId,
        flow: Flow,
    ) -> Result<bool, Error> {
        if !subnet.cidr.is_ipv4() {
            return Ok(true);
        }
        let acl = network_acl::of_subnet(self.tx, subnet, router).await?;
        let Some(acl) = acl.filter(|_| self.packet.to.is_ipv4()) else {
            return Ok(true);
        };
        let back = match flow {
            Flow::Inbound => Flow::Outbound,
            Flow::Outbound => Flow::Inbound,
        };
        for (packet, flow, what) in [
            (self.packet, flow, "it"),
            (self.packet.answer(), back, "its answer"),
        ] {
            let way = match flow {
                Flow::Inbound => "into",
                Flow::Outbound => "out of",
            };
            let what = format!("{what} {way} the subnet {}", subnet.name);
            let name = &acl.name;
            let (verdict, rule, text) = match decide(&acl, packet, flow) {
                Edge::By(Action::Allow, rule) => (
                    Verdict::Passes,
                    Some(rule.id.uuid()),
                    format!(
                        "the network ACL {name} lets {what}, by its rule {}",
                        rule.name
                    ),
                ),
                Edge::By(Action::Deny, rule) => (
                    Verdict::Stopped,
                    Some(rule.id.uuid()),
                    format!(
                        "the network ACL {name} does not let {what}, by its rule {}",
                        rule.name
                    ),
                ),
                Edge::Depends(rule) => (
                    Verdict::Depends,
                    Some(rule.id.uuid()),
                    format!(
                        "whether the network ACL {name} lets {what} depends on the protocol and the ports, by its rule {}",
                        rule.name
                    ),
                ),
                Edge::Nothing => (
                    Verdict::Stopped,
                    None,
                    format!("no rule of the network ACL {name} lets {what}"),
                ),
            };
            self.steps.push(Step {
                verdict,
                noun: Noun::NetworkAcl,
                id: acl.id.uuid(),
                name: name.to_string(),
                rule,
                text,
            });
            if verdict == Verdict::Stopped {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
