//! What is said of a value that is not of its kind.

use adit_api::wrong::{What, Wrong};

use crate::error::ApiError;
use crate::python;

/// The refusal of an attribute's value.
pub(crate) fn refusal(name: &str, wrong: &Wrong) -> ApiError {
    let reason = reason(wrong);
    match is_conversion(wrong) {
        true => ApiError::Input { reason },
        false => ApiError::attribute(name, reason),
    }
}

/// Whether it could not be made what it should be, which is said without the attribute's name.
const fn is_conversion(wrong: &Wrong) -> bool {
    matches!(wrong.what, What::NotFlag | What::NotNumber)
}

/// The reason alone.
pub(crate) fn reason(wrong: &Wrong) -> String {
    let text = python::text(&wrong.value);
    let what = match &wrong.what {
        What::NotKnown => return format!("{text} is not in valid_values"),
        What::Refused(reason) => return (*reason).to_owned(),
        What::Twice => return format!("Duplicate items in the list: '{text}'"),
        What::Unexpected(keys) => return format!("Unexpected keys supplied: {}", keys.join(", ")),
        What::Negative => "should be non-negative",
        What::NotBlock => "is not a valid IP subnet",
        What::NotFlag => "cannot be converted to boolean",
        What::NotInteger | What::NotNumber => "is not an integer",
        What::NotIp => "is not a valid IP address",
        What::NotList => "is not a list",
        What::NotObject => "is not a dictionary",
        What::NotText => "is not a valid string",
        What::NotUuid => "is not a valid UUID",
        What::TooLarge => &format!("is too large - must be no larger than '{}'", u32::MAX),
        What::TooLong(most) => &format!("exceeds maximum length of {most}"),
        What::TooSmall(least) => &format!("is too small - must be at least '{least}'"),
    };
    format!("'{text}' {what}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use adit_api::kind::Kind;

    use super::*;

    const LIFETIME: Kind = Kind::Dict(&[
        ("units", Kind::OneOf(|text| text == "seconds")),
        ("value", Kind::AtLeast(60)),
    ]);

    fn reason(kind: Kind, value: &Value) -> String {
        match kind.read(value) {
            Err(wrong) if is_conversion(&wrong) => format!("conversion: {}", super::reason(&wrong)),
            Err(wrong) => super::reason(&wrong),
            Ok(given) => panic!("{value} was taken as {given:?}"),
        }
    }

    #[test]
    fn refusals_read_as_recorded() {
        let v = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (kind, value, said) in [
            (Kind::Name, "5", "'5' is not a valid string"),
            (Kind::Name, "null", "'None' is not a valid string"),
            (Kind::Name, "\" lead\"", "' lead' is not a valid string"),
            (
                Kind::Text(3),
                "\"long\"",
                "'long' exceeds maximum length of 3",
            ),
            (Kind::Uuid, "\"x\"", "'x' is not a valid UUID"),
            (Kind::Uuid, "null", "'None' is not a valid UUID"),
            (Kind::UuidOrNull, "\"\"", "'' is not a valid UUID"),
            (
                Kind::Flag,
                "\"maybe\"",
                "conversion: 'maybe' cannot be converted to boolean",
            ),
            (
                Kind::Integer,
                "\"big\"",
                "conversion: 'big' is not an integer",
            ),
            (Kind::Integer, "-100", "'-100' should be non-negative"),
            (
                LIFETIME,
                "{\"units\": 20000}",
                "20000 is not in valid_values",
            ),
            (
                LIFETIME,
                "{\"value\": 59}",
                "'59' is too small - must be at least '60'",
            ),
            (
                LIFETIME,
                "{\"value\": -20}",
                "'-20' is too small - must be at least '60'",
            ),
            (
                LIFETIME,
                "{\"value\": \"Megabytes\"}",
                "'Megabytes' is not an integer",
            ),
            (
                LIFETIME,
                "{\"bogus\": 1}",
                "Unexpected keys supplied: bogus",
            ),
            (LIFETIME, "\"x\"", "'x' is not a dictionary"),
            (LIFETIME, "[]", "'[]' is not a dictionary"),
            (Kind::NonNegative, "\"a\"", "'a' is not an integer"),
            (Kind::NonNegative, "-1", "'-1' should be non-negative"),
            (
                Kind::OneOf(|_| false),
                "null",
                "None is not in valid_values",
            ),
            (
                Kind::Cidrs,
                "[\"192.168.2.0/24\", \"10/8\"]",
                "'10/8' is not a valid IP subnet",
            ),
            (
                Kind::Cidrs,
                "\"myname\"",
                "'myname' is not a valid IP subnet",
            ),
            (
                Kind::Cidrs,
                "[\"10.1.0.0/24\", \"10.1.0.0/24\"]",
                "Duplicate items in the list: '10.1.0.0/24'",
            ),
        ] {
            assert_eq!(reason(kind, &v(value)), said, "{value}");
        }
    }

    #[test]
    fn what_is_of_another_type_or_not_here_is_refused() {
        for (kind, value, said) in [
            (Kind::NonNegative, "true", "'True' is not an integer"),
            (Kind::List, "null", "'None' is not a list"),
            (Kind::List, "{}", "'{}' is not a list"),
            (Kind::ListOrNull, "\"x\"", "'x' is not a list"),
            (Kind::EmptyList("there are none"), "[7]", "there are none"),
            (Kind::EmptyList("there are none"), "7", "'7' is not a list"),
            (Kind::Just(false, "there are none"), "1", "there are none"),
            (
                Kind::Just(false, "there are none"),
                "7",
                "conversion: '7' cannot be converted to boolean",
            ),
            (
                Kind::NoId("there are none"),
                "\"x\"",
                "'x' is not a valid UUID",
            ),
            (Kind::IpOrNull, "7", "'7' is not a valid IP address"),
        ] {
            let value = serde_json::from_str(value).unwrap();
            assert_eq!(reason(kind, &value), said, "{value}");
        }
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let long = "s3cr3t".repeat(50);
        for value in [json!(long), json!(["s3cr3t"]), json!({"s3cr3t": 1})] {
            assert!(!reason(Kind::Psk, &value).contains("s3cr3t"));
        }
        assert_eq!(reason(Kind::Psk, &json!(5)), "'5' is not a valid string");
        assert_eq!(
            reason(Kind::Psk, &json!(null)),
            "'None' is not a valid string"
        );
    }
}
