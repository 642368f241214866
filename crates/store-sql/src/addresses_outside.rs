//! [`AddressesOutside`] in SQL.

use std::net::IpAddr;

use adit_model::ProjectId;
use adit_store::{AddressesOutside, StoreError};
use async_trait::async_trait;

use crate::session::{Finds, Session, SqlTransaction, Statement, values};

/// Only the columns that are wanted, and each of them from one table: rows themselves have much more.
const SQL: &str = "SELECT project, public_v4 AS address FROM gateways \
                   UNION ALL SELECT project, second_v4 FROM gateways WHERE second_v4 IS NOT NULL \
                   UNION ALL SELECT project, public_v6 FROM gateways WHERE public_v6 IS NOT NULL \
                   UNION ALL SELECT project, external_v4 FROM routers WHERE external_v4 IS NOT NULL \
                   UNION ALL SELECT project, external_v6 FROM routers WHERE external_v6 IS NOT NULL \
                   UNION ALL SELECT project, address FROM floating_ips";

#[async_trait]
impl<S: Session> AddressesOutside for SqlTransaction<S> {
    async fn addresses_outside(&mut self) -> Result<Vec<(ProjectId, IpAddr)>, StoreError> {
        let statement = Statement::new(SQL, values![]);
        let rows = self.session.rows(Finds::Many, "address", statement, |row| {
            Ok((row.parsed("project")?, row.parsed("address")?))
        });
        rows.await
    }
}
