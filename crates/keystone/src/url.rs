//! Where Keystone is: `https://host:5000`, perhaps below a path, with `/v3` at the end or without.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;

/// Keystone's address, without the version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeystoneUrl {
    is_https: bool,
    /// The host, and perhaps the port.
    authority: String,
    /// Before `/v3`; without a slash at its end.
    path: String,
}

/// Why a text is no such address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL.
    #[error("it is not a URL such as https://cloud.example.com:5000/v3")]
    Malformed,
    /// Other words before the colon.
    #[error("it begins neither with http:// nor with https://")]
    Scheme,
    /// Names and passwords have places of their own.
    #[error("it can't hold a user or a password")]
    UserInfo,
    /// What comes after `?`.
    #[error("it can't hold a query")]
    Query,
}

impl FromStr for KeystoneUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.trim().parse().map_err(|_| UrlError::Malformed)?;
        let is_https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Malformed),
        };
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        if uri.query().is_some() {
            return Err(UrlError::Query);
        }
        if authority.host().is_empty() {
            return Err(UrlError::Malformed);
        }
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3").unwrap_or(path);
        Ok(Self {
            is_https,
            authority: authority.as_str().to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl KeystoneUrl {
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The address of a path of the API, which begins with a slash.
    pub(crate) fn below(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for KeystoneUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_may_stand_at_the_end() {
        for (given, shown, path) in [
            ("https://cloud:5000/v3", "https://cloud:5000", "/v3/x"),
            ("https://cloud:5000/v3/", "https://cloud:5000", "/v3/x"),
            ("https://cloud:5000", "https://cloud:5000", "/v3/x"),
            (
                "http://cloud/identity/",
                "http://cloud/identity",
                "/identity/v3/x",
            ),
            (
                "http://cloud/identity/v3",
                "http://cloud/identity",
                "/identity/v3/x",
            ),
            (
                "http://[fd00::1]:35357/v3",
                "http://[fd00::1]:35357",
                "/v3/x",
            ),
        ] {
            let url: KeystoneUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(
                url.below("/v3/x"),
                format!("{shown}{}", path.trim_start_matches("/identity"))
            );
        }
    }

    #[test]
    fn what_is_no_such_address_is_refused() {
        for (given, error) in [
            ("", UrlError::Malformed),
            ("cloud", UrlError::Malformed),
            ("cloud:5000", UrlError::Malformed),
            ("/v3", UrlError::Malformed),
            ("http://:5000/v3", UrlError::Malformed),
            ("ftp://cloud/v3", UrlError::Scheme),
            ("http://user:secret@cloud/v3", UrlError::UserInfo),
            ("http://cloud/v3?region=1", UrlError::Query),
        ] {
            assert_eq!(given.parse::<KeystoneUrl>(), Err(error), "{given}");
        }
    }
}
