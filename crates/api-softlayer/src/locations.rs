//! `SoftLayer_Location` and `SoftLayer_Location_Datacenter`: the one place where things are ordered.

use serde_json::{Value, json};

use crate::arguments::at_most;
use crate::call::{Answer, Call, Cx};
use crate::fault::Fault;
use crate::state::SoftLayerConfig;

/// The number of the one datacenter.
pub(crate) const DATACENTER: u32 = 1;

pub(crate) fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    at_most(&call.arguments, 0)?;
    match call.method.as_str() {
        "getDatacenters" => Ok(Answer::Many("datacenters", vec![shown(&cx.config)])),
        // What is here costs the same everywhere.
        "getObject" | "getPriceGroups" => match (call.object()?, call.method.as_str()) {
            (DATACENTER, "getObject") => Ok(Answer::One(shown(&cx.config))),
            (DATACENTER, _) => Ok(Answer::Many("priceGroups", Vec::new())),
            (other, _) => Err(Fault::not_found(other)),
        },
        _ => Err(call.no_method()),
    }
}

/// The datacenter; the region around it is called by its name, too.
pub(crate) fn shown(config: &SoftLayerConfig) -> Value {
    let name = &config.datacenter;
    let region = name.to_uppercase();
    json!({
        "id": DATACENTER,
        "name": name,
        "longName": region,
        "regions": [{"keyname": region, "description": region}],
        "groups": [],
        "priceGroups": [],
    })
}
