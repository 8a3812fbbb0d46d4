//! The four words: both ends draw the same, and what does not fit is noticed.

use super::*;
use crate::call::words::{Broken, Prints, Words};

/// As `World::up`, with what was said on the data channel.
fn drawn() -> World {
    let mut world = World::up();
    world.talk();
    world
}

fn seen(world: &World, side: usize) -> Option<Vec<String>> {
    world.sides[side].call.view().peers[0].words.clone()
}

#[test]
fn both_ends_of_a_call_see_the_same_words() {
    let world = drawn();
    let words = seen(&world, 0).unwrap();
    assert_eq!(words.len(), 4);
    assert_eq!(seen(&world, 1), Some(words));
    for side in &world.sides {
        let drawn = |event: &&Event| matches!(event, Event::Words { .. });
        assert_eq!(side.events.iter().filter(drawn).count(), 1);
    }
}

const PRINTS: Prints<'_> = Prints {
    mine: "a",
    theirs: "b",
};
const MIRROR: Prints<'_> = Prints {
    mine: "b",
    theirs: "a",
};

fn nonce(byte: u8) -> Nonce {
    Nonce::new([byte; 16])
}

/// An end that was committed to and has answered.
fn answered() -> (Words, Words) {
    let (mut one, mut other) = (Words::new(true, nonce(1)), Words::new(false, nonce(2)));
    assert_eq!(other.start(MIRROR), None, "only one commits");
    let Some(DataMessage::WordsCommit { commitment }) = one.start(PRINTS) else {
        panic!()
    };
    assert!(other.committed(commitment).is_some());
    (one, other)
}

#[test]
fn what_was_not_committed_to_is_noticed() {
    let (_, mut other) = answered();
    assert_eq!(other.revealed(&nonce(3), MIRROR), Err(Broken));
    assert_eq!(other.drawn(), None);
    // Nor do other certificates fit.
    let (_, mut other) = answered();
    let between = Prints {
        mine: "b",
        theirs: "c",
    };
    assert_eq!(other.revealed(&nonce(1), between), Err(Broken));
}

#[test]
fn nobody_gets_a_second_try() {
    let (mut one, mut other) = answered();
    let again = ahoy_contract::words::commitment(&nonce(9), "a", "b");
    assert_eq!(other.committed(again), None);
    assert!(one.answered(&nonce(2), PRINTS).is_some());
    let drawn = one.drawn().map(<[String]>::to_vec);
    assert_eq!(one.answered(&nonce(7), PRINTS), None);
    assert_eq!(one.drawn().map(<[String]>::to_vec), drawn);
    assert_eq!(other.revealed(&nonce(1), MIRROR), Ok(true));
    assert_eq!(other.drawn().map(<[String]>::to_vec), drawn);
}

#[test]
fn words_out_of_order_are_not_heard() {
    let mut one = Words::new(true, nonce(1));
    assert_eq!(one.answered(&nonce(2), PRINTS), None);
    assert_eq!(one.revealed(&nonce(2), PRINTS), Ok(false));
    let mut other = Words::new(false, nonce(1));
    assert_eq!(other.revealed(&nonce(2), PRINTS), Ok(false));
    assert_eq!((one.drawn(), other.drawn()), (None, None));
}

#[test]
fn a_reveal_that_does_not_fit_stops_the_call_with_the_host() {
    let mut world = World::connected();
    let say = |message: DataMessage| {
        let text = serde_json::to_string(&message).unwrap();
        Input::Peer(id(HOST), PeerInput::Data(text))
    };
    let commitment = ahoy_contract::words::commitment(&nonce(1), "x", "y");
    world.input(1, say(DataMessage::WordsCommit { commitment }));
    world.input(1, say(DataMessage::WordsReveal { nonce: nonce(1) }));
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
}

#[test]
fn a_certificate_that_changes_during_a_call_stops_it() {
    let mut world = drawn();
    world.describes(0, 1, 7);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    assert!(world.sides[1].has(&PeerOutput::Close));
    assert!(!world.sides[1].has(&description(7, DescriptionType::Offer)));
}

#[test]
fn a_connection_that_was_lost_may_be_made_anew_by_the_other_end() {
    let mut world = drawn();
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    world.sides[1].peer.clear();
    world.describes(0, 1, 7);
    let order: Vec<_> = world.sides[1]
        .peer
        .iter()
        .map(|(_, output)| output)
        .collect();
    assert!(
        matches!(
            order[..],
            [
                PeerOutput::Close,
                PeerOutput::Open { .. },
                PeerOutput::SetRemote(_),
                PeerOutput::CreateAnswer
            ]
        ),
        "{order:?}"
    );
    assert_eq!(seen(&world, 1), None, "the words were of the old one");
    assert_eq!(world.ended(1), None);
}
