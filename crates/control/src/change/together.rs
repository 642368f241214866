//! Several use cases as one unit of work.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Shared, Unit, unit_is_over};
use crate::Control;
use crate::error::Error;

/// A unit of work of several use cases: all of what they do lasts, or none of it. Dropped, it changes
/// nothing.
pub struct Together {
    control: Control,
    shared: Shared,
}

impl fmt::Debug for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

impl Together {
    /// The use cases, as parts of this unit of work, one after another. Once it is over they do
    /// nothing more.
    #[must_use]
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Makes all of it last, and wakes whom it concerns.
    ///
    /// # Errors
    /// A use case was refused, or the store can't answer. Nothing was written.
    pub async fn commit(self) -> Result<(), Error> {
        let unit = self.shared.lock().await.take().ok_or_else(unit_is_over)?;
        if unit.broken {
            let message = "a part of the unit of work was refused";
            return Err(Error::Internal(message.into()));
        }
        Ok(unit.commit(&self.control.0).await?)
    }
}

/// Whoever still has the use cases holds up no other writer by it.
impl Drop for Together {
    fn drop(&mut self) {
        if let Ok(mut unit) = self.shared.try_lock() {
            unit.take();
        }
    }
}

impl Control {
    /// Begins a unit of work of several use cases: those of [`Together::control`]. Nobody else
    /// writes until it is over.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn together(&self) -> Result<Together, Error> {
        let unit = Unit::begin(&self.0).await?;
        let shared = Arc::new(Mutex::new(Some(unit)));
        let control = Self(Arc::clone(&self.0), Some(Arc::clone(&shared)));
        Ok(Together { control, shared })
    }

    /// Whether what is done is a part of a unit of work, and others wait for its end.
    pub(crate) fn is_together(&self) -> bool {
        self.1.is_some()
    }
}
