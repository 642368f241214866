//! Blocks that the two ends of a connection know by different addresses, as bodies and answers have them.

use adit_model::translation::End;
use adit_model::{Cidr, Translation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A block of one end that the opposite end knows as another one of the same size, address by address; by IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TranslationShape {
    /// Whose block it is: `local` or `peer`.
    #[schema(value_type = String, example = "local")]
    end: End,
    /// The block as it is there: one of that end's `cidrs`, or a part of one.
    #[schema(value_type = String, example = "10.1.0.0/24")]
    cidr: Cidr,
    /// What the opposite end knows it as. Of a block of ours the tunnel is negotiated for this; of one of the peer's our
    /// networks send to this, and see it as the source of what comes.
    #[schema(value_type = String, example = "10.201.0.0/24")]
    shown_as: Cidr,
}

impl From<Translation> for TranslationShape {
    fn from(row: Translation) -> Self {
        let Translation {
            end,
            cidr,
            shown_as,
        } = row;
        Self {
            end,
            cidr,
            shown_as,
        }
    }
}

impl From<TranslationShape> for Translation {
    fn from(shape: TranslationShape) -> Self {
        let TranslationShape {
            end,
            cidr,
            shown_as,
        } = shape;
        Self {
            end,
            cidr,
            shown_as,
        }
    }
}

/// All of them, as the model has them.
pub(super) fn read(shapes: Vec<TranslationShape>) -> Vec<Translation> {
    shapes.into_iter().map(Translation::from).collect()
}
