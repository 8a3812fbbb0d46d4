//! The call as its user sees it, and its errors as sentences.

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{CallPhase, CallView, PeerState, PeerView},
};

use super::{Call, Part, Socket};

pub(super) fn view(call: &Call) -> CallView {
    let host = matches!(call.config.part, Part::Host { .. });
    let mut peers: Vec<_> = call.peers.values().collect();
    peers.sort_by_key(|peer| peer.member.order);
    CallView {
        phase: phase(call, host),
        host,
        link: call.joined_once.then(|| call.config.link.clone()),
        addresses: Vec::new(),
        peers: peers
            .into_iter()
            .map(|peer| PeerView {
                peer: peer.member.peer.clone(),
                name: peer.member.name.clone(),
                host: peer.host_key.is_some(),
                state: peer.state,
                muted: peer.muted,
                camera_off: peer.camera_off,
                quality: peer.quality,
                words: None,
            })
            .collect(),
        knocks: Vec::new(),
        locked: false,
        relay_lost: call.joined_once && call.socket != Socket::Joined,
        chat: Vec::new(),
        connected_at: call.connected_at.map(|at| {
            let since = at.saturating_duration_since(call.config.start).as_millis();
            call.config
                .unix_ms
                .saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
        }),
    }
}

fn phase(call: &Call, host: bool) -> CallPhase {
    let any = |state| call.peers.values().any(|peer| peer.state == state);
    if any(PeerState::Connected) {
        CallPhase::Connected
    } else if any(PeerState::Reconnecting) {
        CallPhase::Reconnecting
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
pub(super) fn sentence(code: ErrorCode) -> UserError {
    let (message, hint) = match code {
        ErrorCode::Version => (
            "The relay speaks another version of Ahoy.",
            "Update Ahoy, or ask whoever runs the relay to update it.",
        ),
        ErrorCode::NotFound => ("This call does not exist any more.", "Ask for a new link."),
        ErrorCode::RoomFull => ("This call is full.", "Try again when somebody has left."),
        ErrorCode::Locked => ("This call is locked.", "Ask its host to open it."),
        ErrorCode::Denied => ("The host did not let you in.", ""),
        ErrorCode::Removed => ("You were removed from this call.", ""),
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
        _ => (
            "The relay did not understand.",
            "Try again; if it happens again, update Ahoy.",
        ),
    };
    UserError::new(code, message, hint)
}
