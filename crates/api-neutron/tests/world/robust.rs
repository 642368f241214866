//! What no answer may be, whatever was asked.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::{Answer, World, path};

/// Parameters of lists, besides attributes.
const PARAMETERS: &[&str] = &[
    "fields",
    "limit",
    "marker",
    "page_reverse",
    "sort_key",
    "sort_dir",
];

/// Refused in due form, or done; never a fault of ours.
#[track_caller]
pub(crate) fn sane(answer: &Answer, sent: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500, "{sent}: {answer:?}");
    if status >= 400 {
        answer.refused();
    }
}

/// Lists of these kinds, with any queries out of names of attributes and words.
pub(crate) fn queries(
    runtime: &Runtime,
    world: &World,
    kinds: &'static [&'static str],
    names: &'static [&'static str],
    words: &'static [&'static str],
) {
    let name = prop_oneof![
        prop::sample::select(names).prop_map(str::to_owned),
        prop::sample::select(PARAMETERS).prop_map(str::to_owned),
    ];
    let value = prop_oneof![
        prop::sample::select(words).prop_map(str::to_owned),
        prop::sample::select(&["asc", "desc", "1", "2", "0", "True", "id", "name"][..])
            .prop_map(str::to_owned),
        "[^$]{0,20}",
    ];
    let query = prop::collection::vec((name, value), 0..6);
    let mut runner = TestRunner::new(Config::with_cases(2000));
    let run = runner.run(&(prop::sample::select(kinds), query), |(kind, pairs)| {
        runtime.block_on(async {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &pairs {
                query.append_pair(name, &world.fill(value));
            }
            let query = query.finish();
            let answer = world.get(&format!("{}?{query}", path(kind))).await;
            sane(&answer, &query);
        });
        Ok(())
    });
    run.unwrap();
}
