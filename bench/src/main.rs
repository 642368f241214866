//! `make bench`: how many requests the OpenStack face answers (`make bench-vpc`: IBM's), how fast, and what each costs.
//!
//! It starts a release build of `adit serve` on a fresh SQLite database, and asks it over
//! connections that are kept. Processor time is that of the service, read from `/proc`; the load
//! runs on the same machine. The tables are for `bench/RESULTS.md`.

#![expect(clippy::print_stdout, reason = "it prints tables")]

mod gateways;
mod http;
mod load;
mod measure;
mod service;
mod vpc;

use std::io;
use std::time::Duration;

use load::Kind;
use measure::Table;
use service::Service;

/// How many connections the large run has.
const MANY: usize = 100_000;

/// As long as the service takes from one look at everything to the next.
const SWEEP: Duration = Duration::from_secs(30);

const USAGE: &str = "usage: adit-bench ADIT [--quick | --vpc | --gateways COUNT]";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next();
    let program = program.ok_or_else(|| io::Error::other(USAGE))?;
    let quick = match arguments.next().as_deref() {
        None => false,
        Some("--quick") => true,
        Some("--vpc") => return vpc::run(&Service::start(&program)?),
        Some("--gateways") => {
            let count = arguments.next().and_then(|count| count.parse().ok());
            let count = count.ok_or_else(|| io::Error::other(USAGE))?;
            return gateways::run(&mut Service::start(&program)?, count);
        }
        Some(_) => return Err(io::Error::other(USAGE)),
    };
    let service = Service::start(&program)?;
    let place = load::Place::new(&service)?;
    let mut table = Table::default();
    for kind in [Kind::IkePolicy, Kind::SiteConnection] {
        load::run(&service, &place, kind, &mut table)?;
    }
    table.print();
    if !quick {
        println!("\nat {MANY} connections on 100 services (administratively down):\n");
        let mut table = Table::default();
        load::grow(&service, &place, MANY)?;
        let rest = service.rest(SWEEP)?;
        println!("at rest it takes {:.1} % of a core\n", rest * 100.0);
        load::single(&service, &place, Kind::SiteConnection, 1, &mut table)?;
        load::single(&service, &place, Kind::SiteConnection, 8, &mut table)?;
        load::page(&service, Kind::SiteConnection, &mut table)?;
        table.print();
    }
    println!("\nmost memory of the service: {} MiB", service.memory()?);
    Ok(())
}
