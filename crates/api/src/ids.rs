//! Ids as clients write them.

use uuid::Uuid;

/// An id with hyphens or without. Other spellings that the library takes are nobody's id.
#[must_use]
pub fn parse(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36)
        .then(|| Uuid::parse_str(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_and_without_hyphens() {
        let uuid = Uuid::from_u128(7);
        assert_eq!(parse(&uuid.simple().to_string()), Some(uuid));
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
}
