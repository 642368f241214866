//! What is on the screen.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row as Cells, Table, TableState, Wrap};
use serde_json::Value;

use super::rates::{Rate, Rates, shown};
use super::{Wish, text};

/// A connection's line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    id: String,
    name: String,
    state: String,
    peer: String,
    rate: Rate,
    reason: String,
}

impl Row {
    pub(super) fn of(connection: &Value, rates: &mut Rates, now: Instant) -> Self {
        Self {
            id: text(connection, "/id"),
            name: text(connection, "/name"),
            state: text(connection, "/state"),
            peer: text(connection, "/peer/address"),
            rate: rates.of(connection, now),
            reason: text(connection, "/reasons/0/code"),
        }
    }
}

/// By what lines are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Order {
    /// Those that need somebody first, then by name.
    #[default]
    Trouble,
    /// Those with most traffic first.
    Traffic,
    Name,
}

impl Order {
    const fn next(self) -> Self {
        match self {
            Self::Trouble => Self::Traffic,
            Self::Traffic => Self::Name,
            Self::Name => Self::Trouble,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Traffic => "traffic",
            Self::Name => "name",
        }
    }
}

/// What is shown.
#[derive(Default)]
pub(super) struct Screen {
    rows: Vec<Row>,
    order: Order,
    /// The line that is chosen, by its connection: it stays where lines move.
    chosen: Option<String>,
    /// How far the chosen one has come.
    pub(super) explained: String,
    /// Why there is nothing new.
    pub(super) trouble: Option<String>,
}

impl Screen {
    pub(super) fn set_rows(&mut self, rows: Vec<Row>) {
        self.rows = rows;
        self.sort();
        if self.place().is_none() {
            self.chosen = self.rows.first().map(|row| row.id.clone());
        }
    }

    fn sort(&mut self) {
        let total = |row: &Row| row.rate.inward + row.rate.outward;
        let rank = |row: &Row| match (row.state.as_str(), row.reason.is_empty()) {
            ("up", true) => 2,
            ("up", false) => 1,
            _ => 0,
        };
        let order = self.order;
        self.rows.sort_by(|one, other| {
            let first = match order {
                Order::Trouble => rank(one).cmp(&rank(other)),
                Order::Traffic => total(other).total_cmp(&total(one)),
                Order::Name => std::cmp::Ordering::Equal,
            };
            first.then_with(|| (&one.name, &one.id).cmp(&(&other.name, &other.id)))
        });
    }

