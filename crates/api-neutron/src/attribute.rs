//! What Neutron's resources have besides what `adit_api::attribute` says of attributes: words that
//! only an old service takes, what is not for everybody to say, and the attributes that most have.

use adit_api::attribute::Absent;
use adit_api::kind::{Given, Kind};

/// One attribute of a resource.
pub(crate) type Attribute = adit_api::attribute::Attribute<Special>;

/// What Neutron knows of an attribute besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Special {
    /// A word that it takes, too, where this service has the oldest algorithms.
    pub(crate) legacy: Option<&'static str>,
    /// What of it is not for everybody to say.
    pub(crate) reserved: &'static [Reserved],
}

impl Special {
    const NONE: Self = Self {
        legacy: None,
        reserved: &[],
    };

    /// It takes this word, too, where this service has the oldest algorithms.
    pub(crate) const fn legacy(word: &'static str) -> Self {
        Self {
            legacy: Some(word),
            ..Self::NONE
        }
    }

    /// Not everybody may say this of it.
    pub(crate) const fn reserved(reserved: &'static [Reserved]) -> Self {
        Self {
            reserved,
            ..Self::NONE
        }
    }
}

/// Who may say something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Privilege {
    /// Administrators.
    Admin,
    /// Those whose network it is on, and administrators.
    NetworkOwner,
}

/// Something that is not for everybody to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserved {
    /// The end of the rule's name: `mac_address`.
    pub(crate) rule: &'static str,
    pub(crate) post: Privilege,
    pub(crate) put: Privilege,
    /// Whether a value says it.
    pub(crate) says: fn(&Given) -> bool,
}

impl Reserved {
    /// Whatever the value.
    pub(crate) const fn whole(rule: &'static str, of: Privilege) -> Self {
        Self::part(rule, of, |_| true)
    }

    /// Values that say this.
    pub(crate) const fn part(rule: &'static str, of: Privilege, says: fn(&Given) -> bool) -> Self {
        Self {
            rule,
            post: of,
            put: of,
            says,
        }
    }

    /// Who may say it of what is there already, where that differs.
    pub(crate) const fn put(mut self, of: Privilege) -> Self {
        self.put = of;
        self
    }
}

/// An attribute that is shown, and nothing more.
pub(crate) const fn attribute(name: &'static str, kind: Kind) -> Attribute {
    Attribute::new(name, kind, Special::NONE)
}

/// `id`, as every resource has it.
pub(crate) const ID: Attribute = attribute("id", Kind::Uuid).filter();

/// `tenant_id`, as every resource has it. `project_id` is another word for it everywhere.
pub(crate) const PROJECT: Attribute = attribute("tenant_id", Kind::Text(255))
    .post(Absent::Own)
    .filter();

/// `name`, as every resource has it.
pub(crate) const NAME: Attribute = attribute("name", Kind::Name)
    .post(Absent::Text(""))
    .put()
    .filter();

/// `description`, as every resource has it.
pub(crate) const DESCRIPTION: Attribute = attribute("description", Kind::Text(255))
    .post(Absent::Text(""))
    .put()
    .filter();

/// `admin_state_up`, as most have it.
pub(crate) const ADMIN_STATE_UP: Attribute = attribute("admin_state_up", Kind::Flag)
    .post(Absent::True)
    .put()
    .filter();

/// `availability_zone_hints`, of what could be in several places elsewhere.
pub(crate) const ZONE_HINTS: Attribute = attribute(
    "availability_zone_hints",
    Kind::EmptyList("there are no availability zones here"),
)
.post(Absent::Empty);

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
