//! What was dropped, by cause: the data plane's packets and the engine's messages in one list.

use adit_dataplane::{Counters, DropCause};
use adit_ike::Statistics;
use adit_model::observed::Drops;

use crate::descriptors::Lost;

pub(crate) fn of(packets: &Counters, messages: &Statistics, port_500: &Lost) -> Drops {
    let packets = DropCause::all().map(|cause| {
        let on_port_500 = match cause {
            DropCause::IkeQueueFull => port_500.queue_full,
            DropCause::IkeStranger => port_500.stranger,
            DropCause::SocketFull => port_500.socket_full,
            _ => 0,
        };
        (cause.name().to_owned(), packets.drops(cause) + on_port_500)
    });
    let messages = [
        // Not dropped for good: who gets one comes again with it.
        ("ike_cookie_asked", messages.cookies_sent),
        ("ike_half_open_limit", messages.half_open_limit),
        (
            "ike_half_open_limit_of_peer",
            messages.half_open_limit_of_peer,
        ),
        ("ike_malformed", messages.malformed),
        ("ike_not_authentic", messages.not_authentic),
        ("ike_other_version", messages.other_version),
        ("ike_out_of_order", messages.out_of_order),
        ("ike_unknown_identity", messages.unknown_identity),
        ("ike_unknown_peer", messages.unknown_peer),
        ("ike_unknown_spi", messages.unknown_spi),
    ]
    .map(|(cause, count)| (cause.to_owned(), count));
    Drops(
        packets
            .chain(messages)
            .filter(|(_, count)| *count > 0)
            .collect(),
    )
}
