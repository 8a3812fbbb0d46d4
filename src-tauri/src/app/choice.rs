//! Which relay a call uses, and the way into its room. Pure.

use ahoy_contract::{Link, UserError, ui::RelayChoice};

use super::{
    action::Action,
    room::{self, Listening, Room, Way},
    sentence,
    state::{BuiltIn, Place, State},
};

impl State {
    /// Returns the relay that new calls use.
    pub(super) fn relay_choice(&self) -> &RelayChoice {
        self.forced_relay.as_ref().unwrap_or(&self.settings.relay)
    }

    /// Starts the built-in relay where it is used and does not run.
    pub(super) fn want_relay(&mut self) {
        let network = match self.relay_choice() {
            RelayChoice::ThisNetwork => true,
            RelayChoice::ThisComputer => false,
            RelayChoice::Server { .. } => return,
        };
        match &self.relay {
            BuiltIn::Starting => return,
            BuiltIn::Up(relay) if relay.pin.is_some() == network => return,
            BuiltIn::Up(_) => self.actions.push_back(Action::StopRelay),
            BuiltIn::Off | BuiltIn::Failed(_) => {}
        }
        self.relay = BuiltIn::Starting;
        let port = self.settings.relay_port;
        self.actions.push_back(Action::StartRelay { network, port });
    }

    pub(super) fn relay(&mut self, outcome: Result<Listening, UserError>) {
        match outcome {
            Ok(relay) => {
                let port = relay.port;
                self.relay = BuiltIn::Up(relay);
                self.set(|settings| settings.relay_port = port);
            }
            Err(error) => {
                self.error = Some(error.clone());
                self.relay = BuiltIn::Failed(error);
            }
        }
        if let Place::Lobby { entering, .. } = &mut self.place
            && std::mem::take(entering)
            && matches!(self.relay, BuiltIn::Up(_))
        {
            self.start_call();
        }
    }

    pub(super) fn set_relay(&mut self, relay: RelayChoice) {
        let relay = match room::checked(relay) {
            Ok(relay) => relay,
            Err(_) => {
                self.error = Some(sentence::bad_server());
                return;
            }
        };
        self.error = None;
        // What the user says now counts more than how the app was started.
        self.forced_relay = None;
        self.set(|settings| settings.relay = relay);
        self.settle_relay();
        if matches!(&self.place, Place::Lobby { room, .. } if room.is_own()) {
            self.want_relay();
        }
    }

    /// Stops a relay that is not the one of the user's choice; a call that goes on keeps its relay.
    pub(super) fn settle_relay(&mut self) {
        if matches!(self.place, Place::Call { .. }) {
            return;
        }
        let wanted = match (self.relay_choice(), &self.relay) {
            (RelayChoice::ThisNetwork, BuiltIn::Up(relay)) => relay.pin.is_some(),
            (RelayChoice::ThisComputer, BuiltIn::Up(relay)) => relay.pin.is_none(),
            (RelayChoice::Server { .. }, BuiltIn::Up(_)) => false,
            (_, BuiltIn::Off | BuiltIn::Starting) => return,
            (_, BuiltIn::Failed(_)) => {
                self.relay = BuiltIn::Off;
                return;
            }
        };
        if !wanted {
            self.relay = BuiltIn::Off;
            self.actions.push_back(Action::StopRelay);
        }
    }

    /// Returns the way into a room as things stand; `None`: there is no relay.
    pub(super) fn way(&self, room: &Room) -> Option<Way> {
        let (key, secret) = match room {
            Room::Theirs(link) => return Some(room::way_by(link)),
            Room::Relay(_) => return None,
            Room::Own { key, secret, .. } => (key, secret),
        };
        match (self.relay_choice(), &self.relay) {
            (RelayChoice::Server { url }, _) => {
                Some(room::way_at_server(key, secret, url.parse().ok()?))
            }
            (_, BuiltIn::Up(relay)) => Some(room::way_at_home(
                key,
                secret,
                relay,
                self.link_host.as_deref(),
            )),
            _ => None,
        }
    }

    /// Returns the link of the call that goes on, once its room is open.
    pub(super) fn link(&self) -> Option<String> {
        let Place::Call { room, view, .. } = &self.place else {
            return None;
        };
        let shown = view.link.clone()?;
        // Only at the built-in relay may the link change: its address may.
        match (room, &self.relay) {
            (Room::Own { key, secret, .. }, BuiltIn::Up(relay)) if self.is_at_home(&shown) => {
                Some(room::way_at_home(key, secret, relay, self.link_host.as_deref()).link)
            }
            _ => Some(shown),
        }
    }

    /// Has the link carry this address, where it is one of this machine's.
    pub(super) fn select_link_address(&mut self, address: String) {
        if let BuiltIn::Up(relay) = &self.relay
            && relay.addresses.iter().any(|known| known.host() == address)
        {
            self.link_host = Some(address);
        }
    }

    /// Returns whether a link leads to the built-in relay that runs.
    pub(super) fn is_at_home(&self, link: &str) -> bool {
        let (Ok(link), BuiltIn::Up(relay)) = (link.parse::<Link>(), &self.relay) else {
            return false;
        };
        link.pin == relay.pin
            && link.relay.port == relay.port
            && link.relay.secure == relay.pin.is_some()
    }
}
