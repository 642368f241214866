//! Who yields when both sides act on the same SA (RFC 7296 sections 2.8.1, 2.8.2 and 2.25).

/// What we are doing to the SA that the peer's request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ours {
    /// Closing the Child SA the request is about.
    ChildClosing,
    /// Creating, rekeying or closing another Child SA of the same IKE SA.
    ChildElsewhere,
    /// Rekeying the Child SA the request is about.
    ChildRekeying,
    /// The same, and the peer has agreed: the additional exchange is under way.
    ChildFollowing,
    /// Closing the IKE SA.
    IkeClosing,
    /// Rekeying the IKE SA.
    IkeRekeying,
    /// The same, and the peer has agreed: the additional exchange is under way.
    IkeFollowing,
    /// Nothing that matters.
    Nothing,
}

/// What the peer asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Theirs {
    ChildCreate,
    ChildDelete,
    ChildRekey,
    IkeDelete,
    IkeRekey,
}

/// What to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Do as asked.
    Proceed,
    /// Do as asked and forget our own request for the same.
    ProceedAndYield,
    /// Do as asked, then compare nonces once our own request is answered.
    ProceedAndCompare,
    /// Answer without a Delete payload: ours says it already (section 1.4.1).
    AnswerEmpty,
    /// Answer TEMPORARY_FAILURE.
    RefuseForNow,
}

/// The whole table.
pub(crate) const fn decide(ours: Ours, theirs: Theirs) -> Verdict {
    match (ours, theirs) {
        (Ours::Nothing, _)
        | (
            Ours::ChildElsewhere,
            Theirs::ChildCreate | Theirs::ChildDelete | Theirs::ChildRekey,
        )
        | (
            Ours::ChildRekeying | Ours::ChildFollowing | Ours::ChildClosing,
            Theirs::ChildCreate,
        )
        // 2.25.2: a Delete for a Child SA is answered as usual while the IKE SA is rekeyed or closed.
        | (
            Ours::IkeRekeying | Ours::IkeFollowing | Ours::IkeClosing,
            Theirs::ChildDelete,
        ) => Verdict::Proceed,
        // 2.25.1: the rekey of an SA that was deleted under it is not needed any more.
        (Ours::ChildRekeying | Ours::ChildFollowing, Theirs::ChildDelete)
        // 2.25.2: the peer closes the IKE SA; whatever we wanted of it is over.
        | (_, Theirs::IkeDelete) => Verdict::ProceedAndYield,
        // 2.8.1 and 2.8.2: simultaneous rekeys are both answered; nonces decide later.
        (Ours::ChildRekeying, Theirs::ChildRekey) | (Ours::IkeRekeying, Theirs::IkeRekey) => {
            Verdict::ProceedAndCompare
        }
        (Ours::ChildClosing, Theirs::ChildDelete) => Verdict::AnswerEmpty,
        // 2.25.1 and 2.25.2: what is being closed is not rekeyed, and the IKE SA is rekeyed only
        // while nothing happens to its Child SAs. Nor is rekeyed by the peer what it has agreed to
        // have rekeyed by us.
        (Ours::ChildClosing | Ours::ChildFollowing, Theirs::ChildRekey)
        | (
            Ours::ChildElsewhere
            | Ours::ChildRekeying
            | Ours::ChildFollowing
            | Ours::ChildClosing,
            Theirs::IkeRekey,
        )
        | (Ours::IkeRekeying, Theirs::ChildCreate | Theirs::ChildRekey)
        | (
            Ours::IkeFollowing | Ours::IkeClosing,
            Theirs::ChildCreate | Theirs::ChildRekey | Theirs::IkeRekey,
        ) => Verdict::RefuseForNow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meeting_of_two_requests_is_decided_as_the_rfc_says() {
        use Ours::*;
        use Theirs::*;
        use Verdict::*;
        let table = [
            // ours              create           delete           rekey              ike delete       ike rekey
            (Nothing, [Proceed, Proceed, Proceed, Proceed, Proceed]),
            (
                ChildElsewhere,
                [Proceed, Proceed, Proceed, ProceedAndYield, RefuseForNow],
            ),
            (
                ChildRekeying,
                [
                    Proceed,
                    ProceedAndYield,
                    ProceedAndCompare,
                    ProceedAndYield,
                    RefuseForNow,
                ],
            ),
            (
                ChildFollowing,
                [
                    Proceed,
                    ProceedAndYield,
                    RefuseForNow,
                    ProceedAndYield,
                    RefuseForNow,
                ],
            ),
            (
                ChildClosing,
                [
                    Proceed,
                    AnswerEmpty,
                    RefuseForNow,
                    ProceedAndYield,
                    RefuseForNow,
                ],
            ),
            (
                IkeRekeying,
                [
                    RefuseForNow,
                    Proceed,
                    RefuseForNow,
                    ProceedAndYield,
                    ProceedAndCompare,
                ],
            ),
            (
                IkeFollowing,
                [
                    RefuseForNow,
                    Proceed,
                    RefuseForNow,
                    ProceedAndYield,
                    RefuseForNow,
                ],
            ),
            (
                IkeClosing,
                [
                    RefuseForNow,
                    Proceed,
                    RefuseForNow,
                    ProceedAndYield,
                    RefuseForNow,
                ],
            ),
        ];
        for (ours, row) in table {
            let theirs = [ChildCreate, ChildDelete, ChildRekey, IkeDelete, IkeRekey];
            for (theirs, expected) in theirs.into_iter().zip(row) {
                assert_eq!(decide(ours, theirs), expected, "{ours:?} meets {theirs:?}");
            }
        }
    }
}
