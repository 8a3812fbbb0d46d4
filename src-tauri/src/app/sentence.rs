//! What the state has to say to people. Pure.

use ahoy_contract::{ErrorCode, LinkError, UserError, ui::EndReason, wire::MAX_NAME_BYTES};

use crate::kept::{Kept, Unreadable};

/// A name cut to what the wire takes.
pub(super) fn shortened(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Whether trying once more may help: the host may be back, a place may be free.
pub(super) fn leads_back(reason: EndReason) -> bool {
    !matches!(
        reason,
        EndReason::Refused {
            code: ErrorCode::NotAuthentic
                | ErrorCode::RelayNotTrusted
                | ErrorCode::Removed
                | ErrorCode::Version
        }
    )
}

/// Whether it passes: waiting a little, or another network, may help.
pub(super) fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RelayUnreachable | ErrorCode::Busy | ErrorCode::RateLimited
    )
}

/// The relay did not say what a link leads to.
pub(super) fn untold(code: ErrorCode) -> UserError {
    UserError::new(
        code,
        "The relay that the link leads to does not say what is there.",
        "Check your network, wait a little, and try again.",
    )
}

pub(super) fn bad_link(error: LinkError) -> UserError {
    let hint = match error {
        LinkError::NotALink => "A link looks like https://example.org/r/… and has a part behind #.",
        LinkError::Insecure => "Ask for a link that begins with https.",
        LinkError::Incomplete => "Copy the whole link and try again.",
    };
    UserError::new(ErrorCode::BadLink, error.to_string(), hint)
}

pub(super) fn bad_server() -> UserError {
    UserError::new(
        ErrorCode::BadLink,
        "This is not the address of a relay.",
        "It looks like https://example.org, without anything behind it.",
    )
}

pub(super) fn bad_relay() -> UserError {
    UserError::new(
        ErrorCode::BadRelay,
        "This is not the address of such a relay.",
        "It begins with ws:// or wss://; for Socket.IO http:// and https:// do as well.",
    )
}

pub(super) fn no_randomness() -> UserError {
    UserError::new(
        ErrorCode::Internal,
        "The system gives no random numbers, so there can be no secret link.",
        "Restart the computer and try again.",
    )
}

pub(super) fn too_long() -> UserError {
    UserError::new(
        ErrorCode::TooLarge,
        "This message is too long.",
        "Send it in several parts.",
    )
}

/// A relay of small WebRTC pages names no servers for ICE.
pub(super) fn turn_missing() -> UserError {
    UserError::new(
        ErrorCode::TurnMissing,
        "Calls are to go by a TURN server only, and this relay names none.",
        "Turn off that calls go by TURN only in the settings, or use another relay.",
    )
}

pub(super) fn forgotten() -> UserError {
    UserError::new(
        ErrorCode::NotFound,
        "What led to this call is not there any more.",
        "Ask for its link.",
    )
}

/// A file of settings, or of calls, that could not be used.
pub(super) fn set_aside<T: Kept>(fault: &Unreadable) -> UserError {
    let (code, why) = match fault {
        Unreadable::Version(_) => (T::OTHER_VERSION, "is of another version of Ahoy"),
        _ => (T::UNREADABLE, "could not be read"),
    };
    UserError::new(
        code,
        format!("{} {why} and is not used.", T::FILE),
        format!("It is kept as {}.", T::SET_ASIDE),
    )
}
