//! Fuzz target: what a peer says once it is authenticated, on the data channel and in signals.

use std::collections::BTreeSet;

use ahoy_contract::{
    Nonce, PeerId,
    id::Mac,
    peer::{Description, DescriptionType, MAX_CHAT_BYTES},
    ui::{MAX_CHAT_LINES, MAX_CHAT_TEXT},
    wire::Member,
};

use super::{
    ChatLog, PeerInput, Step,
    peer::{Ask, Peer},
};
use crate::fuzz::start;

/// The messages that one message of the peer may be answered with.
const MAX_ANSWERS: usize = 4;

/// The lines that this end has written to the peer.
const WRITTEN: u32 = 3;

/// A description with a fingerprint, without which the four words are not spoken of.
const SDP: &str = "v=0\r\na=fingerprint:sha-256 AB:CD\r\n";

/// The first byte says which end commits to the words, each line after it is a message: one that begins with `!` is the
/// body of a signal, the others come on the data channel. Whatever is said, little is kept of it and little answered. It
/// reaches the state of one peer and the chat; the call around them is not part of it.
pub(crate) fn data_channel(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let member = Member {
        peer: PeerId::from_bytes(&[1; 10]),
        name: String::new(),
        nonce: Nonce::new([1; 16]),
        mac: Mac::new([1; 32]),
        order: 1,
    };
    let commits = first & 1 == 0;
    let (polite, nonce) = (first & 2 == 0, Nonce::new([2; 16]));
    let mut peer = Peer::new(
        member,
        None,
        polite,
        (first & 4 == 0, true),
        (commits, nonce),
    );
    let now = start();
    let mut chat = ChatLog::default();
    let id = peer.member.peer.clone();
    for _ in 0..WRITTEN {
        chat.next_sent();
        chat.wrote(0, "a line", BTreeSet::from([id.clone()]));
    }
    let mut receipts = BTreeSet::new();
    peer.opened = true;
    for input in [
        PeerInput::Local(description()),
        PeerInput::Connected,
        PeerInput::DataOpen,
    ] {
        peer.connection(now, input);
    }
    for line in String::from_utf8_lossy(rest).lines() {
        let ask = match line.strip_prefix('!') {
            Some(body) => peer.signal(now, body),
            None => peer.connection(now, PeerInput::Data(line.to_owned())),
        };
        match ask {
            Ask::Say(messages) => assert!(messages.len() <= MAX_ANSWERS),
            Ask::Chat { text, .. } => {
                assert!(text.len() <= MAX_CHAT_BYTES);
                chat.came(now, &id, 0, String::new(), text);
            }
            Ask::Received(line) => {
                let is_news = chat.received(&id, line);
                assert!(!is_news || (1..=WRITTEN).contains(&line), "{line}");
                assert!(!is_news || receipts.insert(line), "{line} came twice");
            }
            _ => {}
        }
        // A connection that does as it is told.
        while let Some(step) = peer.negotiation.poll() {
            match step {
                Step::CreateOffer { .. } | Step::CreateAnswer => {
                    let kind = match step {
                        Step::CreateAnswer => DescriptionType::Answer,
                        _ => DescriptionType::Offer,
                    };
                    let sdp = SDP.to_owned();
                    peer.connection(now, PeerInput::Local(Description { kind, sdp }));
                }
                Step::SetRemote(_) | Step::AddCandidate(_) | Step::Send(_) => {}
            }
        }
    }
    let lines = chat.view();
    let text: usize = lines.iter().map(|line| line.text.len()).sum();
    assert!(lines.len() <= MAX_CHAT_LINES && text <= MAX_CHAT_TEXT);
}

fn description() -> Description {
    Description {
        kind: DescriptionType::Offer,
        sdp: SDP.to_owned(),
    }
}
