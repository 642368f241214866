//! Ids as IBM prints them: a code of the zone or the region before the UUID. Read leniently: with
//! any such code, or none.

use std::str::FromStr;

use uuid::Uuid;

/// Reads `<code>-<uuid>` or a bare UUID.
pub(crate) fn parse<Id: FromStr>(text: &str) -> Option<Id> {
    const UUID: usize = 36;
    let at = text.len().checked_sub(UUID)?;
    let (code, uuid) = text.split_at_checked(at)?;
    let sane = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let code = match code.strip_suffix('-') {
        Some(code) => code,
        None if code.is_empty() => code,
        None => return None,
    };
    if code.len() > 8 || !code.chars().all(sane) {
        return None;
    }
    uuid.parse().ok()
}

/// What has no row of its own, and so its id of what it is a part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Of a VPC: the default routing table.
    RoutingTable,
    /// Of a VPC: the address prefix of the zone with this number.
    AddressPrefix(u8),
    /// Of a gateway: the member with this number, and its private address.
    Member(u8),
    MemberIp(u8),
    /// Of an instance: its network interface, and the address of that.
    Interface,
    InterfaceIp,
    /// Of a subnet: the address with this number among those that are the provider's.
    ProviderIp(u8),
}

impl Part {
    /// Which parts of one thing differ in.
    const fn number(self) -> u8 {
        match self {
            Self::Interface => 1,
            Self::InterfaceIp => 2,
            Self::RoutingTable => 3,
            Self::Member(number) | Self::ProviderIp(number) => 16_u8.wrapping_add(number % 16),
            Self::MemberIp(number) => 32_u8.wrapping_add(number % 16),
            Self::AddressPrefix(number) => 64_u8.wrapping_add(number % 64),
        }
    }

    /// Its id, from that of the whole; and the whole's from its own.
    pub(crate) fn of(self, id: Uuid) -> Uuid {
        let mut octets = id.into_bytes();
        if let Some(last) = octets.last_mut() {
            *last ^= self.number();
        }
        Uuid::from_bytes(octets)
    }
}

#[cfg(test)]
mod tests {
    use adit_model::GatewayId;

    use super::*;

    #[test]
    fn an_id_is_read_with_and_without_its_code_and_nothing_else_is() {
        let id = GatewayId::random();
        for text in [format!("0738-{id}"), format!("r006-{id}"), id.to_string()] {
            assert_eq!(parse(&text), Some(id), "{text}");
        }
        let other = [
            "",
            "0738-",
            "0738",
            "0738-1d4dbacq-673d-2qed-hf68-858961739gf0",
        ];
        let cut = id.to_string()[1..].to_owned();
        for text in other.into_iter().chain([cut.as_str()]) {
            assert_eq!(parse::<GatewayId>(text), None, "{text}");
        }
        for text in [
            format!("../{id}"),
            format!("0738{id}"),
            format!("é-{id}"),
            format!("A-{id}"),
        ] {
            assert_eq!(parse::<GatewayId>(&text), None, "{text}");
        }
    }

    #[test]
    fn the_parts_of_one_thing_differ_and_lead_back_to_it() {
        let id = Uuid::new_v4();
        let of_vpc = [
            Part::RoutingTable,
            Part::AddressPrefix(0),
            Part::AddressPrefix(1),
        ];
        let of_gateway = [0, 1]
            .into_iter()
            .flat_map(|n| [Part::Member(n), Part::MemberIp(n)]);
        for parts in [of_vpc.to_vec(), of_gateway.collect()] {
            let mut seen = vec![id];
            for part in parts {
                assert!(!seen.contains(&part.of(id)), "{part:?}");
                assert_eq!(part.of(part.of(id)), id);
                seen.push(part.of(id));
            }
        }
    }
}
