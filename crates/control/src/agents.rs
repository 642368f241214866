//! The hosts that there are, each with its agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use adit_model::HostId;

use crate::agent::{Agent, Cause};

/// Each host's agent.
#[derive(Clone)]
pub(crate) struct Agents(Arc<BTreeMap<HostId, Arc<dyn Agent>>>);

impl Agents {
    /// That of the one host there is.
    pub(crate) fn of_one(agent: Arc<dyn Agent>) -> Self {
        Self(Arc::new(BTreeMap::from([(HostId::ONLY, agent)])))
    }

    /// A host's.
    ///
    /// # Errors
    /// There is no such host.
    pub(crate) fn of(&self, host: HostId) -> Result<Arc<dyn Agent>, Cause> {
        let known = self.0.get(&host).cloned();
        known.ok_or_else(|| format!("there is no agent of the host {host}").into())
    }

    /// That of the host where something is, or everybody's where that isn't known any more.
    pub(crate) fn where_it_may_be(&self, host: Option<HostId>) -> Vec<Arc<dyn Agent>> {
        match host.and_then(|host| self.0.get(&host)) {
            Some(agent) => vec![Arc::clone(agent)],
            None => self.0.values().cloned().collect(),
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (HostId, &Arc<dyn Agent>)> {
        self.0.iter().map(|(host, agent)| (*host, agent))
    }
}
