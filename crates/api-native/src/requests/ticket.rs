//! The text of a ticket that asks for a connection, as IBM's Power Virtual Server asked its users for one: four fields,
//! each after a letter and its title.

use std::net::IpAddr;

use adit_model::Cidr;

/// What a ticket says. What it does not say is missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ticket {
    pub(super) peer_address: Option<String>,
    pub(super) name: Option<String>,
    pub(super) peer_cidrs: Vec<Cidr>,
    pub(super) local_cidrs: Vec<Cidr>,
    pub(super) recipient: Option<String>,
    pub(super) test_addresses: Vec<IpAddr>,
}

/// The most octets that are read of a ticket.
const LONGEST: usize = 16 * 1024;

/// A field of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    PeerAddress,
    Name,
    PeerCidrs,
    LocalCidrs,
    Recipient,
    TestAddresses,
}

/// What each field is called, in small letters; the longer before those that it begins with.
const TITLES: [(&str, Field); 10] = [
    ("gateway ip", Field::PeerAddress),
    ("connection name", Field::Name),
    (
        "subnets to be reached at customer location in cidr notation",
        Field::PeerCidrs,
    ),
    (
        "subnets to be reached at customer location",
        Field::PeerCidrs,
    ),
    ("customer subnets", Field::PeerCidrs),
    (
        "subnets to be reached in power vs environment in cidr form",
        Field::LocalCidrs,
    ),
    (
        "subnets to be reached in power vs environment",
        Field::LocalCidrs,
    ),
    ("subnets to be reached here", Field::LocalCidrs),
    ("authorized recipient", Field::Recipient),
    ("test addresses", Field::TestAddresses),
];

const ALL: [(Field, &str); 6] = [
    (Field::PeerAddress, "Gateway IP"),
    (Field::Name, "Connection Name"),
    (
        Field::PeerCidrs,
        "Subnets to be reached at customer location",
    ),
    (
        Field::LocalCidrs,
        "Subnets to be reached in Power VS environment",
    ),
    (Field::Recipient, "Authorized recipient"),
    (Field::TestAddresses, "Test addresses"),
];

impl Field {
    fn title(self) -> &'static str {
        let mut all = ALL.iter();
        all.find(|(field, _)| *field == self)
            .map_or("", |(_, title)| title)
    }
}

/// A line without the letter that its field has: `a. `, `b) ` or `3 `.
fn without_letter(line: &str) -> &str {
    let line = line.trim();
    let mut chars = line.chars();
    match (chars.next(), chars.next()) {
        (Some('a'..='f' | 'A'..='F' | '1'..='6'), Some('.' | ')' | ' ' | '\t')) => {
            chars.as_str().trim_start()
        }
        _ => line,
    }
}

/// The field that a line begins, and the rest of it.
fn begins(line: &str) -> Option<(Field, &str)> {
    let line = without_letter(line);
    TITLES.iter().find_map(|(title, field)| {
        let head = line.get(..title.len())?;
        let rest = line.get(title.len()..)?;
        let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
        let is_it = head.eq_ignore_ascii_case(title) && ends;
        is_it.then(|| (*field, rest.trim_start_matches([':', '.', '=', ' ', '\t'])))
    })
}

/// What is said, shortened to what an error may repeat of it.
fn shown(text: &str) -> String {
    let text: String = text.chars().take(60).filter(|c| !c.is_control()).collect();
    format!("{text:?}")
}

impl Ticket {
    /// Reads a ticket; or all that is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, Vec<String>> {
        if text.len() > LONGEST {
            return Err(vec![format!("a ticket has at most {LONGEST} octets")]);
        }
        let mut wrong = Vec::new();
        let mut said: Vec<(Field, String)> = Vec::new();
        for (number, line) in (1_usize..).zip(text.lines()) {
            let line = line.trim();
            let is_heading = line
                .get(..8)
                .is_some_and(|head| head.eq_ignore_ascii_case("subject:"));
            if line.is_empty() || (is_heading && said.is_empty()) {
                continue;
            }
            match begins(line) {
                Some((field, _)) if said.iter().any(|(known, _)| *known == field) => {
                    wrong.push(format!("line {number} says {} again", field.title()));
                }
                Some((field, rest)) => said.push((field, rest.to_owned())),
                // A list may go on in the next lines.
                None => match said.last_mut() {
                    Some((Field::PeerCidrs | Field::LocalCidrs | Field::TestAddresses, list)) => {
                        list.push(' ');
                        list.push_str(line);
                    }
                    _ => wrong.push(format!(
                        "line {number} is none of the fields: {}",
                        shown(line)
                    )),
                },
            }
        }
        let mut ticket = Self::default();
        for (field, text) in &said {
            ticket.take(*field, text.trim(), &mut wrong);
        }
        for (field, title) in ALL.iter().take(4) {
            if !said
                .iter()
                .any(|(known, text)| known == field && !text.trim().is_empty())
            {
                wrong.push(format!("{title} is missing"));
            }
        }
        if wrong.is_empty() {
            Ok(ticket)
        } else {
            Err(wrong)
        }
    }

    fn take(&mut self, field: Field, text: &str, wrong: &mut Vec<String>) {
        match field {
            Field::PeerAddress => self.peer_address = Some(text.to_owned()),
            Field::Name => self.name = Some(text.to_owned()),
            Field::Recipient => self.recipient = Some(text.to_owned()),
            Field::PeerCidrs => self.peer_cidrs = list(field, text, wrong),
            Field::LocalCidrs => self.local_cidrs = list(field, text, wrong),
            Field::TestAddresses => self.test_addresses = list(field, text, wrong),
        }
    }
}

