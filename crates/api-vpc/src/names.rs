//! Names: their pattern, and one for what was given none.

use adit_control::Noun;
use adit_model::Name;
use uuid::Uuid;

use crate::error::{ApiError, word};
use crate::version::Version;

/// The longest name.
const MAX: usize = 63;

const ADJECTIVES: [&str; 16] = [
    "amber", "brisk", "calm", "deft", "eager", "fair", "gentle", "hardy", "ivory", "jolly", "keen",
    "lucid", "mellow", "noble", "quiet", "steady",
];

const NOUNS: [&str; 16] = [
    "badger", "beacon", "canyon", "delta", "falcon", "harbor", "lantern", "meadow", "otter",
    "pebble", "quarry", "raven", "sparrow", "timber", "valley", "willow",
];

/// A name as clients of this version may give it.
pub(crate) fn parse(noun: Noun, version: Version, text: &str) -> Result<Name, ApiError> {
    let fits = if version.is_after_the_seed() {
        let mut letters = text.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_lowercase());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        first && letters.all(inner) && !text.ends_with('-')
    } else {
        let mut letters = text.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
        first && letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let invalid = || {
        let code = format!("{}_invalid_name", word(noun));
        let rule = if version.is_after_the_seed() {
            "lower case letters, digits and hyphens, starting with a letter and not ending with a hyphen"
        } else {
            "letters, digits, hyphens and underscores, starting with a letter"
        };
        ApiError::bad(code, format!("The name must be 1 to {MAX} {rule}.")).field("name")
    };
    if !fits || text.len() > MAX {
        return Err(invalid());
    }
    Name::parse(text).map_err(|_| invalid())
}

/// The name of a thing that need not have one: else a word and the beginning of its id.
pub(crate) fn or_short(name: &Name, word: &str, short: &str) -> String {
    match name.as_str() {
        "" => format!("{word}-{short}"),
        name => name.to_owned(),
    }
}

/// A name of a few words for something that was given none.
pub(crate) fn generate() -> String {
    let random = Uuid::new_v4().into_bytes();
    let pick = |words: &[&'static str; 16], octet: u8| {
        let index = usize::from(octet % 16);
        words.get(index).copied().unwrap_or("adit")
    };
    let [a, b, c, d, e, ..] = random;
    let adjective = pick(&ADJECTIVES, a);
    let noun = pick(&NOUNS, b);
    format!("{adjective}-{noun}-{c:02x}{d:02x}{e:02x}")
}

/// The same as a name.
pub(crate) fn fresh() -> Name {
    Name::parse(&generate()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(version: &str, text: &str) -> bool {
        let version = Version::parse(version).unwrap();
        parse(Noun::Gateway, version, text).is_ok()
    }

    #[test]
    fn old_clients_may_use_more_letters_than_new_ones() {
        let long = "a".repeat(64);
        for text in ["a", "my-gw-1", "a1"] {
            assert!(
                taken("2020-02-14", text) && taken("2024-04-30", text),
                "{text}"
            );
        }
        for text in ["My_GW", "A", "a-", "a_b"] {
            assert!(
                taken("2020-02-14", text) && !taken("2024-04-30", text),
                "{text}"
            );
        }
        for text in ["", "1a", "-a", "a b", "ä", "a\n", &long] {
            assert!(
                !taken("2020-02-14", text) && !taken("2024-04-30", text),
                "{text}"
            );
        }
    }

    #[test]
    fn a_generated_name_is_a_name_for_every_version() {
        assert!(taken("2024-04-30", &generate()));
        assert_ne!(generate(), generate());
    }
}
