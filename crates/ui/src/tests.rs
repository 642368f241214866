use std::borrow::Cow;

use super::*;
use files::Files;
use rust_embed::{EmbeddedFile, Metadata};

/// Nothing was built.
struct Nothing;

impl Files for Nothing {
    fn file(_: &str) -> Option<EmbeddedFile> {
        None
    }
}

/// A small page.
struct Small;

impl Files for Small {
    fn file(name: &str) -> Option<EmbeddedFile> {
        let names = ["index.html", "assets/a-1.js"];
        let number = names.iter().position(|one| *one == name)?;
        let number = u8::try_from(number).unwrap();
        Some(EmbeddedFile {
            data: Cow::Owned(name.repeat(20).into_bytes()),
            metadata: Metadata::__rust_embed_new([number; 32], None, None),
        })
    }
}

async fn get<F: Files>(path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = router_of::<F>().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = match parts.headers.get("content-encoding") {
        None => String::from_utf8(body.to_vec()).unwrap(),
        Some(coding) => {
            assert_eq!(coding, "gzip");
            std::io::read_to_string(flate2::read::GzDecoder::new(&body[..])).unwrap()
        }
    };
    (parts.status, parts.headers, text)
}

const PERSON: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
const BROWSER: (&str, &str) = ("accept-encoding", "gzip, deflate, br");

#[tokio::test]
async fn what_was_not_built_is_said_how_to_build() {
    for path in ["/ui/", "/ui/connections", "/ui/assets/a.js"] {
        let (status, headers, body) = get::<Nothing>(path, &[PERSON]).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(body.contains("make ui"));
    }
}

#[tokio::test]
async fn the_page_stands_for_all_addresses_where_somebody_goes() {
    for path in ["/ui/", "/ui/connections/1", "/ui/secret"] {
        let (status, headers, body) = get::<Small>(path, &[PERSON]).await;
        assert_eq!((status, body), (StatusCode::OK, "index.html".repeat(20)));
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
    }
    // A script that is not there is no page.
    let (status, ..) = get::<Small>("/ui/assets/b-2.js", &[("accept", "*/*")]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_comes_packed_where_that_is_understood() {
    let path = "/ui/assets/a-1.js";
    for (takes, is_packed) in [
        ("gzip, deflate, br", true),
        ("gzip;q=0", false),
        ("identity", false),
    ] {
        let (status, headers, found) = get::<Small>(path, &[("accept-encoding", takes)]).await;
        assert_eq!(
            (status, found),
            (StatusCode::OK, "assets/a-1.js".repeat(20))
        );
        assert_eq!(
            headers.contains_key("content-encoding"),
            is_packed,
            "{takes}"
        );
        assert_eq!(headers[VARY], "accept-encoding");
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
    }
}

#[tokio::test]
async fn who_has_a_file_is_not_sent_it_again() {
    let (_, headers, _) = get::<Small>("/ui/", &[PERSON, BROWSER]).await;
    let etag = headers[ETAG].to_str().unwrap().to_owned();
    let again = [PERSON, BROWSER, ("if-none-match", etag.as_str())];
    let (status, headers, body) = get::<Small>("/ui/", &again).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(headers[ETAG], etag.as_str());
    let other = ("if-none-match", "W/\"0\"");
    let (status, ..) = get::<Small>("/ui/", &[PERSON, other]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_says_what_may_be_loaded() {
    for path in ["/ui/", "/ui/assets/a-1.js", "/ui/assets/none", "/ui"] {
        let (_, headers, _) = get::<Small>(path, &[]).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
}

#[tokio::test]
async fn browsers_are_led_to_the_page_and_others_are_not() {
    use tower::ServiceExt as _;
    let app = Router::new()
        .route("/", get_route())
        .layer(axum::middleware::from_fn(welcome));
    for (accept, status) in [
        (PERSON.1, StatusCode::SEE_OTHER),
        ("application/json", StatusCode::OK),
        ("*/*", StatusCode::OK),
    ] {
        let request = Request::get("/")
            .header("accept", accept)
            .body(Body::empty())
            .unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{accept}");
    }
}

fn get_route() -> axum::routing::MethodRouter {
    axum::routing::get(async || "versions")
}
