//! Whether more comes in than is wanted: one line when that begins, and one when it ends.

use adit_model::observed::Drops;

/// Drops between two looks with which a flood begins.
const BEGINS: u64 = 1000;

/// Drops between two looks with which it has ended.
const ENDS: u64 = 50;

/// What anybody can send; the other causes are our own or an authenticated peer's.
const FROM_ANYBODY: &[&str] = &[
    "ike_half_open_limit",
    "ike_malformed",
    "ike_not_authentic",
    "ike_other_version",
    "ike_out_of_order",
    "ike_queue_full",
    "ike_stranger",
    "ike_unknown_identity",
    "ike_unknown_peer",
    "ike_unknown_spi",
    "integrity",
    "replayed",
    "runt",
    "socket_full",
    "unknown_spi",
];

/// The state between looks.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    before: Drops,
    /// Dropped since it began, while it lasts.
    during: Option<u64>,
}

/// What is to be said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FloodNews {
    /// It began: most are dropped for this cause.
    Begins(String),
    /// It ended, after so many drops.
    Ended(u64),
}

impl Flood {
    /// Takes all drops so far.
    pub(crate) fn look(&mut self, drops: &Drops) -> Option<FloodNews> {
        let since = |cause: &str| {
            let count = |drops: &Drops| drops.0.get(cause).copied().unwrap_or_default();
            count(drops).saturating_sub(count(&self.before))
        };
        let causes = FROM_ANYBODY.iter().map(|cause| (since(cause), *cause));
        let all: u64 = causes.clone().map(|(count, _)| count).sum();
        let most = causes.max().map_or("", |(_, cause)| cause);
        self.before = drops.clone();
        match &mut self.during {
            None if all >= BEGINS => {
                self.during = Some(all);
                Some(FloodNews::Begins(most.to_owned()))
            }
            None => None,
            Some(sum) => {
                *sum += all;
                let ended = all <= ENDS;
                ended.then(|| self.during.take().map(FloodNews::Ended))?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_when_it_begins_and_when_it_ends() {
        let mut flood = Flood::default();
        let mut drops = Drops::default();
        let mut look = |runts, malformed| {
            *drops.0.entry("runt".into()).or_default() += runts;
            *drops.0.entry("ike_malformed".into()).or_default() += malformed;
            // What is our own does not count.
            *drops.0.entry("no_sa".into()).or_default() += 100_000;
            flood.look(&drops)
        };
        assert_eq!(look(0, 900), None);
        let begins = FloodNews::Begins("ike_malformed".into());
        assert_eq!(look(500, 900), Some(begins.clone()));
        assert_eq!([look(0, 5000), look(0, 300)], [None, None]);
        assert_eq!(look(7, 0), Some(FloodNews::Ended(6707)));
        assert_eq!(look(0, 0), None);
        assert_eq!(look(0, 5000), Some(begins));
    }
}
