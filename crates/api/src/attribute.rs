//! What a resource's attributes are: one table per resource says it all, and bodies, filters and
//! sort keys are checked by it.

use adit_control::Noun;
use serde_json::{Value, json};

use crate::kind::Kind;

/// What an attribute is in a POST that leaves it out.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// An empty list or object, by its kind.
    Empty,
    /// JSON's `null`.
    Null,
    /// Not there at all.
    Nothing,
    /// JSON's number.
    Number(u32),
    /// The caller's project.
    Own,
    /// Nothing: it must be there.
    Required,
    /// A text; another one where this service allows nothing weak.
    Strength {
        /// Where old algorithms are allowed.
        usual: &'static str,
        /// Where they are not.
        strict: &'static str,
    },
    /// It is sent as it stands here.
    Text(&'static str),
    /// JSON's `true`.
    True,
}

impl Absent {
    /// What stands for it, if anything does.
    pub(crate) fn value(self, strict_algorithms: bool) -> Option<Value> {
        match self {
            Self::Empty | Self::Null => Some(Value::Null),
            Self::Nothing | Self::Own | Self::Required => None,
            Self::Number(number) => Some(json!(number)),
            Self::Strength { strict, .. } if strict_algorithms => Some(json!(strict)),
            Self::Strength { usual: text, .. } | Self::Text(text) => Some(json!(text)),
            Self::True => Some(json!(true)),
        }
    }
}

/// One attribute of a resource. `Own` is what the dialect knows of it besides.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<Own: Copy + 'static = ()> {
    /// Its name in bodies.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether a POST may have it, and what it is without.
    pub post: Option<Absent>,
    /// Whether a PUT may have it.
    pub put: bool,
    /// Whether lists can be filtered by it.
    pub filter: bool,
    /// Whether lists can be sorted by it.
    pub sort: bool,
    /// As what rows hang on what it names, for the store to find them.
    pub reference: Option<Noun>,
    /// What the dialect knows besides.
    pub own: Own,
}

impl<Own: Copy> Attribute<Own> {
    /// An attribute that is shown, and nothing more.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, own: Own) -> Self {
        Self {
            name,
            kind,
            post: None,
            put: false,
            filter: false,
            sort: false,
            reference: None,
            own,
        }
    }

    /// It may be in a POST.
    #[must_use]
    pub const fn post(mut self, absent: Absent) -> Self {
        self.post = Some(absent);
        self
    }

    /// It may be in a PUT.
    #[must_use]
    pub const fn put(mut self) -> Self {
        self.put = true;
        self
    }

    /// Lists can be filtered by it.
    #[must_use]
    pub const fn filter(mut self) -> Self {
        self.filter = true;
        self
    }

    /// Lists can be filtered by it, and the store knows which rows hang on what it names.
    #[must_use]
    pub const fn filter_of(mut self, reference: Noun) -> Self {
        self.filter = true;
        self.reference = Some(reference);
        self
    }

    /// Lists can be filtered and sorted by it.
    #[must_use]
    pub const fn sort(mut self) -> Self {
        self.filter = true;
        self.sort = true;
        self
    }

    /// The dialect knows this of it.
    #[must_use]
    pub const fn own(mut self, own: Own) -> Self {
        self.own = own;
        self
    }
}
