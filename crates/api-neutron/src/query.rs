//! What a list's query asks for: filters, fields, order and page.

use adit_api::ids;
use adit_control::{Order, OrderBy, Query};
use adit_model::ProjectId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, ID, NAME, PROJECT, named};
use crate::error::ApiError;
use crate::python;
use adit_api::kind::{Kind, flag};
use adit_api::object::Object;

/// A sort key, and whether it goes down.
type Key = (&'static Attribute, bool);

/// Where a page starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Marker {
    /// At the beginning.
    None,
    /// After this one.
    After(Uuid),
    /// After something that can't be there.
    Nowhere,
}

/// What a list's query asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// `None` is all of them.
    fields: Option<Vec<String>>,
    keys: Vec<Key>,
    /// `None` is as many as there are.
    pub(crate) limit: Option<u32>,
    pub(crate) marker: Marker,
    /// Whether the page is the one before the marker.
    pub(crate) reverse: bool,
    filters: Vec<(&'static Attribute, Vec<String>)>,
}

/// `fields` of a query, for one thing as for many.
pub(crate) fn fields(pairs: &[(String, String)]) -> Option<Vec<String>> {
    let fields: Vec<String> = values(pairs, "fields").map(str::to_owned).collect();
    let none = fields.iter().all(String::is_empty);
    (!none).then_some(fields)
}

/// Takes all but the wanted members away.
pub(crate) fn trim(object: &mut Object, fields: Option<&[String]>) {
    if let Some(fields) = fields {
        object.retain(|name| fields.iter().any(|field| field == name));
    }
}

fn values<'a>(pairs: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let named = pairs.iter().filter(move |(key, _)| key == name);
    named.map(|(_, value)| value.as_str())
}

impl Wanted {
    /// Reads a query.
    pub(crate) fn read(
        pairs: &[(String, String)],
        attributes: &'static [Attribute],
    ) -> Result<Self, ApiError> {
        let keys = keys(pairs, attributes)?;
        let marker = match values(pairs, "marker").last() {
            None => Marker::None,
            Some(text) => ids::parse(text).map_or(Marker::Nowhere, Marker::After),
        };
        let reverse = values(pairs, "page_reverse").last();
        Ok(Self {
            fields: fields(pairs),
            keys,
            limit: limit(pairs)?,
            marker,
            reverse: reverse.is_some_and(|text| flag(&json!(text)) == Some(true)),
            filters: filters(pairs, attributes)?,
        })
    }

    /// The part of it that the store answers by itself, or `None` where nothing can fit. The
    /// other filters and orders are for [`Self::fits`] and [`Self::sort`]; that nobody sees what
    /// is not theirs is for the use case.
    pub(crate) fn query(&self) -> Option<Query> {
        let mut query = Query {
            order: self.order().unwrap_or_default(),
            ..Query::default()
        };
        for (attribute, wanted) in &self.filters {
            if attribute.name == ID.name {
                let ids: Vec<Uuid> = wanted.iter().filter_map(|text| ids::parse(text)).collect();
                if ids.is_empty() {
                    return None;
                }
                query.ids = Some(ids);
            } else if attribute.name == NAME.name {
                query.names = Some(wanted.clone());
            } else if let (Some(reference), [one]) = (attribute.reference, wanted.as_slice()) {
                // What it finds may be more than what is meant, which `fits` sees.
                if let Some(id) = ids::parse(one) {
                    query.of.get_or_insert((reference, id));
                }
            } else if attribute.name == PROJECT.name {
                let projects = wanted.iter().filter_map(|text| ids::parse(text));
                match projects.collect::<Vec<_>>().as_slice() {
                    [] => return None,
                    [one] => query.project = Some(ProjectId::from_uuid(*one)),
                    _ => {}
                }
            }
        }
        match self.marker {
            Marker::Nowhere => return None,
            Marker::After(id) => query.after = Some(id),
            Marker::None => {}
        }
        Some(query)
    }

    /// The order as the store has it, unless it has none such.
    pub(crate) fn order(&self) -> Option<Order> {
        let Some((first, descending)) = self.keys.first().copied() else {
            let by = OrderBy::CreatedAt;
            let descending = self.reverse;
            return Some(Order { by, descending });
        };
        let by = match first.name {
            name if name == ID.name => OrderBy::Id,
            name if name == NAME.name => OrderBy::Name,
            name if name == PROJECT.name => OrderBy::Project,
            _ => return None,
        };
        // Nothing has the same id, and the store settles ties by it in the same direction.
        let ties = self.keys.get(1).is_none_or(|(second, down)| {
            by == OrderBy::Id || (second.name == ID.name && *down == descending)
        });
        let descending = descending != self.reverse;
        ties.then_some(Order { by, descending })
    }

