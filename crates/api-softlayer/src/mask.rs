//! Object masks: what of an object is asked for. `mask[id,billingItem[id]]`, `[mask[...]]`, a bare list, or `mask.id` each name
//! properties; a mask that names none of an object's own has all of them, and of its relations those that it names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fault::Fault;

/// The longest mask, in octets.
const LONGEST: usize = 8192;

/// How deep brackets may nest.
const DEEPEST: usize = 16;

/// The properties that are named, each with what is asked for of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mask(BTreeMap<String, Self>);

impl Mask {
    /// Reads one.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            let said = format!("An object mask has at most {LONGEST} characters.");
            return Err(Fault::invalid(said));
        }
        let mut reader = Reader { rest: text };
        let mut mask = Self::default();
        reader.list(&mut mask, 0)?;
        if reader.rest.is_empty() {
            Ok(mask)
        } else {
            Err(malformed())
        }
    }

    fn absorb(&mut self, other: Self) {
        for (name, inner) in other.0 {
            self.0.entry(name).or_default().absorb(inner);
        }
    }

    /// What of a value is asked for.
    pub(crate) fn apply(&self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(object) => Value::Object(self.of_object(object)),
            other => other,
        }
    }

    fn of_object(&self, object: Map<String, Value>) -> Map<String, Value> {
        let names_own = object
            .iter()
            .any(|(name, value)| !is_relation(value) && self.0.contains_key(name));
        let kept = object
            .into_iter()
            .filter_map(|(name, value)| match self.0.get(&name) {
                Some(inner) => Some((name, inner.apply(value))),
                None if names_own || is_relation(&value) => None,
                None => Some((name, value)),
            });
        kept.collect()
    }
}

/// Whether a property is another object, or several.
fn is_relation(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    }
}

fn malformed() -> Fault {
    Fault::invalid("The object mask is malformed: it is mask[name,relation[name,...],...].")
}

/// What is left of a mask.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self, what: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// Items with commas between them, until a bracket closes or the text ends.
    fn list(&mut self, into: &mut Mask, depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(malformed());
        }
        loop {
            self.item(into, depth)?;
            if !self.skip(',') {
                return Ok(());
            }
        }
    }

    /// A name, with what is asked for of it; or a list in brackets, or in `mask[...]`.
    fn item(&mut self, into: &mut Mask, depth: usize) -> Result<(), Fault> {
        self.rest = self.rest.trim_start();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (path, rest) = self.rest.split_at_checked(end).ok_or_else(malformed)?;
        let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
        self.rest = rest;
        let mut inner = Mask::default();
        let has_list = self.skip('[');
        if has_list {
            self.list(&mut inner, depth.saturating_add(1))?;
            if !self.skip(']') {
                return Err(malformed());
            }
        }
        let steps = match steps.split_first() {
            Some((&("mask" | "filteredMask"), rest)) => rest,
            _ => &steps,
        };
        if steps.is_empty() && !has_list && !path.is_empty() {
            return Err(malformed());
        }
        if steps.len() > DEEPEST {
            return Err(malformed());
        }
        for step in steps.iter().rev() {
            let named = (*step).to_owned();
            inner = Mask(BTreeMap::from([(named, inner)]));
        }
        into.absorb(inner);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mask: &str) -> Value {
        let object = json!({
            "id": 1, "name": "a",
            "item": {"id": 2, "order": {"id": 3}},
            "list": [{"id": 4, "deep": {"id": 5}}],
        });
        Mask::parse(mask).unwrap().apply(object)
    }

    #[test]
    fn a_mask_shows_what_it_names_in_each_of_its_spellings() {
        assert_eq!(shown(""), json!({"id": 1, "name": "a"}));
        for mask in [
            "mask[id]",
            "[mask[id]]",
            "id",
            " id ",
            "mask.id",
            "filteredMask[id]",
        ] {
            assert_eq!(shown(mask), json!({"id": 1}), "{mask}");
        }
        let deep = json!({"id": 1, "item": {"id": 2, "order": {"id": 3}}});
        for mask in [
            "mask[id, item[order[id]]]",
            "id,item.order.id",
            "mask.id,mask.item.order.id",
        ] {
            assert_eq!(shown(mask), deep, "{mask}");
        }
        let related = json!({"id": 1, "name": "a", "list": [{"id": 4}]});
        assert_eq!(shown("[mask[list]]"), related);
        assert_eq!(shown("mask[list,none[of,it]]"), related);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        let deep = format!("{}id{}", "a[".repeat(99), "]".repeat(99));
        let dots = "a.".repeat(99);
        for text in [
            "mask[id", "id]", "a b", "mask", "a[b]]", "<id>", &deep, &dots,
        ] {
            assert!(Mask::parse(text).is_err(), "{text}");
        }
        assert!(Mask::parse(&"a,".repeat(9999)).is_err());
    }
}
