//! Moments as dialects write them, always in UTC.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

const MICROSECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// `2026-01-02T03:04:05Z`.
#[must_use]
pub fn seconds(when: OffsetDateTime) -> String {
    // The format has nothing that a time could lack.
    when.format(SECONDS).unwrap_or_default()
}

/// `2026-01-02T03:04:05.000006Z`.
#[must_use]
pub fn microseconds(when: OffsetDateTime) -> String {
    // The format has nothing that a time could lack.
    when.format(MICROSECONDS).unwrap_or_default()
}

/// A moment as RFC 3339 has it; without a zone it is in UTC.
#[must_use]
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_and_may_lack_its_z() {
        let text = "2030-01-02T03:04:05.000006Z";
        let when = parse(text).unwrap();
        assert_eq!(microseconds(when), text);
        assert_eq!(seconds(when), "2030-01-02T03:04:05Z");
        assert_eq!(parse("2030-01-02T03:04:05.000006"), Some(when));
        assert_eq!(parse("tomorrow"), None);
    }
}
