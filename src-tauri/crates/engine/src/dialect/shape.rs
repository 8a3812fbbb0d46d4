//! What a shape of call decides.

use std::time::Instant;

use ahoy_contract::PeerId;

use super::{core::Core, link::Change, message::Message};

/// Who offers, who answers, and what follows from what happens.
pub(super) trait Shape: Send {
    /// The socket is open, at first or once more.
    fn online(&mut self, core: &mut Core, now: Instant);

    /// A message came.
    fn message(&mut self, core: &mut Core, now: Instant, message: Message);

    /// Something happened to a connection. One that is lost may still have to be closed.
    fn changed(&mut self, core: &mut Core, now: Instant, peer: &PeerId, change: Change);

    /// Time has passed.
    fn tick(&mut self, core: &mut Core, now: Instant);

    /// When [`tick`](Self::tick) is due.
    fn deadline(&self, core: &Core) -> Option<Instant>;

    /// The user sends somebody away.
    fn remove(&mut self, core: &mut Core, now: Instant, peer: &PeerId);

    /// The user hangs up.
    fn hang_up(&mut self, _core: &mut Core) {}
}
