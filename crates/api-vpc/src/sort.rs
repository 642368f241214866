//! `sort`: lists in an order of the client's choice. A page starts at a place in that order, as it does
//! in the usual one: what was there may be gone.

use std::cmp::Ordering;
use std::str::FromStr;

use adit_api::paging::Place;

use crate::context::Context;
use crate::error::ApiError;
use crate::page::Page;

/// By what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    CreatedAt,
    Name,
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sort {
    by: By,
    descending: bool,
}

/// By what a thing is sorted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// `sort`, if it is given: `name` or `created_at`, with a hyphen before it the greatest first.
pub(crate) fn sort(cx: &Context) -> Result<Option<Sort>, ApiError> {
    let Some(text) = cx.query("sort") else {
        return Ok(None);
    };
    let (descending, property) = match text.strip_prefix('-') {
        Some(property) => (true, property),
        None => (false, text),
    };
    let by = match property {
        "created_at" => By::CreatedAt,
        "name" => By::Name,
        _ => {
            let message = "The `sort` query parameter must be created_at or name, with a hyphen before it for the other way round.";
            return Err(ApiError::bad("invalid_value", message).parameter("sort"));
        }
    };
    Ok(Some(Sort { by, descending }))
}

impl Sort {
    fn compare(self, one: &Key, other: &Key) -> Ordering {
        let order = match self.by {
            By::CreatedAt => one.place.cmp(&other.place),
            By::Name => (&one.name, one.place.parts().1).cmp(&(&other.name, other.place.parts().1)),
        };
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }

    /// The page that was asked for, of a whole list.
    pub(crate) fn page<T>(
        self,
        cx: &Context,
        items: Vec<T>,
        key: impl Fn(&T) -> Key,
    ) -> Result<Page<T>, ApiError> {
        let (start, limit) = (cx.start::<Key>()?, cx.limit()?);
        let mut items: Vec<_> = items.into_iter().map(|item| (key(&item), item)).collect();
        items.sort_by(|(one, _), (other, _)| self.compare(one, other));
        let total = items.len();
        let after = |key: &Key| {
            let start = start.as_ref();
            start.is_none_or(|start| self.compare(key, start) != Ordering::Less)
        };
        let mut rest = items.into_iter().filter(|(key, _)| after(key));
        let items = rest.by_ref().take(limit).map(|(_, item)| item).collect();
        let next = rest.next().map(|(key, _)| key.to_string());
        Ok(Page { items, next, total })
    }
}

/// The name in hexadecimal, and the place.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for octet in self.name.bytes() {
            write!(f, "{octet:02x}")?;
        }
        write!(f, ".{}", self.place)
    }
}

/// Not the text of a [`Key`].
#[derive(Debug)]
pub(crate) struct KeyError;

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, place) = text.split_once('.').ok_or(KeyError)?;
        let mut octets = Vec::new();
        for pair in name.as_bytes().chunks(2) {
            let pair = str::from_utf8(pair).map_err(|_| KeyError)?;
            octets.push(u8::from_str_radix(pair, 16).map_err(|_| KeyError)?);
        }
        Ok(Self {
            name: String::from_utf8(octets).map_err(|_| KeyError)?,
            place: place.parse().map_err(|_| KeyError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    fn key(name: &str, second: i64) -> Key {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second);
        let place = Place::new(at, Uuid::from_u128(7));
        let name = name.to_owned();
        Key { name, place }
    }

    #[test]
    fn a_key_survives_its_text() {
        for name in ["", "gw-1", "é x"] {
            assert_eq!(
                key(name, 3).to_string().parse::<Key>().unwrap(),
                key(name, 3)
            );
        }
        for text in ["", ".", "zz.1-2", "é.1-2", "61", "ff.1-2", "+1.1-2"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_order_is_what_it_says() {
        let (a, b) = (key("a", 2), key("b", 1));
        for (by, descending, order) in [
            (By::Name, false, Ordering::Less),
            (By::Name, true, Ordering::Greater),
            (By::CreatedAt, false, Ordering::Greater),
            (By::CreatedAt, true, Ordering::Less),
        ] {
            let sort = Sort { by, descending };
            assert_eq!(sort.compare(&a, &b), order, "{sort:?}");
        }
    }
}
