//! What is sent, as far as that was said, and whether a rule is for it.

use std::net::IpAddr;

use adit_model::desired::FilterRule;
use adit_model::network_acl::{AclRule, Flow};
use adit_model::security_group::{Direction, Family};

use super::ICMP;

/// The ports that programs take which ask for none (Linux' `ip_local_port_range`).
const CHOSEN: (u16, u16) = (32_768, 60_999);

/// A port, or of ICMP its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
    /// It was not said.
    Any,
    /// This one.
    Exactly(u16),
    /// One that a program takes which asks for none.
    Chosen,
}

/// Whether a rule is for a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fit {
    /// It is not.
    No,
    /// That depends on what was not said.
    Maybe,
    /// It is.
    Yes,
}

impl From<bool> for Fit {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Number {
    fn within(self, (first, last): (u16, u16)) -> Fit {
        let (from, to) = match self {
            Self::Exactly(number) => return (first..=last).contains(&number).into(),
            Self::Chosen => CHOSEN,
            Self::Any => (1, u16::MAX),
        };
        if first <= from && to <= last {
            Fit::Yes
        } else if last < from || to < first {
            Fit::No
        } else {
            Fit::Maybe
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// Its number; `None` is any.
    pub(super) protocol: Option<u8>,
    pub(super) source: Number,
    /// The port that it is for; of ICMP, its type.
    pub(super) destination: Number,
}

impl Packet {
    /// What comes back.
    pub(super) const fn answer(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            source: self.destination,
            destination: self.source,
            ..self
        }
    }

    /// The same for another address, or from another one.
    pub(super) const fn between(self, from: IpAddr, to: IpAddr) -> Self {
        Self { from, to, ..self }
    }

    const fn family(self) -> Family {
        match self.to {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    fn is_icmp(self) -> bool {
        self.protocol.is_some_and(|number| ICMP.contains(&number))
    }

    fn is_of(self, protocol: Option<u8>) -> Fit {
        match (protocol, self.protocol) {
            (None, _) => Fit::Yes,
            (Some(wanted), Some(own)) => (wanted == own).into(),
            (Some(_), None) => Fit::Maybe,
        }
    }

    /// Whether a security group's rule lets it through this way.
    pub(super) fn fits(self, rule: &FilterRule, direction: Direction) -> Fit {
        if rule.direction != direction || rule.family != self.family() {
            return Fit::No;
        }
        let other = match direction {
            Direction::Egress => self.to,
            Direction::Ingress => self.from,
        };
        let blocks = rule.remote.as_ref();
        let remote = blocks.is_none_or(|blocks| blocks.iter().any(|block| block.contains(other)));
        let number = match (rule.port_min, rule.port_max) {
            (None, None) => Fit::Yes,
            // A type, and its code, which nobody says here.
            (Some(kind), code) if self.is_icmp() => {
                let code = if code.is_some() { Fit::Maybe } else { Fit::Yes };
                self.destination.within((kind, kind)).min(code)
            }
            (first, last) => {
                let range = (first.unwrap_or(0), last.unwrap_or(u16::MAX));
                self.destination.within(range)
            }
        };
        Fit::from(remote).min(self.is_of(rule.protocol)).min(number)
    }

    /// Whether a network ACL's rule is for it this way.
    pub(super) fn is_for(self, rule: &AclRule, flow: Flow) -> Fit {
        if rule.flow != flow {
            return Fit::No;
        }
        let here =
            rule.source.cidr().contains(self.from) && rule.destination.cidr().contains(self.to);
        let ports = |range: Option<(u16, u16)>, number: Number| {
            range.map_or(Fit::Yes, |range| number.within(range))
        };
        let numbers = match rule.icmp_type {
            // Of an answer another type is sent than it was asked with.
            Some(kind) if self.source == Number::Chosen => {
                let kind = u16::from(kind);
                let code = rule.icmp_code.map_or(Fit::Yes, |_| Fit::Maybe);
                self.destination.within((kind, kind)).min(code)
            }
            Some(_) => Fit::Maybe,
            None => ports(rule.source_ports, self.source)
                .min(ports(rule.destination_ports, self.destination)),
        };
        Fit::from(here).min(self.is_of(rule.protocol)).min(numbers)
    }
}

#[cfg(test)]
mod tests {
    use adit_model::network_acl::Action;

    use super::*;

    fn packet(protocol: Option<u8>, destination: Number) -> Packet {
        Packet {
            from: "10.0.0.5".parse().unwrap(),
            to: "10.1.0.7".parse().unwrap(),
            protocol,
            source: Number::Chosen,
            destination,
        }
    }

    #[test]
    fn a_number_is_within_a_range_or_not_or_that_depends() {
        for (number, range, fit) in [
            (Number::Exactly(80), (80, 80), Fit::Yes),
            (Number::Exactly(81), (80, 80), Fit::No),
            (Number::Any, (1, 65535), Fit::Yes),
            (Number::Any, (80, 80), Fit::Maybe),
            (Number::Chosen, (1024, 65535), Fit::Yes),
            (Number::Chosen, (1, 1024), Fit::No),
            (Number::Chosen, (40000, 50000), Fit::Maybe),
        ] {
            assert_eq!(number.within(range), fit, "{number:?} {range:?}");
        }
    }

    #[test]
    fn a_group_s_rule_is_for_what_it_says() {
        let rule = FilterRule {
            direction: Direction::Egress,
            family: Family::V4,
            protocol: Some(6),
            port_min: Some(80),
            port_max: Some(89),
            remote: Some(vec!["10.1.0.0/16".parse().unwrap()]),
        };
        let fit = |packet: Packet| packet.fits(&rule, Direction::Egress);
        assert_eq!(fit(packet(Some(6), Number::Exactly(80))), Fit::Yes);
        assert_eq!(fit(packet(Some(17), Number::Exactly(80))), Fit::No);
        assert_eq!(fit(packet(None, Number::Any)), Fit::Maybe);
        assert_eq!(fit(packet(Some(6), Number::Any)), Fit::Maybe);
        assert_eq!(fit(packet(Some(6), Number::Exactly(80)).answer()), Fit::No);
        let other = packet(Some(6), Number::Exactly(80)).fits(&rule, Direction::Ingress);
        assert_eq!(other, Fit::No);
    }

    #[test]
    fn an_answer_comes_from_the_port_that_was_asked() {
        let asked = packet(Some(6), Number::Exactly(22));
        let rule = AclRule {
            action: Action::Allow,
            source: "10.1.0.0/16".parse().unwrap(),
            protocol: Some(6),
            source_ports: Some((22, 22)),
            destination_ports: Some((1024, 65535)),
            ..AclRule::allowing(Flow::Inbound)
        };
        assert_eq!(asked.answer().is_for(&rule, Flow::Inbound), Fit::Yes);
        assert_eq!(asked.is_for(&rule, Flow::Inbound), Fit::No);
        assert_eq!(asked.answer().is_for(&rule, Flow::Outbound), Fit::No);
        let ping = AclRule {
            protocol: Some(1),
            icmp_type: Some(8),
            ..AclRule::allowing(Flow::Outbound)
        };
        let asked = packet(Some(1), Number::Exactly(8));
        assert_eq!(asked.is_for(&ping, Flow::Outbound), Fit::Yes);
        let asked = packet(Some(1), Number::Any);
        assert_eq!(asked.is_for(&ping, Flow::Outbound), Fit::Maybe);
    }
}
