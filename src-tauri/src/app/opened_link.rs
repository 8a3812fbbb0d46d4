//! Links that pages, other programs and the command line open: the user is asked first. Pure.
//!
//! Until the user agrees nothing is said to the relay, not even its name is looked up; a lobby or a call that is open
//! stays as it is. One link waits at most: the newest.

use ahoy_contract::{Link, ui::OpenedLink};

use super::{
    reach,
    room::Room,
    sentence,
    state::{Devices, Place, State},
};

/// The link that was opened last and is not answered yet.
pub(super) struct Opened {
    id: u32,
    link: Link,
}

impl Opened {
    fn view(&self) -> OpenedLink {
        let relay = &self.link.relay;
        // The scheme is always TLS, except on loopback, and the user need not read it.
        let origin = relay.origin();
        let address = origin.split_once("://").map_or(&*origin, |(_, rest)| rest);
        OpenedLink {
            id: self.id,
            address: address.to_owned(),
            reach: reach::reach_of(relay),
            international: reach::is_international(&relay.host),
        }
    }
}

impl State {
    /// Takes a link that was opened outside of the window.
    pub(super) fn link_opened(&mut self, text: &str) {
        let link = match text.parse::<Link>() {
            Ok(link) => link,
            Err(error) => {
                // What a page can cause shall not take the place of what the call has to say.
                if self.error.is_none() || !self.is_capturing() {
                    self.error = Some(sentence::bad_link(error));
                }
                return;
            }
        };
        let here = match &self.place {
            Place::Lobby { room, .. } | Place::Call { room, .. } => room.id(),
            Place::Start | Place::Ended { .. } => None,
        };
        let known = self.opened.as_ref().is_some_and(|old| old.link == link);
        if known || here.as_ref() == Some(&link.room) {
            return;
        }
        self.links = self.links.wrapping_add(1);
        let id = self.links;
        self.opened = Some(Opened { id, link });
    }

    /// Opens the link of this number, to which the user agrees.
    pub(super) fn accept_link(&mut self, id: u32) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        if let Some(opened) = self.opened.take_if(|opened| opened.id == id) {
            self.open_lobby(Room::Theirs(opened.link), Devices::Off);
        }
    }

    /// Forgets the link of this number, which the user does not want.
    pub(super) fn dismiss_link(&mut self, id: u32) {
        self.opened.take_if(|opened| opened.id == id);
    }

    /// Returns the link that the user is asked about instead of being at the start.
    pub(super) fn asked_link(&self) -> Option<OpenedLink> {
        let opened = self.opened.as_ref()?;
        matches!(self.place, Place::Start).then(|| opened.view())
    }

    /// Returns the link that waits, wherever else the user is.
    pub(super) fn waiting_link(&self) -> Option<OpenedLink> {
        let opened = self.opened.as_ref()?;
        (!matches!(self.place, Place::Start)).then(|| opened.view())
    }
}
