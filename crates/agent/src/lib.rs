//! One host's hands: makes routers and gateways real with the embedded network provider, and keeps
//! one unprivileged worker process running for each gateway.
//!
//! The agent opens a gateway's TUN device and sockets once and keeps them for as long as the
//! gateway exists; a worker gets copies. So a worker that dies takes neither the routes nor the
//! addresses with it, what peers send in the meantime waits in the sockets, and the next worker
//! goes on where the last one stood, with fresh SAs.

mod local;
mod news;
mod orders;
mod supervisor;
mod tunnels;
mod users;

pub use local::LocalAgent;
pub use supervisor::WorkerProgram;
