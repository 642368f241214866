//! `adit top`: connections as they are, refreshed every second, and how far the chosen one has come.

mod rates;
mod screen;

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde_json::Value;

use crate::client::Client;
use crate::error::CliError;
use rates::Rates;
use screen::{Row, Screen};

/// How often the service is asked.
const REFRESH: Duration = Duration::from_secs(1);

/// How long a key is waited for.
const GLANCE: Duration = Duration::from_millis(100);

/// Nothing more is to be said.
#[derive(Args, Debug)]
pub struct Top {}

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Nothing,
    End,
    Up,
    Down,
    First,
    Last,
    /// By something else.
    Sort,
}

fn wish(key: &KeyEvent) -> Wish {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if is_control => Wish::End,
        KeyCode::Char('q') | KeyCode::Esc => Wish::End,
        KeyCode::Up | KeyCode::Char('k') => Wish::Up,
        KeyCode::Down | KeyCode::Char('j') => Wish::Down,
        KeyCode::Home => Wish::First,
        KeyCode::End => Wish::Last,
        KeyCode::Char('s') => Wish::Sort,
        _ => Wish::Nothing,
    }
}

/// Asks the service, and notes what it says; what goes wrong is shown, and asked again.
fn refresh(client: &Client, screen: &mut Screen, rates: &mut Rates) {
    let asked = client.list("/connections").map(|all| {
        let now = Instant::now();
        let rows = all.iter().map(|one| Row::of(one, rates, now)).collect();
        rates.forget(&all);
        screen.set_rows(rows);
    });
    let explained = match screen.chosen() {
        Some(id) => client.text(&format!("/connections/{id}/explain")),
        None => Ok(String::new()),
    };
    match asked.and(explained) {
        Ok(text) => {
            screen.explained = text;
            screen.trouble = None;
        }
        Err(error) => screen.trouble = Some(error.to_string()),
    }
}

pub(crate) fn run(client: &Client) -> Result<String, CliError> {
    if !io::stdout().is_terminal() {
        return Err(CliError::Needed { what: "a terminal" });
    }
    // Who is not let in is told so before the screen is taken.
    client.get("/connections?limit=1")?;
    let mut terminal = ratatui::init();
    let (mut screen, mut rates) = (Screen::default(), Rates::default());
    let mut due = Instant::now();
    let outcome = loop {
        if Instant::now() >= due {
            refresh(client, &mut screen, &mut rates);
            due = Instant::now() + REFRESH;
        }
        if let Err(error) = terminal.draw(|frame| screen.draw(frame)) {
            break Err(error);
        }
        let pressed = match event::poll(GLANCE) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        match pressed {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => match wish(&key) {
                Wish::End => break Ok(()),
                other => {
                    if screen.obey(other) {
                        due = Instant::now();
                    }
                }
            },
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    outcome.map(|()| String::new()).map_err(CliError::Setup)
}

/// A text of what was answered.
fn text(value: &Value, place: &str) -> String {
    let text = value.pointer(place).and_then(Value::as_str);
    // What moves the cursor moves nothing here.
    let text = text.unwrap_or_default().chars();
    text.filter(|c| !c.is_control()).collect()
}
