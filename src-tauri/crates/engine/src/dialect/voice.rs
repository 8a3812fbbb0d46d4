//! Reads and writes in one form, and says once in the log what it does not understand.

use super::{
    broadcast,
    message::{Body, Form, Message, Unread},
    ready::{self, Variant},
    socketio, targeted,
};

/// One end's way to speak with a relay's clients.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) form: Form,
    /// How the other end writes, where the form has variants.
    variant: Option<Variant>,
    told_unknown: bool,
    told_broken: bool,
}

impl Voice {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            variant: None,
            told_unknown: false,
            told_broken: false,
        }
    }

    /// The message in a text of the relay's, if there is one.
    pub(super) fn read(&mut self, text: &str) -> Option<Message> {
        let read = match self.form {
            Form::Broadcast => broadcast::read(text),
            Form::SocketIo => socketio::read(text),
            Form::Targeted => targeted::read(text),
            Form::Ready => ready::read_variant(text).map(|(message, variant)| {
                if matches!(message.body, Body::Description(_)) {
                    self.variant = variant;
                }
                message
            }),
        };
        match read {
            Ok(message) => Some(message),
            Err(unread) => {
                let told = match unread {
                    Unread::Unknown => &mut self.told_unknown,
                    Unread::Broken(_) => &mut self.told_broken,
                };
                if !std::mem::replace(told, true) {
                    tracing::warn!(
                        "a message of the relay's is left out, and so will be its like: {unread}"
                    );
                }
                None
            }
        }
    }

    /// The text of a message; `None`: this form has no word for it.
    pub(super) fn write(&self, message: &Message) -> Option<String> {
        match self.form {
            Form::Broadcast => broadcast::write(message),
            Form::Ready => ready::write(message, self.variant),
            Form::SocketIo => socketio::write(message),
            Form::Targeted => targeted::write(message),
        }
    }
}
