//! What holds for every line of a worker.

use adit_worker::protocol::FromWorker;

/// A line is refused, or it is small, and says the same when it is said again.
pub(crate) fn check(line: &[u8]) {
    let Ok(news) = FromWorker::parse(line) else {
        return;
    };
    match &news {
        FromWorker::Alive | FromWorker::Ready => {}
        FromWorker::Load { drops, .. } => {
            assert!(drops.0.len() <= 128);
            let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
            assert!(drops.0.keys().all(|cause| cause.bytes().all(plain)));
        }
        FromWorker::Recording { sealed, .. } => {
            let mut sealed = sealed.iter();
            assert!(sealed.all(|sealed| sealed.len() <= 1 << 18 && sealed.is_ascii()));
        }
        FromWorker::Tunnel { observed, .. } => {
            assert!(observed.reasons.len() <= 128);
            for reason in &observed.reasons {
                assert!(reason.evidence.len() <= 4096 && reason.next_step.len() <= 4096);
            }
        }
    }
    let Ok(again) = serde_json::to_vec(&news) else {
        panic!("{news:?} can't be said");
    };
    match FromWorker::parse(&again) {
        Ok(taken) => assert_eq!(format!("{taken:?}"), format!("{news:?}")),
        Err(error) => panic!("{news:?} is not taken again: {error}"),
    }
}
