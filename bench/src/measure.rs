//! What requests took, and the table of it.

#![expect(clippy::print_stdout, reason = "it prints tables")]

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Client;
use crate::service::Service;

/// How long the service may go on working after the last answer, which counts as its cost.
const SETTLE: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    what: String,
    clients: usize,
    per_second: f64,
    median: Duration,
    worst_of_hundred: Duration,
    cpu: Duration,
}

impl Table {
    pub(crate) fn print(&self) {
        println!("| request | clients | requests/s | p50 ms | p99 ms | CPU ms/request |");
        println!("|---|---|---|---|---|---|");
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        for row in &self.0 {
            println!(
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.3} |",
                row.what,
                row.clients,
                row.per_second,
                ms(row.median),
                ms(row.worst_of_hundred),
                ms(row.cpu)
            );
        }
    }
}

/// Has `clients` do `count` requests together, and notes what they took.
pub(crate) fn measure(
    service: &Service,
    table: &mut Table,
    what: &str,
    clients: usize,
    count: usize,
    ask: impl Fn(&mut Client, usize) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let times = Mutex::new(Vec::with_capacity(count));
    let before = service.cpu()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for first in 0..clients {
            let (times, ask) = (&times, &ask);
            running.push(scope.spawn(move || {
                let mut client = service.client()?;
                let mut own = Vec::new();
                for number in (first..count).step_by(clients) {
                    let begun = Instant::now();
                    ask(&mut client, number)?;
                    own.push(begun.elapsed());
                }
                if let Ok(mut times) = times.lock() {
                    times.extend(own);
                }
                Ok::<(), io::Error>(())
            }));
        }
        for one in running {
            one.join()
                .map_err(|_| io::Error::other("a client broke"))??;
        }
        Ok::<(), io::Error>(())
    })?;
    let took = begun.elapsed();
    std::thread::sleep(SETTLE);
    let cpu = service.cpu()?.saturating_sub(before);
    let mut times = times
        .into_inner()
        .map_err(|_| io::Error::other("a client broke"))?;
    times.sort_unstable();
    let at = |part: usize| {
        times
            .get(times.len() * part / 100)
            .copied()
            .unwrap_or_default()
    };
    table.0.push(Row {
        what: what.to_owned(),
        clients,
        per_second: times.len() as f64 / took.as_secs_f64(),
        median: at(50),
        worst_of_hundred: at(99),
        cpu: cpu.div_f64(times.len() as f64),
    });
    Ok(())
}

/// A request that has to succeed.
pub(crate) fn expect(
    client: &mut Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> io::Result<()> {
    let answer = client.ask(method, path, body)?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Err(io::Error::other(format!(
        "{method} {path}: {} {body}",
        answer.status
    )))
}
