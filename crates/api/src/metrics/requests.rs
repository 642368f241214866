//! What was asked of the API: how often, with which outcome, how long it took. By route, never by
//! path, so that nobody makes as many series as they like.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds. What takes longer than the last one takes long.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Outcome {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

type Durations = Family<Route, Histogram, fn() -> Histogram>;

/// Counters of requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Requests(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    outcomes: Family<Outcome, Counter>,
    durations: Durations,
}

impl Default for Requests {
    fn default() -> Self {
        let outcomes = Family::<Outcome, Counter>::default();
        let durations = Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut registry = Registry::default();
        let help = "Requests that were answered, by route and status";
        registry.register("adit_http_requests", help, outcomes.clone());
        let help = "How long answering took, in seconds";
        registry.register("adit_http_request_seconds", help, durations.clone());
        Self(Arc::new(Inner {
            registry,
            outcomes,
            durations,
        }))
    }
}

impl Requests {
    pub(super) fn registry(&self) -> &Registry {
        &self.0.registry
    }
}

/// The methods that are told apart: anybody can make others up.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// A middleware, for `axum::middleware::from_fn_with_state`.
pub async fn layer(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = word(request.method());
    let begun = Instant::now();
    let response = next.run(request).await;
    let took = begun.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    let outcome = Outcome {
        method,
        route: route.clone(),
        status,
    };
    requests.0.outcomes.get_or_create(&outcome).inc();
    let durations = &requests.0.durations;
    durations
        .get_or_create(&Route { method, route })
        .observe(took);
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use prometheus_client::encoding::text::encode;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn requests_are_counted_by_route_and_nobody_makes_series_up() {
        let requests = Requests::default();
        let app = Router::new()
            .route("/things/{id}", get(async || StatusCode::NO_CONTENT))
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(from_fn_with_state(requests.clone(), layer));
        for (method, path) in [
            ("GET", "/things/1"),
            ("GET", "/things/2"),
            ("MADEUP", "/things/3"),
            ("GET", "/nothing/of/the/kind"),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
        let mut text = String::new();
        encode(&mut text, requests.registry()).unwrap();
        let line = |method: &str, route: &str, rest: &str| {
            format!("{{method=\"{method}\",route=\"{route}\"{rest}")
        };
        for line in [
            "# TYPE adit_http_requests counter".to_owned(),
            "# TYPE adit_http_request_seconds histogram".to_owned(),
            "adit_http_requests_total".to_owned()
                + &line("GET", "/things/{id}", ",status=\"204\"} 2"),
            "adit_http_requests_total".to_owned()
                + &line("other", "/things/{id}", ",status=\"405\"} 1"),
            "adit_http_requests_total".to_owned() + &line("GET", "none", ",status=\"404\"} 1"),
            "adit_http_request_seconds_count".to_owned() + &line("GET", "/things/{id}", "} 2"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
