//! Two connected sites in one service.

use crate::support::api::Api;
use crate::support::serve::Serve;
use crate::support::site::{self, Instance, Site};
use crate::support::traffic::ping_both;

/// A service with two sites.
pub(crate) struct World {
    pub(crate) serve: Serve,
    pub(crate) api: Api,
    pub(crate) one: Site,
    pub(crate) two: Site,
}

impl World {
    pub(crate) fn new(prefix: &str, number: u8) -> Self {
        Self::of(Serve::start(prefix, number))
    }

    /// One whose service is process 1, as in a container.
    pub(crate) fn contained(prefix: &str, number: u8) -> Self {
        Self::of(Serve::start_contained(prefix, number))
    }

    fn of(serve: Serve) -> Self {
        let api = serve.api();
        let (one, two) = site::pair(&serve, &api);
        Self {
            serve,
            api,
            one,
            two,
        }
    }

    /// Makes a connection on each side; their paths.
    pub(crate) fn connect(&self) -> [String; 2] {
        [
            self.one.connect(&self.api, &self.two),
            self.two.connect(&self.api, &self.one),
        ]
    }

    /// The first instance of each side.
    pub(crate) fn instances(&self) -> (&Instance, &Instance) {
        (&self.one.instances[0], &self.two.instances[0])
    }

    /// Both connections come up, and pings pass both ways.
    #[track_caller]
    pub(crate) fn works(&self, connections: &[String]) {
        for connection in connections {
            self.api.up(connection);
        }
        let (a, b) = self.instances();
        ping_both(a, b);
    }
}
