//! What Keystone's bodies hold besides what `adit_api::fields` reads. Texts in refusals are those
//! of Keystone's schemas.

pub(crate) use adit_api::fields::Fields;
use adit_model::Name;
use axum::body::Body;

use crate::domains;
use crate::error::ApiError;

/// The longest description, in octets.
const DESCRIPTION: usize = 4096;

/// The object under `key` of a body.
pub(crate) async fn read(body: Body, key: &str) -> Result<Fields, ApiError> {
    Ok(Fields::read(body).await?.need_object(key)?)
}

/// Keystone's ways with fields.
pub(crate) trait KeystoneFields {
    /// What it is to be called.
    fn name(&self) -> Result<Option<Name>, ApiError>;

    /// What it is called, which has to be said.
    fn need_name(&self) -> Result<Name, ApiError>;

    /// What it is for.
    fn description(&self) -> Result<Option<String>, ApiError>;

    /// Refuses a `domain_id` that is not the one domain's.
    fn check_domain(&self) -> Result<(), ApiError>;
}

impl KeystoneFields for Fields {
    fn name(&self) -> Result<Option<Name>, ApiError> {
        self.text("name")?.map(parse_name).transpose()
    }

    fn need_name(&self) -> Result<Name, ApiError> {
        parse_name(self.need_text("name")?)
    }

    fn description(&self) -> Result<Option<String>, ApiError> {
        let text = self.text("description")?;
        if text.is_some_and(|text| text.len() > DESCRIPTION) {
            return Err(ApiError::invalid("description", "it is too long"));
        }
        Ok(text.map(str::to_owned))
    }

    fn check_domain(&self) -> Result<(), ApiError> {
        match self.text("domain_id")? {
            Some(id) if id != domains::ID => Err(ApiError::missing("domain", id)),
            _ => Ok(()),
        }
    }
}

fn parse_name(text: &str) -> Result<Name, ApiError> {
    Name::parse(text).map_err(|error| ApiError::invalid("name", &error.to_string()))
}
