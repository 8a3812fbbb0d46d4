//! The call as its user sees it.

use ahoy_contract::{
    ui::{CallPhase, CallView, PeerState, PeerView},
    wire::RoomKind,
};

use super::{
    core::{Core, name},
    plan::Part,
};

/// `was_open`: the relay has answered at some time.
pub(super) fn view(core: &Core, was_open: bool) -> CallView {
    let lost = !core.online;
    let mut links: Vec<_> = core.links.iter().filter(|(_, link)| link.joined).collect();
    links.sort_by_key(|(_, link)| link.order);
    let any = |state| links.iter().any(|(_, link)| link.state == state);
    let phase = if any(PeerState::Connected) {
        CallPhase::Connected
    } else if any(PeerState::Reconnecting) {
        CallPhase::Reconnecting
    } else if !was_open {
        CallPhase::Joining
    } else if lost {
        CallPhase::Reconnecting
    } else if any(PeerState::Connecting) {
        CallPhase::Connecting
    } else {
        CallPhase::Waiting
    };
    let kind = match core.plan.part {
        Part::Broadcaster | Part::Viewer => RoomKind::Broadcast,
        _ => RoomKind::Call,
    };
    CallView {
        phase,
        kind,
        others: u32::try_from(links.len()).unwrap_or(u32::MAX),
        host: false,
        link: None,
        addresses: Vec::new(),
        peers: links
            .into_iter()
            .map(|(peer, link)| PeerView {
                peer: peer.clone(),
                name: name(link),
                host: false,
                state: link.state,
                muted: false,
                camera_off: false,
                screen: false,
                quality: link.quality,
                words: None,
            })
            .collect(),
        knocks: Vec::new(),
        locked: false,
        relay_lost: was_open && lost,
        chat: core.chat.view(),
        connected_at: core.connected_at,
    }
}
