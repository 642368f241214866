//! The exchanges of IKEv1.

use crate::ExchangeType;

/// The exchanges of IKEv1 (RFC 2408 section 3.1, RFC 2409 section 5).
impl ExchangeType {
    /// Main mode, 2.
    pub const MAIN_MODE: Self = Self(2);
    /// Aggressive mode, 4.
    pub const AGGRESSIVE_MODE: Self = Self(4);
    /// Informational, 5.
    pub const INFORMATIONAL_V1: Self = Self(5);
    /// Quick mode, 32.
    pub const QUICK_MODE: Self = Self(32);
}
