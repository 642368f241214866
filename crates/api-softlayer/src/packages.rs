//! `SoftLayer_Product_Package`: what can be ordered, which is one thing. It costs nothing.

use serde_json::{Value, json};

use crate::arguments::at_most;
use crate::call::{Answer, Call};
use crate::fault::Fault;

/// The number of the package, as it was.
pub(crate) const PACKAGE: u32 = 0;
/// The number of its one item.
const ITEM: u32 = 1;
/// The number of that item's one price.
pub(crate) const PRICE: u32 = 1;
/// What is ordered, in words.
pub(crate) const DESCRIPTION: &str = "IPSEC - Standard";
/// By which category.
pub(crate) const CATEGORY: &str = "network_tunnel";

pub(crate) fn call(call: &Call) -> Result<Answer, Fault> {
    at_most(&call.arguments, 0)?;
    match call.method.as_str() {
        "getAllObjects" => return Ok(Answer::Many("packages", vec![package()])),
        "getItems" | "getItemPrices" | "getObject" => {}
        _ => return Err(call.no_method()),
    }
    let id = call.object()?;
    if id != PACKAGE {
        return Err(Fault::not_found(id));
    }
    Ok(match call.method.as_str() {
        "getItems" => Answer::Many("items", vec![item()]),
        "getItemPrices" => Answer::Many("itemPrices", vec![price()]),
        _ => Answer::One(package()),
    })
}

fn package() -> Value {
    json!({
        "id": PACKAGE,
        "keyName": "ADDITIONAL_PRODUCTS",
        "name": "Additional Products",
        "isActive": 1,
        "type": {"id": 1, "keyName": "ADDITIONAL_SERVICES"},
        "items": [item()],
    })
}

fn category() -> Value {
    json!({"id": 1, "categoryCode": CATEGORY, "name": "IPSec VPN"})
}

fn item() -> Value {
    json!({
        "id": ITEM,
        "keyName": "IPSEC_STANDARD",
        "description": DESCRIPTION,
        "capacity": "0",
        "itemCategory": category(),
        "prices": [price()],
    })
}

/// Without a location group, it is the price everywhere.
fn price() -> Value {
    json!({
        "id": PRICE,
        "itemId": ITEM,
        "locationGroupId": null,
        "hourlyRecurringFee": null,
        "recurringFee": "0",
        "setupFee": "0",
        "categories": [category()],
        "item": {
            "id": ITEM,
            "keyName": "IPSEC_STANDARD",
            "description": DESCRIPTION,
            "itemCategory": category(),
        },
    })
}
