//! What can go wrong with a connection.

/// A connection did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RtcError {
    /// The connection is closed, or failed for good.
    #[error("the connection is closed")]
    Closed,
    /// No address could be bound, or the library refused its settings.
    #[error("the connection could not be opened: {0}")]
    Open(String),
    /// A description of the peer cannot be used.
    #[error("the peer's description cannot be used: {0}")]
    Description(String),
    /// A candidate of the peer cannot be used.
    #[error("the peer's candidate cannot be used: {0}")]
    Candidate(String),
    /// An offer or an answer could not be made in this state.
    #[error("no description could be made: {0}")]
    Negotiation(String),
    /// This kind of media is not sent to the peer: not negotiated, or not yet.
    #[error("the peer does not take this kind of media")]
    NotNegotiated,
    /// The data channel is not open yet, or no longer.
    #[error("the data channel is not open")]
    NoDataChannel,
    /// The data channel did not take a text.
    #[error("the message could not be sent: {0}")]
    DataNotSent(String),
}

impl RtcError {
    /// What went wrong without the library's words, which may repeat what the peer sent: for the log.
    pub fn summary(&self) -> &'static str {
        match self {
            Self::Closed => "the connection is closed",
            Self::Open(_) => "the connection could not be opened",
            Self::Description(_) => "the peer's description cannot be used",
            Self::Candidate(_) => "the peer's candidate cannot be used",
            Self::Negotiation(_) => "no description could be made",
            Self::NotNegotiated => "the peer does not take this kind of media",
            Self::NoDataChannel => "the data channel is not open",
            Self::DataNotSent(_) => "the message could not be sent",
        }
    }
}
