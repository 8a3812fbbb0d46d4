//! Why datagrams are refused, and how many were.

/// Why a datagram that arrived does not reach the library, or a check does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is none of STUN, ChannelData, DTLS, SRTP and SRTCP, or is damaged.
    Malformed,
    /// It is neither STUN nor of a path on which the peer has proven itself.
    Stranger,
    /// A check without this end's password.
    NotAuthentic,
    /// A response that answers nothing.
    Unmatched,
    /// STUN that an ICE agent has no use for: other requests, indications that no TURN server sent.
    Unexpected,
    /// There are too many addresses, or too many checks of strangers.
    TooMany,
    /// A DTLS record beyond what a handshake needs.
    DtlsLimit,
    /// A stream that nobody announced, beyond those that are let through.
    Ssrc,
    /// A payload type that was not negotiated.
    PayloadType,
}

/// How many there are.
const REASONS: usize = 9;

/// Counters of what was refused. A number that is full stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// One for each [`Refusal`], in their order.
    counts: [u64; REASONS],
    /// Connectivity checks that the library made.
    pub checks_made: u64,
    /// Those of them that left.
    pub checks_sent: u64,
}

impl Refused {
    pub(super) fn add(&mut self, refusal: Refusal) {
        let count = &mut self.counts[refusal as usize];
        *count = count.saturating_add(1);
    }

    /// How many were refused for this reason.
    pub fn count(&self, refusal: Refusal) -> u64 {
        self.counts[refusal as usize]
    }

    /// How many were refused in all.
    pub fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}
