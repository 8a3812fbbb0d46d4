//! Fuzz targets: texts of a hostile relay, for whatever dialect is spoken with it, and the descriptions in them.

use std::time::{Duration, Instant};

use ahoy_contract::{
    PeerId,
    peer::{Candidate, Description, DescriptionType},
};

use super::{
    DialectCall, Form, Part, Plan, broadcast, ready,
    sdp::{Identity, MAX_CANDIDATES, candidates, first_section},
    socketio, targeted,
};
use crate::{
    call::{Input, Output, PeerInput, PeerOutput},
    fuzz::start,
};

const FORMS: [Form; 4] = [Form::Broadcast, Form::Ready, Form::SocketIo, Form::Targeted];
const PARTS: [Part; 6] = [
    Part::Caller,
    Part::Callee,
    Part::Send,
    Part::Receive,
    Part::Broadcaster,
    Part::Viewer,
];
/// As many connections as any call may have.
const MOST: usize = 512;

/// The first byte says who listens, each line after it is a message. The readers read each, and a call hears them all.
/// No more connections are open than a call may have, and after hanging up none is.
pub(crate) fn dialects(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    for line in text.lines() {
        let _ = broadcast::read(line).map(|message| broadcast::write(&message));
        let _ = ready::read_variant(line).map(|(message, variant)| ready::write(&message, variant));
        let _ = socketio::read(line).map(|message| socketio::write(&message));
        let _ = targeted::read(line).map(|message| targeted::write(&message));
    }
    let first = usize::from(first);
    let form = FORMS[first % FORMS.len()];
    let part = PARTS[first / FORMS.len() % PARTS.len()];
    let target = (form == Form::Targeted).then_some("bob");
    if let Ok(plan) = Plan::new(form, part, "ada", target) {
        call(plan, &text, start());
    }
}

fn call(plan: Plan, text: &str, mut now: Instant) {
    let mut made: u64 = 0;
    let ids = move || {
        made += 1;
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&made.to_be_bytes());
        PeerId::from_bytes(&bytes)
    };
    let mut call = DialectCall::new(plan, now, 0, ids);
    let mut open = 0;
    call.handle(now, Input::SocketOpen);
    settle(&mut call, now, &mut open);
    for line in text.lines() {
        call.heard(now, line);
        settle(&mut call, now, &mut open);
        assert!(open <= MOST);
        now += Duration::from_millis(100);
        call.handle(now, Input::Tick);
        settle(&mut call, now, &mut open);
    }
    call.handle(now, Input::HangUp);
    settle(&mut call, now, &mut open);
    assert_eq!(open, 0, "a connection was left open");
}

/// Does what the call says, with connections that describe themselves.
fn settle(call: &mut DialectCall, now: Instant, open: &mut usize) {
    while let Some(output) = call.poll() {
        let Output::Peer(peer, output) = output else {
            continue;
        };
        let kind = match output {
            PeerOutput::Open { .. } => {
                *open += 1;
                continue;
            }
            PeerOutput::Close => {
                *open -= 1;
                continue;
            }
            PeerOutput::CreateOffer { .. } => DescriptionType::Offer,
            PeerOutput::CreateAnswer => DescriptionType::Answer,
            _ => continue,
        };
        let sdp = format!("v=0\r\nm=audio 9 x 0\r\na=ice-ufrag:{peer}\r\n");
        let local = PeerInput::Local(Description { kind, sdp });
        call.handle(now, Input::Peer(peer, local));
    }
}

/// A description, as the dialects look at it.
pub(crate) fn sdp(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = candidates(&text);
    assert!(found.len() <= MAX_CANDIDATES);
    let identity = Identity::of(&text);
    // The same description with its lines in another order is of the same connection.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    assert_eq!(identity, Identity::of(&lines.join("\n")));
    for candidate in &found {
        assert!(candidate.candidate.starts_with("candidate:"));
        let _ = identity.may_own(candidate);
    }
    let nameless = Candidate {
        candidate: String::new(),
        sdp_mid: None,
        sdp_m_line_index: None,
        username_fragment: None,
    };
    assert!(identity.may_own(&nameless));
    let sections = text.lines().filter(|line| line.starts_with("m=")).count();
    if let Some((index, _)) = first_section(&text) {
        assert!(usize::from(index) < sections);
    }
}