    /// The connection that is chosen.
    pub(super) fn chosen(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    fn place(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        self.rows.iter().position(|row| row.id == *chosen)
    }

    /// Does what a key asks for; whether something else is to be explained now.
    pub(super) fn obey(&mut self, wish: Wish) -> bool {
        let last = self.rows.len().saturating_sub(1);
        let place = self.place().unwrap_or_default();
        let next = match wish {
            Wish::Up => place.saturating_sub(1),
            Wish::Down => place.saturating_add(1).min(last),
            Wish::First => 0,
            Wish::Last => last,
            Wish::Sort => {
                self.order = self.order.next();
                self.sort();
                return false;
            }
            Wish::Nothing | Wish::End => return false,
        };
        let chosen = self.rows.get(next).map(|row| row.id.clone());
        let is_other = chosen != self.chosen;
        self.chosen = chosen;
        is_other
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let places = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(4),
            Constraint::Percentage(45),
            Constraint::Length(1),
        ]);
        let [head, list, below, foot] = places.areas(frame.area());
        frame.render_widget(Paragraph::new(self.sentence()), head);
        let mut state = TableState::default().with_selected(self.place());
        frame.render_stateful_widget(self.table(), list, &mut state);
        let explained = Paragraph::new(self.explained.as_str())
            .wrap(Wrap { trim: false })
            .block(Block::bordered());
        frame.render_widget(explained, below);
        let keys = format!("q ends, arrows choose, s sorts (by {})", self.order.word());
        frame.render_widget(Paragraph::new(keys), foot);
    }

    fn sentence(&self) -> Line<'_> {
        if let Some(trouble) = &self.trouble {
            return Line::styled(trouble.as_str(), Style::new().fg(Color::Red));
        }
        let up = self.rows.iter().filter(|row| row.state == "up").count();
        let all = self.rows.len();
        Line::styled(format!("{up} of {all} connections are up"), Modifier::BOLD)
    }

    fn table(&self) -> Table<'_> {
        let cells = self.rows.iter().map(|row| {
            let colour = match (row.state.as_str(), row.reason.is_empty()) {
                ("up", true) => Color::Green,
                ("up", false) | ("connecting", _) => Color::Yellow,
                _ => Color::Red,
            };
            Cells::new([
                Cell::from(row.name.as_str()),
                Cell::from(row.state.as_str()).style(Style::new().fg(colour)),
                Cell::from(row.peer.as_str()),
                Cell::from(shown(row.rate.inward)),
                Cell::from(shown(row.rate.outward)),
                Cell::from(row.reason.as_str()),
            ])
        });
        let widths = [
            Constraint::Fill(2),
            Constraint::Length(10),
            Constraint::Fill(1),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Fill(2),
        ];
        let titles = ["NAME", "STATE", "PEER", "IN b/s", "OUT b/s", "REASON"];
        Table::new(cells, widths)
            .header(Cells::new(titles).style(Modifier::BOLD))
            .row_highlight_style(Modifier::REVERSED)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;

    fn connection(name: &str, state: &str, octets: u64, reason: Option<&str>) -> Value {
        json!({
            "id": format!("id-of-{name}"),
            "name": name,
            "state": state,
            "peer": {"address": "192.0.2.5"},
            "traffic": {"bytes_in": octets, "bytes_out": 0},
            "reasons": reason.map(|code| json!({"code": code})).into_iter().collect::<Vec<_>>(),
        })
    }

    fn drawn(screen: &Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, 16)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn set(screen: &mut Screen, rates: &mut Rates, at: Instant, octets: u64) {
        let all = [
            connection("alpha", "up", 0, None),
            connection("beta", "up", octets, Some("weak_algorithm")),
            connection("gamma\u{1b}[2J", "down", 0, Some("peer_not_responding")),
        ];
        screen.set_rows(all.iter().map(|one| Row::of(one, rates, at)).collect());
    }

    #[test]
    fn those_that_need_somebody_come_first_and_the_chosen_one_is_explained() {
        let (mut screen, mut rates) = (Screen::default(), Rates::default());
        let now = Instant::now();
        set(&mut screen, &mut rates, now, 0);
        set(
            &mut screen,
            &mut rates,
            now + Duration::from_secs(1),
            250_000,
        );
        assert_eq!(screen.chosen(), Some("id-of-gamma[2J"));
        screen.explained = "gamma is down.\n\n  x 192.0.2.5 does not answer.".to_owned();
        let text = drawn(&screen);
        assert!(text.contains("2 of 3 connections are up"), "{text}");
        assert!(text.contains("x 192.0.2.5 does not answer."), "{text}");
        assert!(text.contains("2.00M"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let at = |name: &str| text.find(name).unwrap();
        assert!(
            at("gamma") < at("beta") && at("beta") < at("alpha"),
            "{text}"
        );
    }

    #[test]
    fn keys_choose_and_sort_and_what_is_chosen_stays() {
        let (mut screen, mut rates) = (Screen::default(), Rates::default());
        let now = Instant::now();
        set(&mut screen, &mut rates, now, 0);
        set(
            &mut screen,
            &mut rates,
            now + Duration::from_secs(1),
            250_000,
        );
        assert!(screen.obey(Wish::Down));
        assert_eq!(screen.chosen(), Some("id-of-beta"));
        assert!(screen.obey(Wish::Last));
        assert!(!screen.obey(Wish::Down), "it is the last");
        assert_eq!(screen.chosen(), Some("id-of-alpha"));
        assert!(!screen.obey(Wish::Sort));
        assert_eq!(screen.chosen(), Some("id-of-alpha"));
        let text = drawn(&screen);
        assert!(text.contains("by traffic"), "{text}");
        assert!(text.find("beta").unwrap() < text.find("alpha").unwrap());
        screen.set_rows(Vec::new());
        assert_eq!(screen.chosen(), None);
        assert!(!screen.obey(Wish::Up));
        assert!(drawn(&screen).contains("0 of 0"));
    }

    #[test]
    fn trouble_is_shown_and_so_is_a_small_screen() {
        let mut screen = Screen {
            trouble: Some("the service does not answer".to_owned()),
            ..Screen::default()
        };
        assert!(drawn(&screen).contains("the service does not answer"));
        screen.explained = "word ".repeat(200);
        for (width, height) in [(1, 1), (10, 3), (360, 80)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| screen.draw(frame)).unwrap();
        }
    }
}
