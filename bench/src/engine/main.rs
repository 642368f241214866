//! `make bench-engine`: what a gateway's engine and data plane cost with few connections and with
//! many.
//!
//! Each number of connections is tried in a process of its own, so that memory is that number's
//! alone. Nothing is sent over a network. The table is for `bench/RESULTS.md`.

#![expect(clippy::print_stdout, reason = "it prints a table")]

mod clock;
mod packets;
mod star;

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::time::Duration;

/// How many connections a gateway has, by turns.
const COUNTS: [u32; 3] = [10, 1_000, 10_000];

/// What a value is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Nanoseconds,
    Octets,
}

/// What is measured, in the table's order.
const ROWS: [(&str, Unit); 11] = [
    ("configure all", Unit::Nanoseconds),
    ("configure, each", Unit::Nanoseconds),
    ("bring up, each, both ends", Unit::Nanoseconds),
    ("idle tick", Unit::Nanoseconds),
    ("rekey of a Child SA, both ends", Unit::Nanoseconds),
    ("datagram with a known SPI", Unit::Nanoseconds),
    ("forged datagram", Unit::Nanoseconds),
    ("packet chosen and sealed", Unit::Nanoseconds),
    ("packet opened and judged", Unit::Nanoseconds),
    ("engine's memory, each", Unit::Octets),
    ("data plane's memory, each", Unit::Octets),
];

fn main() -> io::Result<()> {
    if let Some(count) = std::env::args().nth(1) {
        let count = count.parse().map_err(io::Error::other)?;
        star::measure(count, tell)?;
        return packets::measure(count, tell);
    }
    let program = std::env::current_exe()?;
    let mut columns = Vec::new();
    for count in COUNTS {
        let output = Command::new(&program).arg(count.to_string()).output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        columns.push(read(&told));
    }
    println!("| what | 10 | 1,000 | 10,000 | 1,000 : 10 | 10,000 : 10 |");
    println!("|---|---|---|---|---|---|");
    for (what, unit) in ROWS {
        let values: Vec<_> = columns.iter().map(|c| c.get(what).copied()).collect();
        let first = values.first().copied().flatten();
        let ratios = values.iter().skip(1).map(|value| ratio(*value, first));
        let shown = values.iter().map(|value| show(*value, unit));
        let cells: Vec<_> = shown.chain(ratios).collect();
        println!("| {what} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn tell(what: &str, value: u64) {
    println!("{what}\t{value}");
}

fn read(told: &str) -> BTreeMap<String, u64> {
    let pairs = told.lines().filter_map(|line| {
        let (what, value) = line.split_once('\t')?;
        Some((what.to_owned(), value.parse().ok()?))
    });
    pairs.collect()
}

fn show(value: Option<u64>, unit: Unit) -> String {
    match (value, unit) {
        (None, _) => "did not run".to_owned(),
        (Some(value), Unit::Octets) => format!("{value} B"),
        (Some(value), Unit::Nanoseconds) => format!("{:.3?}", Duration::from_nanos(value)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "two digits after the point are shown"
)]
fn ratio(value: Option<u64>, first: Option<u64>) -> String {
    match (value, first) {
        (Some(value), Some(first)) if first > 0 => format!("{:.2}", value as f64 / first as f64),
        _ => String::new(),
    }
}
