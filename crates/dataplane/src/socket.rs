//! What sockets of both kinds are asked for, and how they send.

use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::sockopt::{IpRecvTos, Ipv6RecvTClass, RxqOvfl};
use nix::sys::socket::{ControlMessage, setsockopt};

/// How long a send waits for room before its packets are dropped.
const SEND_PATIENCE_MS: u8 = 20;

/// Has a socket tell what it lost, and the DSCP and ECN of what it receives.
pub(crate) fn ask(socket: BorrowedFd<'_>) {
    // Without it losses are not counted.
    let _ = setsockopt(&socket, RxqOvfl, &1);
    // Without it marks of congestion are not seen. Each family has one of the two.
    let _ = setsockopt(&socket, IpRecvTos, &true);
    let _ = setsockopt(&socket, Ipv6RecvTClass, &true);
}

/// A DSCP and ECN, as the two families take it.
pub(crate) struct Class(u8, i32);

impl Class {
    pub(crate) fn new(class: u8) -> Self {
        Self(class, class.into())
    }

    /// What has a packet sent so; nothing for those that the kernel sends anyway.
    pub(crate) fn message(&self, is_ipv4: bool) -> Option<ControlMessage<'_>> {
        (self.0 != 0).then_some(if is_ipv4 {
            ControlMessage::Ipv4Tos(&self.0)
        } else {
            ControlMessage::Ipv6TClass(&self.1)
        })
    }
}

/// Waits a moment for room to send. Whatever it finds, the send is to be tried once more.
pub(crate) fn await_room(socket: &impl AsFd) {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    let _ = poll(&mut fds, SEND_PATIENCE_MS);
}
