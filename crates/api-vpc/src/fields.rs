//! What IBM's bodies hold besides what `adit_api::fields` reads: identities and names. Fields that
//! are not known here are ignored, as IBM does.

use std::str::FromStr;

use adit_api::fields::FieldError;
pub(crate) use adit_api::fields::Fields;
use adit_control::{Naming, Noun};
use adit_model::Name;
use axum::extract::{FromRequest, Request};

use crate::context::Context;
use crate::error::ApiError;
use crate::state::Vpc;
use crate::{ids, names};

impl FromRequest<Vpc> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Vpc) -> Result<Self, ApiError> {
        Ok(Self::read(request.into_body()).await?)
    }
}

/// IBM's ways with fields.
pub(crate) trait IbmFields {
    /// That a field is none of what it may be.
    fn wrong(&self, name: &str, what: &str) -> ApiError;

    /// That a field is not there.
    fn missing(&self, name: &str) -> ApiError;

    /// What an identity (`{"id": ..}`, `{"href": ..}` or `{"crn": ..}`) names. The inner `None` is
    /// an id that can't be anything's.
    fn identity<Id: FromStr>(&self, name: &str) -> Result<Option<Option<Id>>, ApiError>;

    /// The name that is given, or a fresh one.
    fn new_name(&self, cx: &Context, noun: Noun) -> Result<Name, ApiError>;

    /// The name to change to, if one is given.
    fn name_change(&self, cx: &Context, noun: Noun) -> Result<Option<(Name, Naming)>, ApiError>;
}

impl IbmFields for Fields {
    fn wrong(&self, name: &str, what: &str) -> ApiError {
        let path = self.path(name);
        let message = format!("The field `{path}` must be {what}.");
        ApiError::bad("bad_field", message).field(&path)
    }

    fn missing(&self, name: &str) -> ApiError {
        let path = self.path(name);
        FieldError::Missing { path }.into()
    }

    fn identity<Id: FromStr>(&self, name: &str) -> Result<Option<Option<Id>>, ApiError> {
        let Some(identity) = self.object(name)? else {
            return Ok(None);
        };
        let text = if let Some(id) = identity.text("id")? {
            id
        } else if let Some(href) = identity.text("href")? {
            href.rsplit('/').next().unwrap_or(href)
        } else if let Some(crn) = identity.text("crn")? {
            crn.rsplit(':').next().unwrap_or(crn)
        } else {
            return Err(identity.missing("id"));
        };
        Ok(Some(ids::parse(text)))
    }

    fn new_name(&self, cx: &Context, noun: Noun) -> Result<Name, ApiError> {
        let text = self.text("name")?;
        let text = text.map_or_else(names::generate, str::to_owned);
        names::parse(noun, cx.version, &text)
    }

    fn name_change(&self, cx: &Context, noun: Noun) -> Result<Option<(Name, Naming)>, ApiError> {
        let text = self.text("name")?;
        let name = text.map(|text| names::parse(noun, cx.version, text));
        Ok(name.transpose()?.map(|name| (name, Naming::Unique)))
    }
}
