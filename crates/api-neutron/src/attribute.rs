//! What a resource's attributes are: one table per resource says it all, and bodies, filters and
//! sort keys are checked by it.

use adit_control::Noun;

use crate::kind::Kind;
use crate::privilege::Reserved;

/// What an attribute is in a POST that leaves it out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// An empty list or object, by its kind.
    Empty,
    /// `null`.
    Null,
    /// Not there at all.
    Nothing,
    /// A number.
    Number(u32),
    /// The caller's project.
    Own,
    /// Nothing: it must be there.
    Required,
    /// A text; another one where this service allows nothing weak.
    Strength {
        usual: &'static str,
        strict: &'static str,
    },
    /// A text.
    Text(&'static str),
    /// True.
    True,
}

/// One attribute of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether a POST may have it, and what it is without.
    pub(crate) post: Option<Default>,
    /// Whether a PUT may have it.
    pub(crate) put: bool,
    /// Whether lists can be filtered by it.
    pub(crate) filter: bool,
    /// Whether lists can be sorted by it.
    pub(crate) sort: bool,
    /// A word that it takes, too, where this service has the oldest algorithms.
    pub(crate) legacy: Option<&'static str>,
    /// As what rows hang on what it names, for the store to find them.
    pub(crate) reference: Option<Noun>,
    /// What of it is not for everybody to say.
    pub(crate) reserved: &'static [Reserved],
}

/// An attribute that is shown, and nothing more.
pub(crate) const fn attribute(name: &'static str, kind: Kind) -> Attribute {
    Attribute {
        name,
        kind,
        post: None,
        put: false,
        filter: false,
        sort: false,
        legacy: None,
        reference: None,
        reserved: &[],
    }
}

impl Attribute {
    /// It may be in a POST.
    pub(crate) const fn post(mut self, default: Default) -> Self {
        self.post = Some(default);
        self
    }

    /// It may be in a PUT.
    pub(crate) const fn put(mut self) -> Self {
        self.put = true;
        self
    }

    /// It takes this word, too, where this service has the oldest algorithms.
    pub(crate) const fn legacy(mut self, word: &'static str) -> Self {
        self.legacy = Some(word);
        self
    }

    /// Not everybody may say this of it.
    pub(crate) const fn reserved(mut self, reserved: &'static [Reserved]) -> Self {
        self.reserved = reserved;
        self
    }

    /// Lists can be filtered by it.
    pub(crate) const fn filter(mut self) -> Self {
        self.filter = true;
        self
    }

    /// Lists can be filtered by it, and the store knows which rows hang on what it names.
    pub(crate) const fn filter_of(mut self, reference: Noun) -> Self {
        self.filter = true;
        self.reference = Some(reference);
        self
    }

    /// Lists can be filtered and sorted by it.
    pub(crate) const fn sort(mut self) -> Self {
        self.filter = true;
        self.sort = true;
        self
    }
}

/// `id`, as every resource has it.
pub(crate) const ID: Attribute = attribute("id", Kind::Uuid).filter();

/// `tenant_id`, as every resource has it. `project_id` is another word for it everywhere.
pub(crate) const PROJECT: Attribute = attribute("tenant_id", Kind::Text(255))
    .post(Default::Own)
    .filter();

/// `name`, as every resource has it.
pub(crate) const NAME: Attribute = attribute("name", Kind::Name)
    .post(Default::Text(""))
    .put()
    .filter();

/// `description`, as every resource has it.
pub(crate) const DESCRIPTION: Attribute = attribute("description", Kind::Text(255))
    .post(Default::Text(""))
    .put()
    .filter();

/// `admin_state_up`, as most have it.
pub(crate) const ADMIN_STATE_UP: Attribute = attribute("admin_state_up", Kind::Flag)
    .post(Default::True)
    .put()
    .filter();

/// `availability_zone_hints`, of what could be in several places elsewhere.
pub(crate) const ZONE_HINTS: Attribute = attribute(
    "availability_zone_hints",
    Kind::EmptyList("there are no availability zones here"),
)
.post(Default::Empty);

/// `revision_number`, as all that count them have it.
pub(crate) const REVISION: Attribute = attribute("revision_number", Kind::Integer).sort();

/// The attribute that a client means by a name.
pub(crate) fn named<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    let name = if name == "project_id" {
        PROJECT.name
    } else {
        name
    };
    attributes.iter().find(|attribute| attribute.name == name)
}
