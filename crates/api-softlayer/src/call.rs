//! A call of a method, whichever transport it came by, and who makes it.

use std::sync::Arc;

use adit_control::{Caller, Control};
use adit_model::change::Actor;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::fault::Fault;
use crate::state::SoftLayerConfig;

/// The user name of whoever shows a key alone.
const BY_KEY_ALONE: &str = "apikey";

/// What is called, and how its answer is to be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Call {
    /// Without the `SoftLayer_` before it.
    pub(crate) service: String,
    pub(crate) method: String,
    /// The object whose method it is.
    pub(crate) id: Option<u32>,
    pub(crate) arguments: Vec<Value>,
    /// An object mask, as it was sent.
    pub(crate) mask: String,
    pub(crate) filter: Value,
    pub(crate) window: Window,
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Window {
    pub(crate) offset: usize,
    /// All, where it is not said.
    pub(crate) limit: Option<usize>,
}

/// What a method answers.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Answer {
    /// An object, of which a mask chooses.
    One(Value),
    /// Objects, of which a filter and a mask choose; and what they are called where they hang on another object.
    Many(&'static str, Vec<Value>),
    /// What no mask is for.
    Plain(Value),
}

/// What is answered, and how many there are, of a list.
pub(crate) type Reply = (Value, Option<usize>);

/// What methods have at hand.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) control: Control,
    pub(crate) caller: Caller,
    pub(crate) config: Arc<SoftLayerConfig>,
}

impl Call {
    /// The object, where a method needs one.
    pub(crate) fn object(&self) -> Result<u32, Fault> {
        self.id.ok_or_else(|| Fault::no_object(&self.service))
    }

    pub(crate) fn no_method(&self) -> Fault {
        Fault::no_method(&self.service, &self.method)
    }
}

/// A service's name without the prefix that all of them have.
pub(crate) fn service(name: &str) -> &str {
    name.strip_prefix("SoftLayer_").unwrap_or(name)
}

/// Finds out who shows a user's name and a key.
pub(crate) async fn who(control: &Control, name: &str, key: &str) -> Result<Caller, Fault> {
    let caller = control.authenticate(key).await?;
    let caller = caller.ok_or_else(Fault::unknown_caller)?;
    if name != BY_KEY_ALONE {
        let actor = Actor::User(caller.user);
        let names = control.names_of([actor]).await?;
        if names.get(&actor).is_none_or(|known| known.as_str() != name) {
            return Err(Fault::unknown_caller());
        }
    }
    Ok(caller)
}

/// The name and the key in `Authorization: Basic ...` (RFC 7617), if it is there.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (name, key) = text.split_once(':')?;
    Some((name.to_owned(), key.to_owned()))
}
