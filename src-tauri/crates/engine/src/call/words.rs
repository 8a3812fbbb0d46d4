//! The four words of one connection: commitment, nonce, reveal (see [`ahoy_contract::words`]).

use ahoy_contract::{Nonce, id::Commitment, peer::DataMessage, words};

/// The fingerprints of both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prints<'a> {
    /// Of this end's certificates.
    pub(super) mine: &'a str,
    /// Of the peer's.
    pub(super) theirs: &'a str,
}

/// What was revealed is not what the peer had bound itself to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    Start,
    /// This end is bound to its nonce, which the peer has not seen.
    Committed,
    /// The peer is bound to its nonce and knows this end's.
    Answered(Commitment),
    /// All is said.
    Drawn(Vec<String>),
}

/// How far the words of one connection are.
#[derive(Debug)]
pub(super) struct Words {
    commits: bool,
    nonce: Nonce,
    state: State,
}

impl Words {
    /// Nothing is said yet. One of the two ends commits; `nonce` is fresh.
    pub(super) fn new(commits: bool, nonce: Nonce) -> Self {
        Self {
            commits,
            nonce,
            state: State::Start,
        }
    }

    /// The words, once they are drawn.
    pub(super) fn drawn(&self) -> Option<&[String]> {
        match &self.state {
            State::Drawn(words) => Some(words),
            _ => None,
        }
    }

    /// The connection is up: what to say.
    pub(super) fn start(&mut self, prints: Prints<'_>) -> Option<DataMessage> {
        if !self.commits || self.state != State::Start {
            return None;
        }
        self.state = State::Committed;
        Some(DataMessage::WordsCommit {
            commitment: words::commitment(&self.nonce, prints.mine, prints.theirs),
        })
    }

    /// The peer is bound to a nonce: what to say. A second commitment is not heard: its sender knows this end's
    /// nonce by then and could have looked for one that suits it.
    pub(super) fn committed(&mut self, commitment: Commitment) -> Option<DataMessage> {
        if self.commits || self.state != State::Start {
            return None;
        }
        self.state = State::Answered(commitment);
        Some(DataMessage::WordsNonce {
            nonce: self.nonce.clone(),
        })
    }

    /// The peer has answered the commitment: what to say.
    pub(super) fn answered(&mut self, theirs: &Nonce, prints: Prints<'_>) -> Option<DataMessage> {
        if self.state != State::Committed {
            return None;
        }
        let drawn = words::words((prints.mine, &self.nonce), (prints.theirs, theirs));
        self.state = State::Drawn(drawn);
        Some(DataMessage::WordsReveal {
            nonce: self.nonce.clone(),
        })
    }

    /// The peer shows what it was bound to. Returns true if the words are drawn by that.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn revealed(&mut self, theirs: &Nonce, prints: Prints<'_>) -> Result<bool, Broken> {
        let State::Answered(commitment) = &self.state else {
            return Ok(false);
        };
        if *commitment != words::commitment(theirs, prints.theirs, prints.mine) {
            return Err(Broken);
        }
        let drawn = words::words((prints.theirs, theirs), (prints.mine, &self.nonce));
        self.state = State::Drawn(drawn);
        Ok(true)
    }
}
