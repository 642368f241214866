//! Blocks that the two ends of a connection know by different addresses, as they are typed.

use std::str::FromStr;

use serde_json::{Value, json};

/// `local:CIDR=CIDR` or `peer:CIDR=CIDR`: whose block it is, what it is there, and what the opposite end knows it as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Translate {
    end: String,
    cidr: String,
    shown_as: String,
}

impl FromStr for Translate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once(':')
            .filter(|(end, _)| matches!(*end, "local" | "peer"))
            .and_then(|(end, rest)| Some((end, rest.split_once('=')?)));
        let Some((end, (cidr, shown_as))) = parts else {
            return Err(
                "write local:10.1.0.0/24=10.201.0.0/24 for a block of ours that the peer knows as another one, and \
                 peer:10.1.0.0/24=10.202.0.0/24 for one of the peer's that we know as another one"
                    .to_owned(),
            );
        };
        Ok(Self {
            end: end.to_owned(),
            cidr: cidr.to_owned(),
            shown_as: shown_as.to_owned(),
        })
    }
}

impl Translate {
    pub(super) fn body(&self) -> Value {
        json!({"end": self.end, "cidr": self.cidr, "shown_as": self.shown_as})
    }
}

/// What of a shown connection is translated, as it is typed.
pub(super) fn typed(connection: &Value) -> Vec<String> {
    let all = connection.get("translations").and_then(Value::as_array);
    let part = |one: &Value, name: &str| {
        let text = one.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let typed = |one: &Value| {
        let [end, cidr, shown_as] = ["end", "cidr", "shown_as"].map(|name| part(one, name));
        format!("{end}:{cidr}={shown_as}")
    };
    all.into_iter().flatten().map(typed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_typed_again() {
        let text = "peer:10.1.0.0/24=10.202.0.0/24";
        let read: Translate = text.parse().unwrap();
        let shown = json!({"translations": [read.body()]});
        assert_eq!(typed(&shown), [text]);
        for wrong in [
            "",
            "10.1.0.0/24=10.2.0.0/24",
            "ours:a=b",
            "local:10.1.0.0/24",
        ] {
            assert!(wrong.parse::<Translate>().is_err(), "{wrong}");
        }
    }
}