    /// Whether there are filters that the store doesn't know.
    pub(crate) fn scans(&self) -> bool {
        self.filters.iter().any(|(attribute, values)| {
            let own = [ID.name, NAME.name].contains(&attribute.name);
            !own && (attribute.name != PROJECT.name || values.len() > 1)
        })
    }

    /// Whether a thing passes the filters.
    pub(crate) fn fits(&self, object: &Object) -> bool {
        self.filters.iter().all(|(attribute, wanted)| {
            match object.get(attribute.name).unwrap_or_default() {
                Value::Array(members) => members.iter().any(|member| has(member, wanted)),
                value => wanted.iter().any(|text| is(attribute, &value, text)),
            }
        })
    }

    /// Takes all but the wanted fields away.
    pub(crate) fn trim(&self, object: &mut Object) {
        trim(object, self.fields.as_deref());
    }

    /// Sorts things whose order the store does not have.
    pub(crate) fn sort(&self, things: &mut [(Uuid, Object)]) {
        things.sort_by(|(id, object), (other_id, other)| {
            let mut keys = self.keys.iter().map(|(attribute, descending)| {
                let (one, other) = (object.get(attribute.name), other.get(attribute.name));
                let order = compare(one.as_ref(), other.as_ref());
                if *descending { order.reverse() } else { order }
            });
            let decided = keys.find(|order| order.is_ne());
            decided.unwrap_or_else(|| id.cmp(other_id))
        });
    }
}

fn compare(one: Option<&Value>, other: Option<&Value>) -> std::cmp::Ordering {
    let rank = |value: &Value| {
        let number = value.as_u64().or(value.as_bool().map(u64::from));
        (number, value.as_str().map(str::to_owned))
    };
    one.map(rank).cmp(&other.map(rank))
}

/// Whether a value is what a query says.
fn is(attribute: &Attribute, value: &Value, text: &str) -> bool {
    match attribute.kind {
        Kind::Flag | Kind::Just(..) => flag(&json!(text)) == value.as_bool(),
        _ if attribute.name == PROJECT.name => {
            value.as_str().and_then(ids::parse) == ids::parse(text)
        }
        _ if value.is_null() => text.is_empty(),
        _ => python::text(value) == text,
    }
}

/// Whether a member of a list is what a query says: one of some ids, or a map in which each `key`
/// has one of the values that a query says as `key=value`.
fn has(member: &Value, wanted: &[String]) -> bool {
    let Value::Object(map) = member else {
        return wanted.iter().any(|text| python::text(member) == *text);
    };
    let fits = |key: &str| {
        let value = map.get(key).map(python::text);
        let mut said = wanted.iter().filter_map(|text| text.split_once('='));
        said.any(|(name, text)| name == key && value.as_deref() == Some(text))
    };
    let mut keys = wanted.iter().map(|text| text.split_once('='));
    keys.all(|said| said.is_some_and(|(key, _)| fits(key)))
}

fn keys(
    pairs: &[(String, String)],
    attributes: &'static [Attribute],
) -> Result<Vec<Key>, ApiError> {
    let names: Vec<&str> = values(pairs, "sort_key").collect();
    let directions: Vec<&str> = values(pairs, "sort_dir").collect();
    if names.len() != directions.len() {
        return Err(ApiError::SortCount);
    }
    let wrong = |texts: Vec<&str>| (!texts.is_empty()).then(|| python::list(texts));
    let key = |name: &str| named(attributes, name).filter(|attribute| attribute.sort);
    let unknown = names.iter().filter(|name| key(name).is_none());
    if let Some(names) = wrong(unknown.copied().collect()) {
        return Err(ApiError::SortKeys { names });
    }
    let astray = directions
        .iter()
        .filter(|text| !["asc", "desc"].contains(text));
    if let Some(names) = wrong(astray.copied().collect()) {
        return Err(ApiError::SortDirs { names });
    }
    let keys = names.iter().zip(directions);
    Ok(keys
        .filter_map(|(name, direction)| Some((key(name)?, direction == "desc")))
        .collect())
}

