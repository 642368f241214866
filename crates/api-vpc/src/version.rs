//! What the `version` parameter switches. A date in the future means the newest shape: clients
//! and servers don't share a calendar.

use time::macros::date;
use time::{Date, Month};

/// The date a client was written for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Version(Date);

/// Why a `version` was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VersionError {
    /// Not `YYYY-MM-DD`.
    Malformed,
    /// Before 2019-01-01.
    TooOld,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Result<Self, VersionError> {
        let date = parse_date(text).ok_or(VersionError::Malformed)?;
        if date < date!(2019 - 01 - 01) {
            return Err(VersionError::TooOld);
        }
        Ok(Self(date))
    }

    /// Names are lower case, `3des` is `triple_des`, and dead peers are looked for by default.
    pub(crate) fn is_after_the_seed(self) -> bool {
        self.0 >= date!(2020 - 06 - 01)
    }

    /// Gateways and connections have `mode`; before, connections had `route_mode`.
    pub(crate) fn has_mode(self) -> bool {
        self.0 >= date!(2020 - 11 - 13)
    }

    /// Gateways have `lifecycle_state` and `health_state` instead of `status`.
    pub(crate) fn has_no_gateway_status(self) -> bool {
        self.0 >= date!(2023 - 10 - 10)
    }

    /// A rule for every protocol says `any`; before, it said `all`.
    pub(crate) fn has_any_protocol(self) -> bool {
        self.0 >= date!(2025 - 12 - 09)
    }

    /// Connections have `local` and `peer`; adding a CIDR answers 201 when it is new.
    pub(crate) fn has_nested_ends(self) -> bool {
        self.0 >= date!(2024 - 04 - 30)
    }
}

fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let all = part.bytes().all(|octet| octet.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| all)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_taken_and_other_texts_are_not() {
        for text in ["2019-01-01", "2020-02-14", "2026-10-06", "2999-12-31"] {
            assert!(Version::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "2020-2-14",
            "2020-02-30",
            "20200214",
            "2020-02-1x",
            "+020-02-14",
            "today",
        ] {
            assert_eq!(Version::parse(text), Err(VersionError::Malformed), "{text}");
        }
        assert_eq!(Version::parse("2018-12-31"), Err(VersionError::TooOld));
    }

    #[test]
    fn each_boundary_is_the_first_day_of_its_shape() {
        let at = |text| Version::parse(text).unwrap();
        assert!(!at("2020-05-31").is_after_the_seed() && at("2020-06-01").is_after_the_seed());
        assert!(!at("2020-11-12").has_mode() && at("2020-11-13").has_mode());
        assert!(
            !at("2023-10-09").has_no_gateway_status() && at("2023-10-10").has_no_gateway_status()
        );
        assert!(!at("2025-12-08").has_any_protocol() && at("2025-12-09").has_any_protocol());
        assert!(!at("2024-04-29").has_nested_ends() && at("2024-04-30").has_nested_ends());
    }
}
