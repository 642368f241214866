//! What a use case's refusal is in Neutron's words.

use adit_control::error::Quota;
use adit_control::quota::Resource as Counted;
use adit_control::site_connection::SiteError;
use adit_control::token::TokenError;
use adit_control::{Error, Noun, Rule};
use tracing::error;

use crate::error::ApiError;
use crate::resource::Resource;

/// Why something was not done: a refusal already, or what a use case said.
#[derive(Debug)]
pub(crate) enum Failure {
    Failed(Error),
    Refused(ApiError),
}

impl From<ApiError> for Failure {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Failure {
    /// The refusal of something that was asked of the thing of this id.
    pub(crate) fn about<R: Resource>(self, id: &str) -> ApiError {
        let error = match self {
            Self::Failed(error) => error,
            Self::Refused(refusal) => return refusal,
        };
        match error {
            Error::NotFound(noun) if noun == R::NOUN => R::missing(id.to_owned()),
            Error::Used { noun, .. } if noun == R::NOUN => R::in_use(id.to_owned()),
            other => other.into(),
        }
    }
}
