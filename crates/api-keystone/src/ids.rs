//! Ids and times as Keystone writes them.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use uuid::Uuid;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// 32 hexadecimal digits.
pub(crate) fn id(uuid: Uuid) -> String {
    uuid.simple().to_string()
}

/// An id with or without hyphens. Other spellings that the library takes are nobody's id.
pub(crate) fn parse(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36)
        .then(|| Uuid::parse_str(text).ok())
        .flatten()
}

/// `2026-01-02T03:04:05.000006Z`.
pub(crate) fn time(time: OffsetDateTime) -> String {
    // The format has nothing that a time could lack.
    time.format(TIME).unwrap_or_default()
}

/// `2026-01-02T03:04:05.000006`, in UTC: as Keystone says when an application credential ends.
pub(crate) fn time_without_zone(when: OffsetDateTime) -> String {
    time(when).trim_end_matches('Z').to_owned()
}

/// A time in UTC, with or without the `Z`.
pub(crate) fn parse_time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_and_without_hyphens() {
        let uuid = Uuid::from_u128(7);
        assert_eq!(parse(&id(uuid)), Some(uuid));
        assert_eq!(parse(&uuid.to_string()), Some(uuid));
        for text in [
            "",
            "demo",
            &format!("{{{uuid}}}"),
            &format!("urn:uuid:{uuid}"),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_reads_back_and_may_lack_its_z() {
        let text = "2030-01-02T03:04:05.000006Z";
        let bare = "2030-01-02T03:04:05.000006";
        assert_eq!(time(parse_time(text).unwrap()), text);
        assert_eq!(time_without_zone(parse_time(text).unwrap()), bare);
        assert_eq!(parse_time(bare), parse_time(text));
        assert_eq!(parse_time("tomorrow"), None);
    }
}
