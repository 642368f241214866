//! Pages of the documentation, served where the API is, so that what an answer links to is there.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::state::Vpc;

/// A page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Page {
    /// What this dialect does otherwise than IBM's service, and the codes of refusals.
    Errors,
    /// What each reason says.
    Reasons,
}

impl Page {
    const fn name(self) -> &'static str {
        match self {
            Self::Errors => "ibm-vpc.md",
            Self::Reasons => "status-reasons.md",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Errors => include_str!("../../../docs/ibm-vpc.md"),
            Self::Reasons => include_str!("../../../docs/status-reasons.md"),
        }
    }
}

/// Where a page is. `base` is the service's address.
pub(crate) fn address(base: &str, page: Page) -> String {
    format!("{base}/docs/{}", page.name())
}

/// Both pages, for anybody.
pub(crate) fn routes() -> Router<Vpc> {
    [Page::Errors, Page::Reasons]
        .into_iter()
        .fold(Router::new(), |routes, page| {
            let path = format!("/docs/{}", page.name());
            let kind = [(CONTENT_TYPE, "text/markdown; charset=utf-8")];
            routes.route(&path, get(async move || (kind, page.text())))
        })
}
