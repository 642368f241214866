//! What IBM's bodies hold besides what `adit_api::fields` reads: identities, names and resource
//! groups. Who reads a body refuses the fields that it does not know.

use std::str::FromStr;

use adit_api::fields::FieldError;
pub(crate) use adit_api::fields::Fields;
use adit_control::{Error, Naming, Noun};
use adit_model::{Name, ResourceGroup};
use axum::extract::{FromRequest, Request};
use serde_json::Value;

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

    /// 404 for what an identity names.
    fn no_such(&self, name: &str, noun: Noun) -> ApiError;

    /// 404 for what the body itself, an identity, names.
    fn nothing(&self, noun: Noun) -> ApiError;

    /// An error, which names what an identity does if that is what is missing.
    fn named(&self, name: &str, noun: Noun, error: Error) -> ApiError;

    /// An outcome, whose error names what an identity does if that is what is missing.
    fn naming<T>(&self, name: &str, noun: Noun, outcome: Result<T, Error>) -> Result<T, ApiError> {
        outcome.map_err(|error| self.named(name, noun, error))
    }

    /// What an identity (`{"id": ..}`, `{"href": ..}` or `{"crn": ..}`) names. The inner `None` is
    /// an id that can't be anything's.
    fn identity<Id: FromStr + PartialEq>(&self, name: &str)
    -> Result<Option<Option<Id>>, ApiError>;

    /// What each of a list of identities names.
    fn identities<Id: FromStr + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Option<Vec<Option<Id>>>, ApiError>;

    /// The name that is given, or a fresh one.
    fn new_name(&self, cx: &Context, noun: Noun) -> Result<Name, ApiError>;

    /// The resource group that is given; without one, the default one.
    fn resource_group(&self, cx: &Context) -> Result<Option<ResourceGroup>, ApiError>;

    /// A field that can only be what everything is here anyway.
    fn only(&self, name: &str, value: &Value) -> Result<(), ApiError>;

    /// The name to change to, if one is given.
    fn name_change(&self, cx: &Context, noun: Noun) -> Result<Option<(Name, Naming)>, ApiError>;
}

/// What an identity names.
pub(crate) fn identified<Id: FromStr + PartialEq>(
    identity: &Fields,
) -> Result<Option<Id>, ApiError> {
    identity.check_known(&["crn", "href", "id"])?;
    let last = |text: &str, separator| ids::parse(text.rsplit(separator).next().unwrap_or(text));
    let id = identity.text("id")?.map(ids::parse);
    let href = identity.text("href")?.map(|href| last(href, '/'));
    let crn = identity.text("crn")?.map(|crn| last(crn, ':'));
    let mut all = [id, href, crn].into_iter().flatten();
    let first = all.next().ok_or_else(|| identity.missing("id"))?;
    if all.any(|other: Option<Id>| other != first) {
        return Err(identity.wrong("id", "what `href` and `crn` name, where they are given"));
    }
    Ok(first)
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

    fn no_such(&self, name: &str, noun: Noun) -> ApiError {
        let identity = self.object(name).ok().flatten();
        let texts = ["id", "href", "crn"].map(|part| {
            let text = identity
                .as_ref()
                .and_then(|of| of.text(part).ok().flatten());
            text.map(str::to_owned)
        });
        let text = texts.into_iter().flatten().next().unwrap_or_default();
        ApiError::not_found(noun, &text).field(&format!("{}.id", self.path(name)))
    }

    fn nothing(&self, noun: Noun) -> ApiError {
        let texts = ["id", "href", "crn"].map(|part| self.text(part).ok().flatten());
        let text = texts.into_iter().flatten().next();
        ApiError::not_found(noun, text.unwrap_or_default()).field("id")
    }

    fn named(&self, name: &str, noun: Noun, error: Error) -> ApiError {
        match error {
            Error::NotFound(missing) if missing == noun => self.no_such(name, noun),
            other => other.into(),
        }
    }

    fn identity<Id: FromStr + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Option<Option<Id>>, ApiError> {
        let identity = self.object(name)?;
        identity.map(|identity| identified(&identity)).transpose()
    }

    fn identities<Id: FromStr + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Option<Vec<Option<Id>>>, ApiError> {
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let one = |(number, value): (usize, &Value)| {
            identified(&Self::of(value, &self.path(&format!("{name}.{number}")))?)
        };
        let all = list.iter().enumerate().map(one);
        all.collect::<Result<_, _>>().map(Some)
    }

    fn new_name(&self, cx: &Context, noun: Noun) -> Result<Name, ApiError> {
        let text = self.text("name")?;
        let text = text.map_or_else(names::generate, str::to_owned);
        names::parse(noun, cx.version, &text)
    }

    fn resource_group(&self, cx: &Context) -> Result<Option<ResourceGroup>, ApiError> {
        let Some(group) = self.object("resource_group")? else {
            return Ok(None);
        };
        group.check_known(&["id"])?;
        let read = cx.read_resource_group(group.need_text("id")?);
        read.ok_or_else(|| group.wrong("id", "1 to 64 letters, digits, hyphens and underscores"))
    }

    fn only(&self, name: &str, value: &Value) -> Result<(), ApiError> {
        match self.value(name) {
            Some(given) if given != value => {
                Err(self.wrong(name, &format!("`{value}`, the only one there is here")))
            }
            _ => Ok(()),
        }
    }

    fn name_change(&self, cx: &Context, noun: Noun) -> Result<Option<(Name, Naming)>, ApiError> {
        let text = self.text("name")?;
        let name = text.map(|text| names::parse(noun, cx.version, text));
        Ok(name.transpose()?.map(|name| (name, Naming::Unique)))
    }
}
