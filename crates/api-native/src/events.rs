//! `events`: what was changed and what was seen, as it happens, as server-sent events (HTML, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use adit_api::ConnectionEnd;
use adit_control::events::{Event, EventPlace, News};
use adit_control::follow::{Follower, Lost, Subject, Told};
use adit_model::ProjectId;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;
use axum::Extension;
use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, Sse};
use futures_util::stream::{Stream, unfold};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::audit::noun;
use crate::context::Context;
use crate::problem::Problem;
use crate::refusals;
use crate::shown::Shown;
use crate::state::Native;

/// How long nothing is sent at most: whoever hears nothing for longer has lost the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// The header by which a client says what it heard last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Which events.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedEvents {
    /// Of this kind of thing.
    #[param(example = "connection")]
    noun: Option<String>,
    /// Of this thing.
    id: Option<Uuid>,
    /// Of this project's things; for administrators. Others see their own project's.
    project: Option<Uuid>,
    /// The id of the last event that is known, where a client can't send it in `Last-Event-ID`.
    last_event_id: Option<String>,
}

impl FromRequestParts<Native> for WantedEvents {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::<Self>::try_from_uri(&parts.uri);
        let mut wanted = read
            .map_err(|error| Problem::invalid("", error.body_text()))?
            .0;
        if let Some(value) = parts.headers.get(LAST_EVENT_ID) {
            let text = value.to_str().unwrap_or("?");
            wanted.last_event_id = Some(text.to_owned());
        }
        Ok(wanted)
    }
}

impl WantedEvents {
    fn read(self) -> Result<(Option<EventPlace>, Subject), Problem> {
        // A browser sends it empty where it has heard none.
        let last = self.last_event_id.filter(|text| !text.is_empty());
        let last = last.map(|text| text.parse()).transpose();
        let last = last.map_err(|_| {
            let detail = "Last-Event-ID is the id of an event, as it was sent";
            Problem::invalid("Last-Event-ID", detail)
        })?;
        let subject = Subject {
            noun: self.noun.as_deref().map(noun).transpose()?,
            id: self.id,
            project: self.project.map(ProjectId::from_uuid),
        };
        Ok((last, subject))
    }
}

/// What an event has for its data.
#[derive(Serialize, ToSchema)]
struct EventShape {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// Whose the thing is; nobody's where it is a matter of the whole service.
    project: Option<Uuid>,
    /// What kind of thing it is about.
    #[schema(example = "connection")]
    noun: &'static str,
    /// Which.
    id: Uuid,
    #[serde(flatten)]
    news: NewsShape,
}

/// What happened: `change` of what somebody changed, `tunnel` of what was seen of a connection's tunnel, `gateway` of what
/// was seen of a gateway.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum NewsShape {
    Change {
        /// `created`, `updated` or `deleted`.
        change: &'static str,
        /// The user's id, `service`, `operator`, or `link`: who has the link to a key.
        actor: String,
    },
    Tunnel {
        /// The state that it is in now: `up`, `connecting` or `down`.
        #[schema(value_type = String)]
        state: TunnelState,
        /// What was seen, line by line.
        lines: Vec<String>,
    },
    Gateway {
        /// The status that it has now: `available`, `pending` or `failed`.
        #[schema(value_type = String)]
        status: GatewayStatus,
    },
}

/// The data of `reset`.
#[derive(Serialize)]
struct LostShape {
    lost: &'static str,
}

impl EventShape {
    fn of(event: &Event) -> (&'static str, Self) {
        let (name, news) = match &event.news {
            News::Changed(kind, actor) => {
                let (change, actor) = (kind.as_str(), actor.to_string());
                ("change", NewsShape::Change { change, actor })
            }
            News::Tunnel(state, lines) => {
                let (state, lines) = (*state, lines.clone());
                ("tunnel", NewsShape::Tunnel { state, lines })
            }
            News::Gateway(status) => ("gateway", NewsShape::Gateway { status: *status }),
        };
        let shape = Self {
            at: event.at,
            project: event.project.map(|project| project.uuid()),
            noun: event.noun.as_str(),
            id: event.id,
            news,
        };
        (name, shape)
    }
}

/// What is sent of what a follower is told.
fn sent(told: &Told) -> Result<Sent, axum::Error> {
    match told {
        Told::Event(event) => {
            let (name, shape) = EventShape::of(event);
            let sent = Sent::default().event(name).id(event.place.to_string());
            sent.json_data(shape)
        }
        Told::Lost(lost, place) => {
            let lost = match lost {
                Lost::Observations => "observations",
                Lost::Everything => "everything",
            };
            let sent = Sent::default().event("reset").id(place.to_string());
            sent.json_data(LostShape { lost })
        }
        // Without data it is no event, but the client knows the place.
        Told::Nothing(place) => Ok(Sent::default().id(place.to_string())),
    }
}

/// A client that follows.
struct Client {
    native: Native,
    shown: Shown,
    follower: Follower,
    end: Option<ConnectionEnd>,
    waiting: VecDeque<Told>,
}

impl Client {
    /// What is sent next; nothing at the end: of the connection, of the session, or of the store.
    async fn next(&mut self) -> Option<Sent> {
        while self.waiting.is_empty() {
            let told = match &mut self.end {
                None => self.follower.next(SILENCE).await,
                Some(end) => tokio::select! {
                    () = end.comes() => return None,
                    told = self.follower.next(SILENCE) => told,
                },
            };
            self.waiting = told.ok()?.into();
            // Who was let in may be let in no more.
            self.shown.caller(&self.native.control).await.ok()?;
        }
        sent(&self.waiting.pop_front()?).ok()
    }
}

fn stream(client: Client) -> impl Stream<Item = Result<Sent, Infallible>> {
    unfold(client, async |mut client| {
        let sent = client.next().await?;
        Some((Ok(sent), client))
    })
}

/// Follows what is changed and what is seen, as it happens, as server-sent events (HTML Standard 9.2).
///
/// Each event is named `change`, `tunnel` or `gateway`, and has a JSON object for its data. A client that comes back with
/// `Last-Event-ID` is told all that came after it. Where that can't be, after a restart of the service or when the
/// client was too slow, it is told so by an event `reset`, whose data is `{"lost": "observations"}` where all that was
/// changed follows and only what was seen is lost, or `{"lost": "everything"}`: then what is so now is to be read
/// anew. At least every 15 s an id is sent without an event.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "follow_events",
    params(
        WantedEvents,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that is known."),
    ),
    responses(
        (status = 200, description = "Events, until the connection ends.", body = EventShape, content_type = "text/event-stream"),
        (status = 403, description = "Other projects' are for administrators.", body = Problem),
        refusals::Listed,
    ),
)]
async fn follow(
    cx: Context,
    wanted: WantedEvents,
    end: Option<Extension<ConnectionEnd>>,
) -> Result<impl IntoResponse, Problem> {
    let (last, subject) = wanted.read()?;
    let follower = cx.control().follow_events(&cx.caller, last, subject)?;
    let client = Client {
        native: cx.native,
        shown: cx.shown,
        follower,
        end: end.map(|Extension(end)| end),
        waiting: VecDeque::new(),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Sse::new(stream(client))))
}
