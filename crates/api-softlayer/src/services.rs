//! Which service answers a call, and what of its answer is asked for.

use adit_control::Caller;

use crate::call::{Answer, Call, Cx, Reply, Window};
use crate::fault::Fault;
use crate::mask::Mask;
use crate::state::Classic;
use crate::{
    account, billing_items, contexts, customer_subnets, filter, locations, orders, packages,
    subnets,
};

/// Answers a call.
pub(crate) async fn answer(classic: &Classic, caller: Caller, call: &Call) -> Result<Reply, Fault> {
    let mask = Mask::parse(&call.mask)?;
    let cx = Cx {
        control: classic.control.clone(),
        caller,
        config: classic.config.clone(),
    };
    let answer = match call.service.as_str() {
        "Account" => account::call(&cx, call).await,
        "Billing_Item" => billing_items::call(&cx, call).await,
        "Location" | "Location_Datacenter" => locations::call(&cx, call),
        "Network_Customer_Subnet" => customer_subnets::call(&cx, call).await,
        "Network_Subnet" => subnets::call(&cx, call).await,
        "Network_Tunnel_Module_Context" => contexts::call(&cx, call).await,
        "Product_Order" => orders::call(&cx, call).await,
        "Product_Package" => packages::call(call),
        other => Err(Fault::no_service(other)),
    };
    Ok(match answer? {
        Answer::Plain(value) => (value, None),
        Answer::One(value) => (mask.apply(value), None),
        Answer::Many(root, items) => {
            let items = filter::keep(&call.filter, root, items)?;
            let total = items.len();
            let Window { offset, limit } = call.window;
            let part = items.into_iter().skip(offset).take(limit.unwrap_or(total));
            (part.map(|item| mask.apply(item)).collect(), Some(total))
        }
    })
}
