//! What many operations are refused by, for the API's description: each set once, and all of the type that a refusal has.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// The media type of a refusal (RFC 9457 section 3).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

type Responses = BTreeMap<String, RefOr<Response>>;

/// A status, and what it says of the request.
type Refusal = (&'static str, &'static str);

const BAD_FIELD: Refusal = ("400", "A field is wrong.");
const BAD_PARAMETER: Refusal = ("400", "A parameter is wrong.");
const NOBODY: Refusal = ("401", "Nobody is known to ask.");
const READER: Refusal = ("403", "Readers only look.");
const NOT_THERE: Refusal = ("404", "It is not there.");
const STALE: Refusal = ("412", "It was changed by somebody else.");

fn described(refusals: &[Refusal]) -> Responses {
    let describe = |(status, description): &Refusal| {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description(*description)
            .content(PROBLEM_JSON, content);
        ((*status).to_owned(), response.build().into())
    };
    refusals.iter().map(describe).collect()
}

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident = [$($refusal:ident),+];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> Responses {
                described(&[$($refusal),+])
            }
        }
    )+};
}

sets! {
    /// Of a list.
    Listed = [BAD_PARAMETER, NOBODY];
    /// Of something that is shown.
    Shown = [NOBODY, NOT_THERE];
    /// Of something new.
    Made = [BAD_FIELD, NOBODY, READER];
    /// Of a change.
    Changed = [BAD_FIELD, NOBODY, READER, NOT_THERE];
    /// Of an end.
    Deleted = [NOBODY, READER, NOT_THERE];
    /// Of a change or an end that may have a condition.
    Conditional = [STALE];
}

/// Gives the refusals that operations describe themselves the type that all have.
pub(crate) fn type_all(openapi: &mut OpenApi) {
    let paths = openapi.paths.paths.values_mut();
    let operations = paths.flat_map(|path| {
        let all = [
            &mut path.get,
            &mut path.post,
            &mut path.patch,
            &mut path.delete,
        ];
        all.into_iter().flatten()
    });
    for operation in operations {
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else {
                continue;
            };
            let is_refusal = status.starts_with(['4', '5']);
            if is_refusal && let Some(content) = response.content.shift_remove("application/json") {
                response.content.insert(PROBLEM_JSON.to_owned(), content);
            }
        }
    }
}
