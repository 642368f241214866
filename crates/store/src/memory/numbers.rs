//! [`Numbers`] in memory.

use adit_model::ProjectId;
use async_trait::async_trait;

use super::MemoryTransaction;
use crate::{NumberOf, Numbers, StoreError, WriteNumbers};

#[async_trait]
impl Numbers for MemoryTransaction {
    async fn number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<Option<u32>, StoreError> {
        let key = (project, of, thing.to_owned());
        Ok(self.tables.numbers.get(&key).copied())
    }

    async fn numbered(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        number: u32,
    ) -> Result<Option<String>, StoreError> {
        let mut things = self.tables.numbers.iter();
        let found = things.find(|((whose, kind, _), known)| {
            *whose == project && *kind == of && **known == number
        });
        Ok(found.map(|((_, _, thing), _)| thing.clone()))
    }

    async fn count_numbers(
        &mut self,
        project: ProjectId,
        of: NumberOf,
    ) -> Result<usize, StoreError> {
        let things = self.tables.numbers.keys();
        let found = things.filter(|(whose, kind, _)| *whose == project && *kind == of);
        Ok(found.count())
    }
}

#[async_trait]
impl WriteNumbers for MemoryTransaction {
    async fn give_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<u32, StoreError> {
        self.need_project(project)?;
        let key = (project, of, thing.to_owned());
        let tables = self.writable();
        if tables.numbers.contains_key(&key) {
            return Err(StoreError::Duplicate);
        }
        let none_left = || StoreError::Unavailable("there are no numbers left".into());
        let number = tables.last_number.checked_add(1).ok_or_else(none_left)?;
        tables.last_number = number;
        tables.numbers.insert(key, number);
        Ok(number)
    }

    async fn forget_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<bool, StoreError> {
        let key = (project, of, thing.to_owned());
        Ok(self.writable().numbers.remove(&key).is_some())
    }
}
