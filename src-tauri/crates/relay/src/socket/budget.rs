//! The messages of a client: which are heard, by how many it may send.

use ahoy_contract::ErrorCode;
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes, protocol::frame::coding::CloseCode,
};

use super::Session;
use crate::{
    ending::{End, end_of},
    flow::Verdict,
    request::{Refusal, Request},
};

/// The cost of one message in the budget of its sender.
pub(super) const MESSAGE: u32 = 10;
/// The length up to which a message counts as one; a longer one counts as several.
const MESSAGE_BYTES: usize = 8 * 1024;
/// The cost of a broadcaster's signal or `ack`: it greets hundreds of viewers.
const BROADCASTERS: u32 = 1;
/// The longest message that is read before it is charged, in bytes. All answers that cost nothing are shorter.
const ANSWER_BYTES: usize = 128;

impl Session<'_> {
    /// Takes what came from the socket, and does what it asks for where the budget allows that.
    pub(super) fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(other)) => return self.take_other(&other),
            Some(Err(error)) => return Err(end_of(&error)),
            None => return Err(End::Gone),
        };
        let Some(request) = self.read(&text)? else {
            return Ok(());
        };
        match request.and_then(|request| self.act(request)) {
            Ok(()) => Ok(()),
            // Before hello there is nothing that could go on.
            Err(refusal) if !self.greeted => Err(End::Refused(refusal, CloseCode::Policy)),
            Err(refusal) => {
                self.reply(&refusal.to_message());
                Ok(())
            }
        }
    }

    // Reads a message and charges for it; returns `None` when the budget holds too little.
    fn read<'b>(
        &mut self,
        text: &'b Utf8Bytes,
    ) -> Result<Option<Result<Request<'b>, Refusal>>, End> {
        let short = (text.len() <= ANSWER_BYTES).then(|| Request::read(text));
        if let Some(Ok(request)) = &short
            && self.is_answer(request)
        {
            return Ok(short);
        }
        let each = if self.broadcasts {
            BROADCASTERS
        } else {
            MESSAGE
        };
        let least = each * length_cost(text.len());
        if !self.pass(least)? {
            return Ok(None);
        }
        let request = short.unwrap_or_else(|| Request::read(text));
        let cost = match &request {
            Ok(Request::Signal(_) | Request::Ack(_)) => least,
            Ok(request) => request.cost() * MESSAGE,
            Err(_) => MESSAGE * length_cost(text.len()),
        };
        let passes = cost <= least || self.pass(cost - least)?;
        Ok(passes.then_some(request))
    }

    // Returns whether others made a message necessary. It costs nothing, or they could use up what its sender may send.
    fn is_answer(&self, request: &Request<'_>) -> bool {
        match request {
            Request::Ack(n) => self.hub.confirms(self.id, *n),
            Request::Admit { peer, accept } => self.hub.can_admit(self.id, peer, *accept),
            Request::Remove(peer) => self.hub.can_remove(self.id, peer),
            _ => false,
        }
    }

    fn take_other(&mut self, message: &Message) -> Result<(), End> {
        // tungstenite answers pings and closes by itself.
        if !self.pass(MESSAGE * length_cost(message.len()))? || !message.is_binary() {
            return Ok(());
        }
        let refusal = Refusal::new(ErrorCode::BadMessage, "Messages are text, not binary.");
        if !self.greeted {
            return Err(End::Refused(refusal, CloseCode::Unsupported));
        }
        self.reply(&refusal.to_message());
        Ok(())
    }

    // Takes a cost from the budget; returns whether the message is heard.
    fn pass(&mut self, cost: u32) -> Result<bool, End> {
        let refusal = || {
            Refusal::new(
                ErrorCode::RateLimited,
                "You send too many messages: wait a little.",
            )
        };
        match self.flow.take(self.hub.now(), cost) {
            Verdict::Pass => Ok(true),
            Verdict::Refuse => {
                self.reply(&refusal().to_message());
                Ok(false)
            }
            Verdict::Ignore => Ok(false),
            Verdict::Close => {
                // Its place is not kept: it could join again and again, and fill the room with kept places.
                self.hub.expel(self.id);
                Err(End::Refused(refusal(), CloseCode::Policy))
            }
        }
    }
}

// A message has at most `MAX_MESSAGE_BYTES`, so this is a small number.
fn length_cost(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(MESSAGE_BYTES).max(1)).unwrap_or(u32::MAX)
}
