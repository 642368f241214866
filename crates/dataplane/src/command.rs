//! Commands from the control side to a loop that owns its SAs alone.
//!
//! The loop looks at one atomic flag per batch; the queue behind it is locked only when there is something in it.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Commands for one loop, and what wakes it.
pub(crate) struct CommandQueue<C> {
    pending: AtomicBool,
    stopped: AtomicBool,
    queue: Mutex<Vec<C>>,
    wake: EventFd,
}

impl<C> CommandQueue<C> {
    pub(crate) fn new() -> std::io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self {
            pending: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            queue: Mutex::default(),
            wake,
        })
    }

    /// Queues a command and wakes the loop. A batch that the loop takes from the kernel afterwards is worked on
    /// after the command.
    pub(crate) fn push(&self, command: C) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        self.pending.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// All commands since the last time.
    pub(crate) fn take(&self) -> Vec<C> {
        if !self.pending.load(Ordering::SeqCst) {
            return Vec::new();
        }
        self.pending.store(false, Ordering::SeqCst);
        std::mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Readable when there is something to look at.
    pub(crate) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Makes the descriptor unreadable again.
    pub(crate) fn clear_wake(&self) {
        // Fails only if it is unreadable already.
        let _ = self.wake.read();
    }

    fn wake(&self) {
        // Fails only if the counter is full, and then the loop is awake.
        let _ = self.wake.write(1);
    }
}