fn limit(pairs: &[(String, String)]) -> Result<Option<u32>, ApiError> {
    let Some(text) = values(pairs, "limit")
        .last()
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let digits = text.chars().all(|c| c.is_ascii_digit());
    if !digits {
        let limit = text.to_owned();
        return Err(ApiError::Limit { limit });
    }
    // What is too large to read is more than there can be.
    Ok(text.parse().ok().filter(|limit| *limit > 0))
}

fn filters(
    pairs: &[(String, String)],
    attributes: &'static [Attribute],
) -> Result<Vec<(&'static Attribute, Vec<String>)>, ApiError> {
    const OTHER: [&str; 6] = [
        "fields",
        "limit",
        "marker",
        "page_reverse",
        "sort_dir",
        "sort_key",
    ];
    let mut filters: Vec<(&'static Attribute, Vec<String>)> = Vec::new();
    let mut unknown: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        if OTHER.contains(&name.as_str()) {
            continue;
        }
        let attribute = named(attributes, name).filter(|attribute| attribute.filter);
        let Some(attribute) = attribute else {
            if !unknown.contains(&name.as_str()) {
                unknown.push(name);
            }
            continue;
        };
        if matches!(attribute.kind, Kind::Flag | Kind::Just(..)) && flag(&json!(value)).is_none() {
            let reason = format!("'{value}' cannot be converted to boolean");
            return Err(ApiError::Input { reason });
        }
        let known = filters
            .iter_mut()
            .find(|(one, _)| one.name == attribute.name);
        match known {
            Some((_, values)) => values.push(value.clone()),
            None => filters.push((attribute, vec![value.clone()])),
        }
    }
    if unknown.is_empty() {
        return Ok(filters);
    }
    let names = python::list(unknown);
    Err(ApiError::Filters { names })
}

#[cfg(test)]
mod tests {
    use adit_control::Noun;

    use super::*;
    use crate::attribute::{DESCRIPTION, attribute};
    use crate::object;

    const TABLE: &[Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute("router_id", Kind::Uuid).sort(),
        attribute("flag", Kind::Flag).filter(),
        attribute("mtu", Kind::Integer).filter(),
        attribute("group", Kind::UuidOrNull).filter_of(Noun::EndpointGroup),
        attribute("list", Kind::List),
        attribute("ids", Kind::List).filter(),
        attribute("maps", Kind::List).filter(),
    ];

