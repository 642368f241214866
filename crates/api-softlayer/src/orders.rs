//! `SoftLayer_Product_Order`: ordering a tunnel context, which is there at once.

use adit_control::{Allowance, Naming, NumberOf, OnDelete, gateway};
use serde_json::{Map, Value, json};

use crate::arguments::{at_most, flag, member, number, object, text};
use crate::call::{Answer, Call, Cx};
use crate::contexts::date;
use crate::fault::Fault;
use crate::locations::DATACENTER;
use crate::packages::{CATEGORY, DESCRIPTION, PACKAGE, PRICE};

/// What holds for every face, and nothing more. Connections go with their context alone.
pub(crate) const GATEWAYS: gateway::Rules = gateway::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

const COMPLEX_TYPE: &str = "SoftLayer_Container_Product_Order_Network_Tunnel_Ipsec";

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    match call.method.as_str() {
        "placeOrder" => {
            at_most(&call.arguments, 2)?;
            let order = read(&call.arguments)?;
            if let Some(quote) = call.arguments.get(1).filter(|quote| !quote.is_null())
                && flag("saveAsQuote", quote)?
            {
                let said = "Quotes are not served: place the order, or verify it.";
                return Err(Fault::public(said));
            }
            Ok(Answer::Plain(place(cx, order).await?))
        }
        "verifyOrder" => {
            at_most(&call.arguments, 1)?;
            Ok(Answer::Plain(read(&call.arguments)?))
        }
        _ => Err(call.no_method()),
    }
}

async fn place(cx: &Cx, order: Value) -> Result<Value, Fault> {
    let made = cx
        .control
        .create_tunnel_context(&cx.caller, GATEWAYS)
        .await?;
    let number = cx.control.number(&cx.caller, NumberOf::Order, made.id);
    let number = number.await?;
    Ok(json!({
        "orderId": number,
        "orderDate": date(made.created_at),
        "orderDetails": order,
        "placedOrder": {
            "id": number,
            "status": "APPROVED",
            "items": [{"categoryCode": CATEGORY, "description": DESCRIPTION}],
        },
    }))
}

/// Reads an order, alone or as the one of a container, and says it again as it is understood.
fn read(arguments: &[Value]) -> Result<Value, Fault> {
    let outer = object(arguments, 0, "orderData")?;
    let order = match outer.get("orderContainers") {
        None | Some(Value::Null) => outer,
        Some(Value::Array(containers)) => {
            if let [Value::Object(order)] = &containers[..] {
                order
            } else {
                return Err(Fault::public("One order has one container."));
            }
        }
        Some(_) => return Err(Fault::invalid("orderContainers must be a list.")),
    };
    check(order)?;
    Ok(json!({
        "complexType": COMPLEX_TYPE,
        "packageId": PACKAGE,
        // A text, as clients with types expect it.
        "location": DATACENTER.to_string(),
        "quantity": 1,
        "useHourlyPricing": false,
        "prices": [{"id": PRICE}],
    }))
}

fn check(order: &Map<String, Value>) -> Result<(), Fault> {
    for (name, value) in order.iter().filter(|(_, value)| !value.is_null()) {
        let is_known = match name.as_str() {
            "complexType" => text(name, value)? == COMPLEX_TYPE,
            "packageId" => number(name, value)? == PACKAGE,
            "location" => text(name, value)? == DATACENTER.to_string(),
            "quantity" => number(name, value)? == 1,
            "useHourlyPricing" => !flag(name, value)?,
            "prices" => is_price(value)?,
            "orderContainers" => true,
            _ => {
                let said = format!("Property '{name}' is not valid for an order of {DESCRIPTION}.");
                return Err(Fault::invalid(said));
            }
        };
        if !is_known {
            return Err(Fault::public(format!(
                "{name} of the order is none that can be ordered: there is {DESCRIPTION} alone, one at a time and by the \
                 month, in one datacenter."
            )));
        }
    }
    member(order, "packageId")?;
    member(order, "prices")?;
    Ok(())
}

fn is_price(value: &Value) -> Result<bool, Fault> {
    let prices = value
        .as_array()
        .ok_or_else(|| Fault::invalid("prices must be a list."))?;
    let [price] = &prices[..] else {
        return Ok(false);
    };
    let id = price.get("id").unwrap_or(&Value::Null);
    Ok(number("id of a price", id)? == PRICE)
}
