//! Certificates that can be used, before anybody is shown them.

use adit_crypto::{Credentials, Trust};
use adit_model::authentication::{Authentication, Certificates};

use crate::error::{Error, Rule};

/// Refuses certificates that nobody could be shown, or believed, anything by.
pub(super) fn check(authentication: &Authentication) -> Result<(), Error> {
    let Authentication::Certificates(certificates) = authentication else {
        return Ok(());
    };
    let Certificates {
        own,
        key,
        authorities,
        revocation_lists,
    } = &**certificates;
    let invalid = |field, message: String| Error::Invalid {
        field,
        rule: Rule::Reference,
        message,
    };
    Credentials::from_pem(own.as_str().as_bytes(), key.expose()).map_err(|error| {
        let message = format!("this end's certificate can't be used: {error}");
        invalid("certificates.own", message)
    })?;
    let lists = revocation_lists.as_ref().map_or("", |lists| lists.as_str());
    Trust::from_pem(authorities.as_str().as_bytes(), lists.as_bytes()).map_err(|error| {
        let message = format!("the authorities of the peer's certificate can't be used: {error}");
        invalid("certificates.authorities", message)
    })?;
    Ok(())
}