/// The entries of a list, by commas, semicolons or spaces.
fn list<T: std::str::FromStr>(field: Field, text: &str, wrong: &mut Vec<String>) -> Vec<T> {
    let entries = text.split([',', ';', ' ', '\t']);
    let entries = entries
        .map(str::trim)
        .filter(|entry| !entry.is_empty() && *entry != "and");
    let mut found = Vec::new();
    for entry in entries {
        match entry.parse() {
            Ok(value) => found.push(value),
            Err(_) => {
                let (title, entry) = (field.title(), shown(entry));
                wrong.push(format!("{title}: {entry} can't be one"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKET: &str = "Subject: Power VS VPNaaS Beta Setup: Loc: dal10\n\
        \n\
        a. Gateway IP: 198.51.100.7\n\
        b. Connection Name: branch\n\
        c. Subnets to be reached at customer location in CIDR notation 10.77.0.0/24, 10.78.0.0/24\n\
        d. Subnets to be reached in Power VS environment in CIDR form. 10.240.0.0/24\n";

    #[test]
    fn the_seed_s_ticket_is_read_as_it_is_written() {
        let ticket = Ticket::read(TICKET).unwrap();
        assert_eq!(ticket.peer_address.as_deref(), Some("198.51.100.7"));
        assert_eq!(ticket.name.as_deref(), Some("branch"));
        let texts =
            |list: &[Cidr]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
        assert_eq!(texts(&ticket.peer_cidrs), ["10.77.0.0/24", "10.78.0.0/24"]);
        assert_eq!(texts(&ticket.local_cidrs), ["10.240.0.0/24"]);
        assert_eq!(ticket.recipient, None);
    }

    #[test]
    fn lists_go_on_in_the_next_lines_and_letters_are_left_away() {
        let text = "Gateway IP 198.51.100.7\nCONNECTION NAME: a b\nCustomer subnets:\n 10.77.0.0/24\n 10.78.0.0/24\n\
            subnets to be reached here: 10.240.0.0/24 and 10.241.0.0/24\nAuthorized recipient: Ann Smith\n\
            Test addresses: 10.77.0.9";
        let ticket = Ticket::read(text).unwrap();
        assert_eq!(ticket.peer_cidrs.len(), 2);
        assert_eq!(ticket.local_cidrs.len(), 2);
        assert_eq!(ticket.name.as_deref(), Some("a b"));
        assert_eq!(ticket.recipient.as_deref(), Some("Ann Smith"));
        assert_eq!(ticket.test_addresses.len(), 1);
    }

    #[test]
    fn all_that_is_wrong_is_listed() {
        let text = "hello\na. Gateway IP: 1.2.3.4\na. Gateway IP: 1.2.3.5\n\
            c. Subnets to be reached at customer location: 10.0.0.5/24, <script>\n";
        let wrong = Ticket::read(text).unwrap_err();
        assert_eq!(
            wrong,
            [
                "line 1 is none of the fields: \"hello\"",
                "line 3 says Gateway IP again",
                "Subnets to be reached at customer location: \"10.0.0.5/24\" can't be one",
                "Subnets to be reached at customer location: \"<script>\" can't be one",
                "Connection Name is missing",
                "Subnets to be reached in Power VS environment is missing",
            ]
        );
        assert_eq!(Ticket::read("").unwrap_err().len(), 4);
        assert_eq!(Ticket::read(&"x".repeat(20_000)).unwrap_err().len(), 1);
    }

    #[test]
    fn no_text_is_a_panic() {
        for text in [
            "a",
            "a.",
            "é. Gateway IP: x",
            "a. Gateway IPé",
            "c.\u{202e}subnets",
            "gateway ip",
            "\0\0",
            "a.\t\t:",
        ] {
            let _ = Ticket::read(text);
        }
    }
}
