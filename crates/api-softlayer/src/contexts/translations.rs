//! A context's translations: which assigned addresses stand for which at the other end. An address is called by the number that it is.

use std::net::Ipv4Addr;

use adit_control::NumberOf;
use adit_control::tunnel_context::Listing;
use adit_model::tunnel_context::Translation;
use adit_model::{TranslationId, TunnelContext};
use serde_json::{Map, Value, json};

use crate::arguments::{member, needed, number, object, text, thing};
use crate::call::{Answer, Call, Cx};
use crate::fault::Fault;

/// What may be said of a translation.
const MEMBERS: [&str; 10] = [
    "complexType",
    "customerIpAddress",
    "customerIpAddressId",
    "customerIpAddressRecord",
    "id",
    "internalIpAddress",
    "internalIpAddressId",
    "internalIpAddressRecord",
    "networkTunnelContextId",
    "notes",
];

/// The longest notes, in characters.
const LONGEST_NOTES: usize = 255;

/// Answers the methods that change translations.
pub(super) async fn call(cx: &Cx, call: &Call, row: &TunnelContext) -> Result<Answer, Fault> {
    let (method, arguments) = (call.method.as_str(), &call.arguments[..]);
    let known = &row.staged.translations;
    let mut changed = Vec::new();
    let mut listings = Vec::new();
    match method {
        "deleteAddressTranslation" => {
            let id = number(
                "addressTranslationId",
                needed(arguments, 0, "addressTranslationId")?,
            )?;
            listings.push(Listing::RemoveTranslation(find(cx, known, id).await?.id));
        }
        "createAddressTranslation" | "createAddressTranslations" => {
            for template in templates(method, arguments)? {
                let new = create(&template)?;
                changed.push(new.id);
                listings.push(Listing::AddTranslation(new));
            }
        }
        _ => {
            for template in templates(method, arguments)? {
                let id = number("id", member(&template, "id")?)?;
                let edited = edit(&template, find(cx, known, id).await?.clone())?;
                changed.push(edited.id);
                listings.push(Listing::ChangeTranslation(edited));
            }
        }
    }
    let control = &cx.control;
    let row = control
        .list_in_tunnel_context(&cx.caller, row.id, listings)
        .await?;
    if changed.is_empty() && method.starts_with("delete") {
        return Ok(Answer::Plain(true.into()));
    }
    let mut all = Vec::new();
    for one in &row.staged.translations {
        if changed.contains(&one.id) {
            all.push(shown_one(cx, &row, one).await?);
        }
    }
    Ok(match method.ends_with('s') {
        true => Answer::Many("addressTranslations", all),
        false => Answer::One(all.pop().unwrap_or_default()),
    })
}

/// All of a context.
pub(super) async fn shown(cx: &Cx, row: &TunnelContext) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for one in &row.staged.translations {
        all.push(shown_one(cx, row, one).await?);
    }
    Ok(all)
}

/// Lines for a file of hosts.
pub(super) fn hosts(row: &TunnelContext) -> String {
    let line = |one: &Translation| format!("{}        {}\n", one.internal, one.notes);
    row.staged.translations.iter().map(line).collect()
}

async fn shown_one(cx: &Cx, row: &TunnelContext, one: &Translation) -> Result<Value, Fault> {
    let control = &cx.control;
    let id = control
        .number(&cx.caller, NumberOf::Translation, one.id)
        .await?;
    let context = control
        .number(&cx.caller, NumberOf::TunnelContext, row.id)
        .await?;
    let record =
        |address: Ipv4Addr| json!({"id": u32::from(address), "ipAddress": address.to_string()});
    Ok(json!({
        "id": id,
        "networkTunnelContextId": context,
        "notes": one.notes,
        "internalIpAddressId": u32::from(one.internal),
        "internalIpAddressRecord": record(one.internal),
        "customerIpAddressId": u32::from(one.customer),
        "customerIpAddressRecord": record(one.customer),
    }))
}

/// The translation of a number.
async fn find<'a>(cx: &Cx, known: &'a [Translation], id: u32) -> Result<&'a Translation, Fault> {
    let thing = thing(cx, NumberOf::Translation, id).await?;
    let mut known = known.iter();
    let found = known.find(|one| one.id.to_string() == thing);
    found.ok_or_else(|| Fault::not_found(id))
}

/// One template, or a list of them.
fn templates(method: &str, arguments: &[Value]) -> Result<Vec<Map<String, Value>>, Fault> {
    let all = if method.ends_with('s') {
        let list = needed(arguments, 0, "translations")?.as_array();
        let list = list.ok_or_else(|| Fault::invalid("translations must be a list."))?;
        let objects = list.iter().map(|one| one.as_object().cloned());
        let objects: Option<Vec<_>> = objects.collect();
        objects.ok_or_else(|| Fault::invalid("translations must be objects."))?
    } else {
        vec![object(arguments, 0, "translation")?.clone()]
    };
    for template in &all {
        if let Some(name) = template
            .keys()
            .find(|name| !MEMBERS.contains(&name.as_str()))
        {
            let said = format!("Property '{name}' is not valid for a translation.");
            return Err(Fault::invalid(said));
        }
    }
    Ok(all)
}

fn create(template: &Map<String, Value>) -> Result<Translation, Fault> {
    if template.get("id").is_some_and(|id| !id.is_null()) {
        return Err(Fault::invalid(
            "id is given to a translation, and not taken.",
        ));
    }
    let needed = |name: &str| {
        let address = address(template, name)?;
        address.ok_or_else(|| Fault::missing(name))
    };
    Ok(Translation {
        id: TranslationId::random(),
        internal: needed("internalIpAddress")?,
        customer: needed("customerIpAddress")?,
        notes: notes(template)?.unwrap_or_default(),
    })
}

fn edit(template: &Map<String, Value>, mut one: Translation) -> Result<Translation, Fault> {
    one.internal = address(template, "internalIpAddress")?.unwrap_or(one.internal);
    one.customer = address(template, "customerIpAddress")?.unwrap_or(one.customer);
    one.notes = notes(template)?.unwrap_or(one.notes);
    Ok(one)
}

/// An address, by itself or by its number; both have to say the same.
fn address(template: &Map<String, Value>, name: &str) -> Result<Option<Ipv4Addr>, Fault> {
    let said = |name: &str| template.get(name).filter(|value| !value.is_null());
    let by_itself = match said(name) {
        None => None,
        Some(value) => {
            let address = text(name, value)?.trim().parse::<Ipv4Addr>();
            Some(address.map_err(|_| Fault::invalid(format!("{name} must be an IPv4 address.")))?)
        }
    };
    let id = format!("{name}Id");
    let by_number = match said(&id) {
        None => None,
        Some(value) => Some(Ipv4Addr::from(number(&id, value)?)),
    };
    match (by_itself, by_number) {
        (Some(one), Some(other)) if one != other => Err(Fault::invalid(format!(
            "{name} and {id} say different things."
        ))),
        (one, other) => Ok(one.or(other)),
    }
}

fn notes(template: &Map<String, Value>) -> Result<Option<String>, Fault> {
    let Some(value) = template.get("notes").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let notes = text("notes", value)?;
    if notes.chars().count() > LONGEST_NOTES || notes.chars().any(char::is_control) {
        let said =
            format!("notes has at most {LONGEST_NOTES} characters, and no control characters.");
        return Err(Fault::invalid(said));
    }
    Ok(Some(notes))
}
