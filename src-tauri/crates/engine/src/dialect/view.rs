//! The call as its user sees it.

use ahoy_contract::{
    PeerId,
    ui::{CallPhase, CallView, PeerState, PeerView},
    wire::RoomKind,
};

use super::{
    core::{Core, name},
    link::Link,
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
    if core.plan.is_mutual() && links.len() > 1 {
        // Both lead to the same end, which is seen by what comes from there.
        links.retain(|(_, link)| !link.offers);
    }
    let kind = match core.plan.part {
        Part::Broadcaster | Part::Viewer => RoomKind::Broadcast,
        _ => RoomKind::Call,
    };
    // Who only receives knows of the one that sends, and of nobody else.
    let others = if core.plan.sends() { links.len() } else { 0 };
    CallView {
        phase,
        kind,
        others: u32::try_from(others).unwrap_or(u32::MAX),
        host: core.plan.part == Part::Broadcaster,
        link: None,
        addresses: Vec::new(),
        peers: links
            .into_iter()
            .map(|(peer, link)| person(core, peer, link))
            .collect(),
        knocks: Vec::new(),
        locked: false,
        relay_lost: was_open && lost,
        chat: core.chat.view(),
        chat_cut: core.chat.left_out() > 0,
        connected_at: core.connected_at,
        relay: None,
    }
}

/// The other end of a connection. Pages do not tell whether anything is off; that nothing comes at all is known.
fn person(core: &Core, peer: &PeerId, link: &Link) -> PeerView {
    let silent = !core.plan.receives() || (core.plan.is_mutual() && link.offers);
    PeerView {
        peer: peer.clone(),
        name: name(link),
        host: !core.plan.sends(),
        state: link.state,
        muted: silent,
        camera_off: silent,
        screen: false,
        quality: link.quality,
        words: None,
    }
}
