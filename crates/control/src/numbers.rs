//! Numbers of a project's things, for faces whose ids are integers. A thing has its number from when it is first shown, and
//! nothing else ever has it.

use adit_model::change::Actor;
use adit_store::NumberOf;

use crate::change::Change;
use crate::error::{Error, Quota};
use crate::{Caller, Control};

/// How many things of one kind a project may have numbered.
const MOST: usize = 10_000;

impl Control {
    /// The numbers of things that are there, in their order. One that has none is given one.
    ///
    /// # Errors
    /// The project has too many, or the store can't answer.
    pub async fn numbers(
        &self,
        caller: &Caller,
        of: NumberOf,
        things: &[String],
    ) -> Result<Vec<u32>, Error> {
        let mut tx = self.read().await?;
        let mut found = Vec::with_capacity(things.len());
        for thing in things {
            match tx.number(caller.project, of, thing).await? {
                Some(number) => found.push(number),
                None => break,
            }
        }
        drop(tx);
        if found.len() == things.len() {
            return Ok(found);
        }
        // It is the service that does so: who may only look sees numbers, too.
        let mut tx = self.change_by(Actor::Service).await?;
        let mut found = Vec::with_capacity(things.len());
        for thing in things {
            found.push(number(&mut tx, caller, of, thing).await?);
        }
        tx.commit().await?;
        Ok(found)
    }

    /// The number of one thing.
    ///
    /// # Errors
    /// As [`Self::numbers`].
    pub async fn number(
        &self,
        caller: &Caller,
        of: NumberOf,
        thing: impl ToString + Send,
    ) -> Result<u32, Error> {
        let things = [thing.to_string()];
        let numbers = self.numbers(caller, of, &things).await?;
        let none = || Error::Internal("a thing got no number".into());
        numbers.first().copied().ok_or_else(none)
    }

    /// The thing of the caller's project that has a number; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn numbered(
        &self,
        caller: &Caller,
        of: NumberOf,
        number: u32,
    ) -> Result<Option<String>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.numbered(caller.project, of, number).await?)
    }
}

/// The number of a thing; one that has none is given one.
pub(crate) async fn number(
    tx: &mut Change,
    caller: &Caller,
    of: NumberOf,
    thing: &str,
) -> Result<u32, Error> {
    if let Some(known) = tx.number(caller.project, of, thing).await? {
        return Ok(known);
    }
    let count = tx.count_numbers(caller.project, of).await?;
    Quota::Numbers.check(count, MOST)?;
    Ok(tx.give_number(caller.project, of, thing).await?)
}
