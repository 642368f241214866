//! What a user sorts things of a project by. (IBM: a resource group. Neutron has no word for it.)

use std::fmt;
use std::str::FromStr;

/// The id of a group of a project's things: 1 to 64 letters, digits, hyphens and underscores. A group
/// is nothing by itself: it is there while something is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ResourceGroup(String);

/// Not the text of a [`ResourceGroup`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a resource group's id is 1 to 64 letters, digits, hyphens and underscores")]
pub struct ResourceGroupError;

impl ResourceGroup {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceGroup {
    type Err = ResourceGroupError;

    fn from_str(text: &str) -> Result<Self, ResourceGroupError> {
        let sane = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(sane);
        fits.then(|| Self(text.to_owned()))
            .ok_or(ResourceGroupError)
    }
}

impl fmt::Display for ResourceGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_and_other_texts_are_not() {
        let longest = "a".repeat(64);
        for text in [
            "default",
            "d28a2jsiw1pl2g22q8462tyr321416z2",
            "A_1-b",
            &longest,
        ] {
            let group: ResourceGroup = text.parse().unwrap();
            assert_eq!(group.to_string(), text);
        }
        let longer = "a".repeat(65);
        for text in ["", "a b", "../x", "é", &longer] {
            assert_eq!(
                text.parse::<ResourceGroup>(),
                Err(ResourceGroupError),
                "{text}"
            );
        }
    }
}
