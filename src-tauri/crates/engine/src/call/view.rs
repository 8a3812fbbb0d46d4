//! The call as its user sees it, and its errors as sentences.

use ahoy_contract::{
    ErrorCode, UserError, name,
    ui::{CallPhase, CallView, PeerState, PeerView},
};

use super::{Call, Socket};

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 64;

pub(super) fn view(call: &Call) -> CallView {
    let host = call.is_host();
    let mut peers: Vec<_> = call.peers.values().collect();
    peers.sort_by_key(|peer| peer.member.order);
    CallView {
        phase: phase(call, host),
        kind: call.kind,
        others: others(call),
        host,
        link: call.joined_once.then(|| call.config.link.clone()),
        addresses: Vec::new(),
        peers: peers
            .into_iter()
            .map(|peer| (peer, peer.announced.shown()))
            .map(|(peer, devices)| PeerView {
                peer: peer.member.peer.clone(),
                name: peer.member.name.clone(),
                host: peer.host_key.is_some(),
                state: peer.state,
                muted: devices.muted,
                camera_off: devices.camera_off,
                screen: devices.screen,
                quality: peer.quality,
                words: peer.words().map(<[String]>::to_vec),
            })
            .collect(),
        knocks: call.door.view(),
        locked: if host {
            call.door.locked
        } else {
            call.room_locked
        },
        relay_lost: call.was_in()
            && matches!(
                call.socket,
                Socket::Retry { .. }
                    | Socket::Opening
                    | Socket::Greeting { .. }
                    | Socket::Full { .. }
            ),
        chat: call.chat.view(),
        chat_cut: call.chat.left_out() > 0,
        connected_at: call.connected_at.map(|at| call.time_of_day(at)),
        relay: None,
    }
}

/// A host knows each member; others take the relay's word, which is all that a viewer gets.
fn others(call: &Call) -> u32 {
    if call.is_host() {
        let present = call.peers.values().filter(|peer| peer.is_present());
        u32::try_from(present.count()).unwrap_or(u32::MAX)
    } else {
        // Who watches a broadcast is all but its host.
        let apart = !call.watches() || call.host_present;
        call.count.saturating_sub(u32::from(apart))
    }
}

fn phase(call: &Call, host: bool) -> CallPhase {
    let any = |state| call.peers.values().any(|peer| peer.state == state);
    if any(PeerState::Connected) {
        CallPhase::Connected
    } else if any(PeerState::Reconnecting) {
        CallPhase::Reconnecting
    } else if call.at_the_door && !call.joined_once {
        CallPhase::Knocking
    } else if !call.joined_once {
        CallPhase::Joining
    } else if call.socket != Socket::Joined {
        CallPhase::Reconnecting
    } else if any(PeerState::Connecting) {
        CallPhase::Connecting
    } else if !host && !call.host_present {
        CallPhase::HostAway
    } else {
        CallPhase::Waiting
    }
}

/// What a code means to a person.
pub(crate) fn sentence(code: ErrorCode) -> UserError {
    let (message, hint) = match code {
        ErrorCode::Version => (
            "The relay speaks another version of Ahoy.",
            "Update Ahoy, or ask whoever runs the relay to update it.",
        ),
        ErrorCode::NotFound => ("This call does not exist any more.", "Ask for a new link."),
        ErrorCode::RoomFull => ("This call is full.", "Try again when somebody has left."),
        ErrorCode::Locked => ("This call is locked.", "Ask its host to open it."),
        ErrorCode::Denied => (
            "The host did not let you in.",
            "Ask the host, then open the link again.",
        ),
        ErrorCode::Removed => (
            "The host has removed you from this call.",
            "If that was a mistake, ask the host and open the link again.",
        ),
        ErrorCode::RateLimited | ErrorCode::Busy => {
            ("The relay is busy.", "Wait a moment and try again.")
        }
        ErrorCode::NotAuthentic => (
            "What came from the other side was changed on its way or is not from them, so nothing was sent.",
            "Ask for a new link over a channel that you trust.",
        ),
        ErrorCode::RelayUnreachable => (
            "The relay does not answer.",
            "Check your network and the link, then try again.",
        ),
        ErrorCode::RelayNotTrusted => (
            "The relay is not the one that the link names.",
            "Ask for a new link over a channel that you trust.",
        ),
        ErrorCode::ConnectionFailed => (
            "No way to the other side was found.",
            "A firewall may be between you: try another network.",
        ),
        ErrorCode::TurnMissing => (
            "This call is to go by a TURN server only, and no TURN server is known.",
            "Name one, use a relay that names one, or let calls go directly.",
        ),
        _ => (
            "The relay did not accept what this program sent.",
            "If you run the relay, its log says why. Otherwise update Ahoy and try again.",
        ),
    };
    UserError::new(code, message, hint)
}

/// A line of chat that is too long to be sent.
pub(crate) fn line_too_long() -> UserError {
    UserError::new(
        ErrorCode::TooLarge,
        "This message is too long.",
        "Send it in several parts.",
    )
}

/// Returns another person's name as it may be shown: on one line, at most [`MAX_NAME`] characters, without characters
/// that are invisible or change the direction of what follows.
pub fn tidy(name: &str) -> String {
    let name: String = name::clean(name).chars().take(MAX_NAME).collect();
    name::clean(&name)
}
