//! A call through a relay of small WebRTC pages, as the window asks for it. Pure.

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{CallView, RelayCall, RelayShape},
    wire::RoomKind,
};
use ahoy_engine::{
    dialect::{Form, Part, Plan},
    signaling::Target,
};
use url::Url;

use super::{
    room::Room,
    sentence,
    state::{Devices, Place, State},
};

/// The longest address that is taken, in bytes: what browsers manage.
const MAX_URL: usize = 2048;

/// What was asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meeting {
    call: RelayCall,
    /// The relay.
    pub(crate) relay: Target,
    /// What is spoken there, and the user's part.
    pub(crate) plan: Plan,
}

impl Meeting {
    /// Checks what the window asks for.
    ///
    /// # Errors
    /// `bad_relay`: that is no address, or a name there is none.
    pub(crate) fn new(call: RelayCall) -> Result<Self, UserError> {
        let (form, part) = form_and_part(&call.shape);
        if call.url.len() > MAX_URL {
            return Err(sentence::bad_relay());
        }
        let relay = Target::dialect(&call.url, form == Form::SocketIo);
        let relay = relay.map_err(|_| sentence::bad_relay())?;
        let (name, target) = match &call.shape {
            RelayShape::Targeted { name, target } => (name.as_str(), target.as_deref()),
            _ => ("", None),
        };
        let plan = Plan::new(form, part, name, target).map_err(|impossible| {
            UserError::new(
                ErrorCode::BadRelay,
                impossible.to_string(),
                "Choose another one.",
            )
        })?;
        // The one form of it shows what it is: names of hosts in ASCII, and no marks of direction.
        let url = Url::parse(call.url.trim()).map_err(|_| sentence::bad_relay())?;
        let call = RelayCall {
            url: url.into(),
            ..call
        };
        Ok(Self { call, relay, plan })
    }

    /// What the window shows of it.
    pub(crate) fn call(&self) -> &RelayCall {
        &self.call
    }

    /// Whether its user is in a call, or shows something or watches.
    pub(crate) fn kind(&self) -> RoomKind {
        match self.call.shape {
            RelayShape::Broadcast
            | RelayShape::View
            | RelayShape::Receive
            | RelayShape::Send { screen: true } => RoomKind::Broadcast,
            RelayShape::Both
            | RelayShape::Ready
            | RelayShape::SocketIo { .. }
            | RelayShape::Targeted { .. }
            | RelayShape::Send { screen: false } => RoomKind::Call,
        }
    }

    /// Whether a part of the screen is sent.
    pub(crate) fn shows_screen(&self) -> bool {
        self.kind() == RoomKind::Broadcast && self.plan.sends()
    }

    /// Whether anything is sent but text.
    pub(crate) fn sends_media(&self) -> bool {
        self.plan.sends() && !matches!(self.call.shape, RelayShape::SocketIo { media: false })
    }

    /// The engine's view of it, as the one who asked for it sees it.
    pub(super) fn seen(&self, view: CallView) -> CallView {
        CallView {
            kind: self.kind(),
            host: self.shows_screen(),
            relay: Some(self.call.clone()),
            ..view
        }
    }
}

fn form_and_part(shape: &RelayShape) -> (Form, Part) {
    match shape {
        RelayShape::Send { .. } => (Form::Broadcast, Part::Send),
        RelayShape::Receive => (Form::Broadcast, Part::Receive),
        RelayShape::Broadcast => (Form::Broadcast, Part::Broadcaster),
        RelayShape::View => (Form::Broadcast, Part::Viewer),
        RelayShape::Both => (Form::Broadcast, Part::Caller),
        RelayShape::Ready => (Form::Ready, Part::Caller),
        RelayShape::SocketIo { .. } => (Form::SocketIo, Part::Caller),
        RelayShape::Targeted { target, .. } => match target {
            Some(_) => (Form::Targeted, Part::Caller),
            None => (Form::Targeted, Part::Callee),
        },
    }
}

impl State {
    /// Leads to the lobby; nothing is said to the relay before its user goes in.
    pub(super) fn join_relay(&mut self, call: RelayCall) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match Meeting::new(call) {
            Ok(meeting) => {
                let call = meeting.call.clone();
                self.set(|settings| settings.last_relay = Some(call));
                self.open_lobby(Room::Relay(Box::new(meeting)), Devices::On);
            }
            Err(error) => self.error = Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting(url: &str, shape: RelayShape) -> Result<Meeting, UserError> {
        let url = url.into();
        Meeting::new(RelayCall { url, shape })
    }

    fn targeted(name: &str, target: Option<&str>) -> RelayShape {
        RelayShape::Targeted {
            name: name.into(),
            target: target.map(str::to_owned),
        }
    }

    #[test]
    fn an_address_is_taken_as_it_stands_and_shown_in_one_form() {
        for (text, shown) in [
            (" ws://127.0.0.1:3002 ", "ws://127.0.0.1:3002/"),
            ("WSS://Relay.Example:443/a?b", "wss://relay.example/a?b"),
            ("ws://bücher.example/", "ws://xn--bcher-kva.example/"),
            ("ws://127.0.0.1/\u{202e}x", "ws://127.0.0.1/%E2%80%AEx"),
        ] {
            let meeting = meeting(text, RelayShape::Both).unwrap();
            assert_eq!(meeting.call().url, shown);
        }
        let socket_io = RelayShape::SocketIo { media: false };
        assert!(meeting("https://relay.example", socket_io).is_ok());
    }

    #[test]
    fn what_is_no_address_or_no_name_is_refused_without_being_repeated() {
        let long = format!("ws://127.0.0.1/{}", "x".repeat(MAX_URL));
        for url in [
            "",
            "relay.example",
            "http://127.0.0.1:3002",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ws://<b>x</b>/",
            "ws://user:word@127.0.0.1/",
            "ws://127.0.0.1/#rubbish",
            &long,
        ] {
            let error = meeting(url, RelayShape::Ready).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRelay, "{url:.80}");
            assert!(!error.to_string().contains(['<', '@']), "{error}");
        }
        let long = "x".repeat(129);
        for (name, target) in [
            ("", Some("bob")),
            ("", None),
            ("ada", Some("")),
            (&long, None),
        ] {
            let error = meeting("ws://127.0.0.1/", targeted(name, target)).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRelay, "{name:.20}");
        }
    }

    #[test]
    fn each_shape_sends_what_it_says_and_nothing_else() {
        use RelayShape::{Both, Broadcast, Ready, Receive, Send, SocketIo, View};
        // The screen, anything but text, and whether something comes.
        for (shape, screen, media, receives) in [
            (Send { screen: false }, false, true, false),
            (Send { screen: true }, true, true, false),
            (Receive, false, false, true),
            (Broadcast, true, true, false),
            (View, false, false, true),
            (Both, false, true, true),
            (Ready, false, true, true),
            (SocketIo { media: false }, false, false, true),
            (SocketIo { media: true }, false, true, true),
            (targeted("ada", Some("bob")), false, true, true),
            (targeted("ada", None), false, true, true),
        ] {
            let meeting = meeting("ws://127.0.0.1/", shape.clone()).unwrap();
            assert_eq!(
                (
                    meeting.shows_screen(),
                    meeting.sends_media(),
                    meeting.plan.receives()
                ),
                (screen, media, receives),
                "{shape:?}"
            );
        }
    }
}