    fn wanted(query: &str) -> Result<Wanted, ApiError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Wanted::read(&pairs, TABLE)
    }

    fn said(query: &str) -> String {
        wanted(query).unwrap_err().to_string()
    }

    #[test]
    fn refusals_read_as_recorded() {
        let count = "The number of sort_keys and sort_dirs must be same";
        for (query, message) in [
            ("bogus=1", "['bogus'] is invalid attribute for filtering"),
            (
                "a=1&flag=1&b=2&a=3",
                "['a', 'b'] is invalid attribute for filtering",
            ),
            ("list=1", "['list'] is invalid attribute for filtering"),
            ("sort_key=name", count),
            ("sort_key=bogus", count),
            ("sort_key=name&sort_key=id&sort_dir=asc", count),
            (
                "sort_key=bogus&sort_dir=asc",
                "['bogus'] is invalid attribute for sort_keys",
            ),
            (
                "sort_key=description&sort_dir=asc",
                "['description'] is invalid attribute for sort_keys",
            ),
            (
                "sort_key=name&sort_dir=ASC",
                "['ASC'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
            ),
            (
                "limit=-1",
                "Bad limit request: Limit must be an integer 0 or greater and not '-1'.",
            ),
            (
                "limit=x",
                "Bad limit request: Limit must be an integer 0 or greater and not 'x'.",
            ),
            (
                "flag=maybe",
                "Invalid input for operation: 'maybe' cannot be converted to boolean.",
            ),
        ] {
            assert_eq!(said(query), message, "{query}");
        }
    }

    #[test]
    fn values_of_one_filter_are_alternatives_and_filters_go_together() {
        let thing = object::of(&json!({
            "name": "a", "flag": false, "mtu": 1500, "group": null, "description": "",
            "tenant_id": "00000000000000000000000000000001", "ids": ["i", "j"],
            "maps": [{"at": "1.1", "on": "p"}, {"at": "2.2", "on": "q"}],
        }));
        for (query, fits) in [
            ("name=a", true),
            ("name=A", false),
            ("name=b&name=a", true),
            ("name=a&mtu=1400", false),
            ("name=a&mtu=1400&mtu=1500", true),
            ("flag=False", true),
            ("flag=false", true),
            ("flag=True", false),
            ("description=", true),
            ("name=", false),
            ("group=", true),
            ("group=x", false),
            ("project_id=00000000-0000-0000-0000-000000000001", true),
            ("tenant_id=x", false),
            ("ids=j", true),
            ("ids=k", false),
            ("ids=k&ids=i", true),
            ("maps=at%3D2.2", true),
            ("maps=at%3D3.3", false),
            ("maps=at%3D3.3&maps=at%3D2.2", true),
            ("maps=at%3D2.2&maps=on%3Dq", true),
            ("maps=at%3D2.2&maps=on%3Dp", false),
            ("maps=2.2", false),
            ("maps=by%3D2.2", false),
        ] {
            assert_eq!(wanted(query).unwrap().fits(&thing), fits, "{query}");
        }
    }

    #[test]
    fn the_store_filters_and_sorts_what_it_can() {
        let project = "00000000000000000000000000000002";
        let query = |text: &str| wanted(text).unwrap().query();
        let id = Uuid::from_u128(7);
        let asked = query(&format!("id={id}&id=x&name=a&name=b&marker={id}")).unwrap();
        assert_eq!(asked.ids, Some(vec![id]));
        assert_eq!(asked.names, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((asked.project, asked.after), (None, Some(id)));
        let asked = query(&format!("tenant_id={project}&tenant_id=x")).unwrap();
        let project = ProjectId::from_uuid(Uuid::from_u128(2));
        assert_eq!(asked.project, Some(project));
        let asked = query(&format!("tenant_id={project}&project_id={id}")).unwrap();
        assert_eq!(asked.project, None);
        let of = |text: &str| query(text).unwrap().of;
        let group = (Noun::EndpointGroup, id);
        assert_eq!(of(&format!("group={id}&flag=1")), Some(group));
        for none in ["group=", "group=x", &format!("group={id}&group=")] {
            assert_eq!(of(none), None, "{none}");
        }
        for nothing in ["id=x", "marker=x", "project_id=x"] {
            assert_eq!(query(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_store_sorts_unless_ties_are_settled_otherwise() {
        let order = |text: &str| {
            let order = wanted(text).unwrap().order();
            order.map(|order| (order.by, order.descending))
        };
        for (query, by) in [
            ("", Some((OrderBy::CreatedAt, false))),
            ("page_reverse=True", Some((OrderBy::CreatedAt, true))),
            ("sort_key=name&sort_dir=asc", Some((OrderBy::Name, false))),
            (
                "sort_key=name&sort_dir=desc&page_reverse=true",
                Some((OrderBy::Name, false)),
            ),
            (
                "sort_key=id&sort_dir=desc&sort_key=name&sort_dir=asc",
                Some((OrderBy::Id, true)),
            ),
            (
                "sort_key=project_id&sort_dir=asc",
                Some((OrderBy::Project, false)),
            ),
            (
                "sort_key=name&sort_dir=asc&sort_key=id&sort_dir=asc",
                Some((OrderBy::Name, false)),
            ),
            ("sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc", None),
            ("sort_key=router_id&sort_dir=asc", None),
        ] {
            assert_eq!(order(query), by, "{query}");
        }
    }

    #[test]
    fn what_the_store_can_t_sort_is_sorted_here() {
        let thing =
            |id: u128, name: &str| (Uuid::from_u128(id), object::of(&json!({"name": name})));
        let mut things = vec![thing(1, "b"), thing(2, "a"), thing(3, "a"), thing(4, "c")];
        for (_, object) in &mut things {
            object.extend([("id", json!("same"))]);
        }
        let two = wanted("sort_key=id&sort_dir=asc&sort_key=name&sort_dir=desc").unwrap();
        two.sort(&mut things);
        let order: Vec<u128> = things.iter().map(|(id, _)| id.as_u128()).collect();
        assert_eq!(order, [4, 1, 2, 3]);
    }

    #[test]
    fn fields_are_names_and_nothing_else() {
        let all = object::of(&json!({"id": "1", "name": "x"}));
        let trimmed = |query: &str| {
            let mut object = all.clone();
            wanted(query).unwrap().trim(&mut object);
            object::value(&object)
        };
        assert_eq!(trimmed("fields=id&fields=bogus"), json!({"id": "1"}));
        assert_eq!(trimmed("fields=id,name"), json!({}));
        assert_eq!(trimmed("fields="), json!({"id": "1", "name": "x"}));
    }
}
