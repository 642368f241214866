//! The session of a page: a token in a cookie that no script can read (RFC 6265).

use adit_api::origin::Scheme;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use time::Duration;

/// What the cookie is called.
pub(crate) const NAME: &str = "adit_session";

/// The token that a browser sends, if it does. Others of the name would be for a shorter path, and come behind it (RFC
/// 6265 section 5.4).
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
    (!value.is_empty()).then_some(value)
}

/// The cookie as it is set, for as long as the session lasts. It goes to this API alone, never along with what another
/// site's page asks for, and where it came by TLS never without that.
pub(crate) fn set(token: &str, lasts: Duration, by: Scheme) -> Option<HeaderValue> {
    let secure = match by {
        Scheme::Https => "; Secure",
        Scheme::Http => "",
    };
    let seconds = lasts.whole_seconds().max(0);
    let text = format!(
        "{NAME}={token}; Path=/adit/v1; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Has the browser forget it.
pub(crate) fn forget(by: Scheme) -> Option<HeaderValue> {
    set("", Duration::ZERO, by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let token = Some("a.b=c".to_owned());
        assert_eq!(found(&["x=1; adit_session=a.b=c;y=2"]), token);
        assert_eq!(found(&["x=1", "adit_session=a.b=c; adit_session=z"]), token);
        for none in ["", "adit_session", "adit_session=", "xadit_session=a", ";;"] {
            assert_eq!(found(&[none]), None, "{none:?}");
        }
    }

    #[test]
    fn nobody_but_the_browser_has_it() {
        let set = |by| set("t", Duration::hours(1), by).unwrap();
        let plain = "adit_session=t; Path=/adit/v1; Max-Age=3600; HttpOnly; SameSite=Strict";
        assert_eq!(set(Scheme::Http), plain);
        assert_eq!(set(Scheme::Https), format!("{plain}; Secure"));
        let gone = forget(Scheme::Http).unwrap();
        assert!(gone.to_str().unwrap().contains("adit_session=; "));
        assert!(gone.to_str().unwrap().contains("Max-Age=0; "));
    }
}
