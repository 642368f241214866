//! Parts of lists that are oldest first, for dialects that say how long the whole list is.

use adit_store::{Query, Row, Rows, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

/// Which part of a list is asked for. The default is all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// When the first was made at the earliest, and its id.
    pub from: Option<(OffsetDateTime, Uuid)>,
    /// How many, at most.
    pub limit: Option<u32>,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed<T> {
    /// What was asked for, and one more where there is one: it begins the next part.
    pub rows: Vec<T>,
    /// How long the whole list is.
    pub total: usize,
}

/// The part of what a query finds.
pub(crate) async fn listed<T: Row>(
    rows: &mut dyn Rows<T>,
    query: Query,
    part: Part,
) -> Result<Listed<T>, StoreError> {
    let total = rows.count(query.clone()).await?;
    let query = Query {
        from: part.from,
        limit: part.limit.map(|limit| limit.saturating_add(1)),
        ..query
    };
    let rows = rows.list(query).await?;
    Ok(Listed { rows, total })
}
