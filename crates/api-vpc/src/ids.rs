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

/// Another id that belongs to the same thing: its `index`th part.
pub(crate) fn part(of: Uuid, index: u8) -> Uuid {
    let mut octets = of.into_bytes();
    if let Some(last) = octets.last_mut() {
        *last ^= index.wrapping_add(1);
    }
    Uuid::from_bytes(octets)
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
    fn the_parts_of_one_thing_differ() {
        let id = Uuid::new_v4();
        assert_ne!(part(id, 0), id);
        assert_ne!(part(id, 0), part(id, 1));
    }
}
