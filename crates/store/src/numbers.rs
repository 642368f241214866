//! Numbers by which things are called in dialects whose ids are integers.

use adit_model::ProjectId;
use async_trait::async_trait;

use crate::StoreError;

/// What a number may be of. A thing is named by a text, such as its id; no two of a kind in a project are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NumberOf {
    /// The project itself.
    Account,
    /// What is paid for, if anything were: a tunnel context.
    BillingItem,
    /// A block at another end.
    CustomerSubnet,
    /// A block of the operator's services.
    ServiceSubnet,
    /// By which a tunnel context was ordered.
    Order,
    /// A subnet.
    Subnet,
    /// The addresses of a tunnel context that may stand for others.
    StaticSubnet,
    /// An address that stands for another one in a tunnel context.
    Translation,
    /// A tunnel context.
    TunnelContext,
}

impl NumberOf {
    /// The word for it in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::BillingItem => "billing_item",
            Self::CustomerSubnet => "customer_subnet",
            Self::Order => "order",
            Self::ServiceSubnet => "service_subnet",
            Self::Subnet => "subnet",
            Self::StaticSubnet => "static_subnet",
            Self::Translation => "translation",
            Self::TunnelContext => "tunnel_context",
        }
    }
}

/// Numbers of a project's things.
#[async_trait]
pub trait Numbers: Send {
    /// The number of a thing, if it has one.
    ///
    /// # Errors
    /// The store can't answer.
    async fn number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<Option<u32>, StoreError>;

    /// The project's thing that has a number.
    ///
    /// # Errors
    /// The store can't answer.
    async fn numbered(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        number: u32,
    ) -> Result<Option<String>, StoreError>;

    /// How many of a project's things of a kind have one.
    ///
    /// # Errors
    /// The store can't answer.
    async fn count_numbers(
        &mut self,
        project: ProjectId,
        of: NumberOf,
    ) -> Result<usize, StoreError>;
}

/// Changes of [`Numbers`]. They go with their project.
#[async_trait]
pub trait WriteNumbers: Numbers {
    /// Gives a thing a number that nothing had before, in any project.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when it has one, [`StoreError::Referenced`] when the project is missing.
    async fn give_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<u32, StoreError>;

    /// Takes a thing's number away; answers whether it had one.
    ///
    /// # Errors
    /// The store can't answer.
    async fn forget_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<bool, StoreError>;
}
