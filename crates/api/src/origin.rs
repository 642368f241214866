//! Under which address a client reached this service, so that links in answers lead back here.

use axum::http::header::HOST;
use axum::http::{Extensions, HeaderMap};

/// How a request came, as who accepted its connection knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// In clear.
    Http,
    /// By TLS, to us or to a proxy whose word is taken.
    Https,
}

/// A scheme and an authority, without a slash at the end: `https://vpn.example.com:9696`. What was
/// configured goes before what the client says, and `localhost` stands for what it does not say.
#[must_use]
pub fn of(public_url: Option<&str>, headers: &HeaderMap, extensions: &Extensions) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = match extensions.get() {
        Some(Scheme::Https) => "https",
        Some(Scheme::Http) | None => "http",
    };
    // It is written into answers: nothing that would mean something there.
    let sane = |c: char| c.is_ascii_alphanumeric() || ".:-[]".contains(c);
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    let host = host.filter(|host| !host.is_empty() && host.chars().all(sane));
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: Option<&'static str>, scheme: Option<Scheme>) -> String {
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        // Believed of nobody here: the server knows who may say it.
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        if let Some(scheme) = scheme {
            extensions.insert(scheme);
        }
        of(None, &headers, &extensions)
    }

    #[test]
    fn a_link_leads_where_the_client_came() {
        assert_eq!(asked(Some("a.example:9696"), None), "http://a.example:9696");
        let tls = asked(Some("[2001:db8::1]:9696"), Some(Scheme::Https));
        assert_eq!(tls, "https://[2001:db8::1]:9696");
        assert_eq!(asked(None, Some(Scheme::Http)), "http://localhost");
        assert_eq!(asked(Some("a\"b"), None), "http://localhost");
        assert_eq!(asked(Some("a/b"), None), "http://localhost");
        let configured = of(
            Some("https://vpn.example.com/"),
            &HeaderMap::new(),
            &Extensions::new(),
        );
        assert_eq!(configured, "https://vpn.example.com");
    }
}
