//! What the actor drives: a call in a room of Ahoy's own, or one through a relay that speaks a dialect.

use std::time::Instant;

use ahoy_contract::ui::{CallView, EndReason};

use crate::{
    call::{Call, Input, Output},
    dialect::DialectCall,
};

/// A call of either kind.
pub(super) enum Conversation {
    Native(Box<Call>),
    Dialect(Box<DialectCall>),
}

impl Conversation {
    /// The relay said something.
    pub(super) fn heard(&mut self, now: Instant, text: &str) {
        match self {
            Self::Native(call) => match serde_json::from_str(text) {
                Ok(message) => call.handle(now, Input::Relay(message)),
                // A newer relay may say more than this version knows.
                Err(error) => tracing::debug!("a message of the relay was not understood: {error}"),
            },
            Self::Dialect(call) => call.heard(now, text),
        }
    }

    /// Something else happened.
    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match self {
            Self::Native(call) => call.handle(now, input),
            Self::Dialect(call) => call.handle(now, input),
        }
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        match self {
            Self::Native(call) => call.poll(),
            Self::Dialect(call) => call.poll(),
        }
    }

    pub(super) fn view(&self) -> CallView {
        match self {
            Self::Native(call) => call.view(),
            Self::Dialect(call) => call.view(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Native(call) => call.deadline(),
            Self::Dialect(call) => call.deadline(),
        }
    }

    pub(super) fn ended(&self) -> Option<EndReason> {
        match self {
            Self::Native(call) => call.ended(),
            Self::Dialect(call) => call.ended(),
        }
    }
}
