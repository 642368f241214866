//! Pages of lists that are oldest first. A page starts at a place in that order, not at a thing,
//! so that it can be asked for although the thing is gone.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use uuid::Uuid;

/// A place in a list: the time something was made, and its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    created_at: OffsetDateTime,
    id: Uuid,
}

/// Not the text of a [`Place`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this is not the start of a page")]
pub struct PlaceError;

impl Place {
    /// The place of something.
    #[must_use]
    pub const fn new(created_at: OffsetDateTime, id: Uuid) -> Self {
        Self { created_at, id }
    }

    /// The time, and the id.
    #[must_use]
    pub const fn parts(self) -> (OffsetDateTime, Uuid) {
        (self.created_at, self.id)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.created_at.unix_timestamp_nanos();
        write!(f, "{nanoseconds:x}-{}", self.id.simple())
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (nanoseconds, id) = text.split_once('-').ok_or(PlaceError)?;
        let nanoseconds = i128::from_str_radix(nanoseconds, 16).map_err(|_| PlaceError)?;
        let created_at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
        Ok(Self {
            created_at: created_at.map_err(|_| PlaceError)?,
            id: Uuid::parse_str(id).map_err(|_| PlaceError)?,
        })
    }
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one starts, unless this is the last.
    pub next: Option<Place>,
    /// How many there are on all pages.
    pub total: usize,
}

/// Cuts the page of at most `limit` items from `start` out of a list.
pub fn cut<T>(
    items: Vec<T>,
    place: impl Fn(&T) -> Place,
    start: Option<Place>,
    limit: usize,
) -> Page<T> {
    let total = items.len();
    let after = |item: &T| start.is_none_or(|start| place(item) >= start);
    let mut rest = items.into_iter().filter(after);
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.next().map(|item| place(&item));
    Page { items, next, total }
}

/// The page of at most `limit` items out of those from its start on, of which there is one more
/// where there is another page.
pub fn head<T>(
    mut items: Vec<T>,
    place: impl Fn(&T) -> Place,
    limit: usize,
    total: usize,
) -> Page<T> {
    let next = items.get(limit).map(place);
    items.truncate(limit);
    Page { items, next, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u8) -> Place {
        Place::new(
            OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(n.into()),
            Uuid::from_u128(n.into()),
        )
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all: Vec<u8> = (0..5).collect();
        let first = cut(all.clone(), |n| place(*n), None, 2);
        assert_eq!((first.items, first.total), (vec![0, 1], 5));
        let second = cut(all, |n| place(*n), first.next, 2);
        assert_eq!(second.items, [2, 3]);
        // What the next page was to start with is gone.
        let fewer = vec![0, 1, 2, 3];
        let last = cut(fewer, |n| place(*n), second.next, 2);
        assert_eq!((last.items, last.next), (vec![], None));
        // The same of those from the start on alone.
        let head = |items: Vec<u8>| head(items, |n| place(*n), 2, 5);
        let second = head(vec![2, 3, 4]);
        assert_eq!((second.items, second.next), (vec![2, 3], Some(place(4))));
        assert_eq!(head(vec![3, 4]).next, None);
    }

    #[test]
    fn a_place_survives_its_text() {
        assert_eq!(place(7).to_string().parse(), Ok(place(7)));
        let late = format!("{:x}-{}", i128::MAX, Uuid::nil().simple());
        for text in ["", "-", "x-y", "12", &late] {
            assert_eq!(text.parse::<Place>(), Err(PlaceError), "{text}");
        }
    }
}
