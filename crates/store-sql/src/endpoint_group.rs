//! Endpoint groups in SQL.

use std::collections::BTreeSet;

use adit_crypto::EnvelopeKey;
use adit_model::endpoint_group::{EndpointKind, Endpoints, Written};
use adit_model::{Cidr, EndpointGroup, Noun};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, text};
use crate::rows::{List, Table};

impl Table for EndpointGroup {
    const WHAT: &'static str = "endpoint group";
    const TABLE: &'static str = "endpoint_groups";
    const FIXED: &'static [&'static str] = &[];
    const COLUMNS: &'static [&'static str] = &["kind", "endpoints", "name", "description"];
    const OF: &'static [(Noun, &'static str)] = &[(
        Noun::Subnet,
        "id IN (SELECT endpoint_group FROM endpoints WHERE endpoint = ?)",
    )];
    const LISTS: &'static [List] = &[List {
        table: "endpoints",
        row: "endpoint_group",
        columns: &["endpoint"],
    }];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            name: row.name()?,
            description: row.plain("description")?,
            endpoints: endpoints(row)?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(Vec::new())
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(json(Self::WHAT, &self.endpoints.kind())?),
            Value::Text(json(Self::WHAT, &self.endpoints.texts())?),
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
        ])
    }

    fn lists(&self) -> Vec<Vec<Vec<String>>> {
        let found: BTreeSet<String> = match &self.endpoints {
            Endpoints::Cidrs(list) => list.iter().map(|one| text(one.value)).collect(),
            Endpoints::Subnets(list) => list.iter().map(|one| text(one.value)).collect(),
            Endpoints::Networks(list) | Endpoints::Routers(list) | Endpoints::Vlans(list) => {
                list.iter().cloned().collect()
            }
        };
        vec![found.into_iter().map(|endpoint| vec![endpoint]).collect()]
    }
}

fn endpoints(row: &Stored<'_>) -> Result<Endpoints, StoreError> {
    let kind: EndpointKind = row.json("kind")?;
    let texts: Vec<String> = row.json("endpoints")?;
    let mut endpoints = Endpoints::none(kind);
    for text in texts {
        let Err(invalid) = endpoints.push(text) else {
            continue;
        };
        // Before there was a first release, zeros before numbers were let through, and meant nothing.
        match (
            Cidr::containing(&without_zeros(&invalid.text)),
            &mut endpoints,
        ) {
            (Ok(value), Endpoints::Cidrs(list)) => list.push(Written {
                value,
                text: invalid.text,
            }),
            _ => return Err(row.corrupt(invalid)),
        }
    }
    Ok(endpoints)
}

/// `010.0.00.0/08` as `10.0.0.0/8`.
fn without_zeros(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for number in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let digits = number.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let needless = leading.min(digits.len().saturating_sub(1));
        plain.push_str(number.get(needless..).unwrap_or(number));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lose_the_zeros_before_them_and_no_others() {
        for (given, plain) in [
            ("010.0.00.0/08", "10.0.0.0/8"),
            ("10.100.0.0/16", "10.100.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:0db8::/032", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(without_zeros(given), plain);
        }
    }
}
