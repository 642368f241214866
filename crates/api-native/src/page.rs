//! Lists: oldest first, a page at a time.

use adit_api::paging::{Place, head};
use adit_control::{Caller, Query};
use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::state::Native;

/// How many things a page has at most.
const MOST: u32 = 1000;
const USUAL: u32 = 100;

/// Which page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// How many things, at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `next` of the one before.
    cursor: Option<String>,
    /// Things of this name alone.
    name: Option<String>,
}

impl FromRequestParts<Native> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::<Self>::try_from_uri(&parts.uri);
        let wanted = read
            .map_err(|error| Problem::invalid("", error.body_text()))?
            .0;
        limit(wanted.limit)?;
        Ok(wanted)
    }
}

/// How many things a page has, where so many are asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(USUAL);
    let refused = || Problem::invalid("limit", format!("limit is 1 to {MOST}"));
    (1..=MOST)
        .contains(&limit)
        .then_some(limit)
        .ok_or_else(refused)
}

/// A cursor that is none.
pub(crate) fn no_cursor() -> Problem {
    Problem::invalid("cursor", "cursor is the `next` of the page before")
}

/// A page of things.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it, oldest first.
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page; none on the last.
    pub(crate) next: Option<String>,
}

impl Wanted {
    /// Such a page, of things of any name; the limit is one that [`limit`] let pass.
    pub(crate) const fn page_of(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self {
            limit,
            cursor,
            name: None,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL) as usize
    }

    /// The rows of the page, and one more, which begins the next.
    pub(crate) fn query(&self, caller: &Caller) -> Result<Query, Problem> {
        Ok(Query {
            project: Some(caller.project),
            ..self.query_of_all()?
        })
    }

    /// The same of all projects.
    pub(crate) fn query_of_all(&self) -> Result<Query, Problem> {
        let from = self.cursor.as_deref().map(str::parse::<Place>).transpose();
        let from = from.map_err(|_| no_cursor())?;
        Ok(Query {
            from: from.map(Place::parts),
            limit: Some(self.limit.unwrap_or(USUAL) + 1),
            names: self.name.clone().map(|name| vec![name]),
            ..Query::default()
        })
    }

    /// The page of what was found.
    pub(crate) fn page<V, T>(
        &self,
        found: Vec<V>,
        place: impl Fn(&V) -> Place,
        shape: impl FnMut(V) -> T,
    ) -> Page<T> {
        let page = head(found, place, self.limit(), 0);
        Page {
            items: page.items.into_iter().map(shape).collect(),
            next: page.next.map(|place| place.to_string()),
        }
    }
}

/// All of a list, read in parts, so that no more than one of them is held at a time.
pub(crate) struct Whole {
    asked: Query,
    is_done: bool,
}

impl Whole {
    /// From the beginning of what is asked for, or from its `from` on.
    pub(crate) const fn new(asked: Query) -> Self {
        let is_done = false;
        Self { asked, is_done }
    }

    /// The rows of the next part, and one more, which begins the one after it; nothing at the end. What is found has to be
    /// given to [`Self::cut`].
    pub(crate) fn query(&self) -> Option<Query> {
        let limit = Some(MOST + 1);
        let query = || Query {
            limit,
            ..self.asked.clone()
        };
        (!self.is_done).then(query)
    }

    /// The part, of what was found.
    pub(crate) fn cut<V>(&mut self, found: Vec<V>, place: impl Fn(&V) -> Place) -> Vec<V> {
        let part = head(found, place, MOST as usize, 0);
        self.is_done = part.next.is_none();
        self.asked.from = part.next.map(Place::parts);
        part.items
    }
}
