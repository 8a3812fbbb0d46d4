//! More than anybody means to say: an end stays as it is, and says little about it.

use std::collections::BTreeSet;

use super::{
    removed::{join_of, three},
    *,
};

/// Counts the views that are due after something has come from the guest on the data channel.
fn views(world: &mut World, message: &DataMessage) -> usize {
    let text = serde_json::to_string(message).unwrap();
    let now = world.now;
    let call = &mut world.sides[0].call;
    call.handle(now, Input::Peer(id(GUEST), PeerInput::Data(text)));
    std::iter::from_fn(|| call.poll())
        .filter(|output| *output == Output::View)
        .count()
}

#[test]
fn a_thousand_changes_at_once_make_few_views_and_the_last_one_is_seen() {
    let mut world = World::connected();
    let mut seen = 0;
    for n in 0..1_000 {
        let (muted, camera_off) = (n % 2 == 0, n % 3 == 0);
        seen += views(&mut world, &DataMessage::State { muted, camera_off });
        seen += views(&mut world, &DataMessage::Screen { shown: n % 5 == 0 });
    }
    assert_eq!(seen, 32);
    let muted = true;
    let camera_off = true;
    views(&mut world, &DataMessage::State { muted, camera_off });
    views(&mut world, &DataMessage::Screen { shown: true });
    world.pass(Duration::from_millis(100));
    let peer = world.sides[0].call.view().peers.remove(0);
    assert!(peer.muted && peer.camera_off && peer.screen);
    // As before: what is said now and then is seen at once.
    world.pass(Duration::from_secs(10));
    assert_eq!(views(&mut world, &DataMessage::Screen { shown: false }), 1);
}

#[test]
fn what_changes_nothing_makes_no_view() {
    let mut world = World::up();
    world.talk();
    let nonce = Nonce::new([5; 16]);
    for message in [
        DataMessage::State {
            muted: false,
            camera_off: false,
        },
        DataMessage::Screen { shown: false },
        DataMessage::WordsReveal { nonce },
    ] {
        assert_eq!(views(&mut world, &message), 0, "{message:?}");
    }
}

#[test]
fn who_never_connects_gets_only_so_many_connections() {
    let mut world = World::pair();
    for n in 0..100 {
        world.describes(1, 0, 1 + n % 2);
    }
    let opened = world.sides[0].count(|output| matches!(output, PeerOutput::Open { .. }));
    assert_eq!(opened, 1 + 4);
    assert_eq!(world.sides[0].call.view().peers[0].state, PeerState::Failed);
    assert_eq!(world.ended(0), None);
}

#[test]
fn a_thousand_signals_are_acknowledged_in_few_words() {
    let mut world = World::pair();
    world.sides[0].acks.clear();
    let signal = |n| RelayMessage::Signal {
        from: id(THIRD),
        n,
        seq: n,
        body: String::new(),
        sig: None,
    };
    for n in 1..=1_000 {
        world.input(0, Input::Relay(signal(n)));
    }
    assert_eq!(world.sides[0].acks.len(), 1_000 / 16);
    world.pass(Duration::from_millis(999));
    assert_eq!(world.sides[0].acks.last(), Some(&992));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.sides[0].acks.last(), Some(&1_000));
    world.pass(Duration::from_secs(10));
    assert_eq!(world.sides[0].acks.len(), 1_000 / 16 + 1);
}

#[test]
fn one_that_was_sent_away_and_comes_back_all_the_time_keeps_nobody_from_the_call() {
    let mut world = three();
    let third = join_of(&world, 2);
    world.input(0, Input::Remove { peer: id(THIRD) });
    world.sides[2].member = None;
    world.input(0, Input::Remove { peer: id(GUEST) });
    let part = Part::Guest { role: Role::Caller };
    world.add(config(&world.key, part, world.now), "cccccccccccccccc");
    world.join(3);
    world.clear();
    for n in 0..1_000_u16 {
        let mut nonce = [7; 16];
        nonce[..2].copy_from_slice(&n.to_be_bytes());
        world.rejoined(1, Nonce::new(nonce));
        world.roster();
    }
    assert!(world.sides[0].signals.len() <= 16);
    world.connect(0, 3);
    let removed = |output: &PeerOutput| match output {
        PeerOutput::Data(DataMessage::Removed(join)) => {
            Some((join.peer.clone(), join.nonce.clone()))
        }
        _ => None,
    };
    let said = world.sides[0].peer.iter().filter_map(|(_, it)| removed(it));
    let said: Vec<_> = said.collect();
    assert!(said.len() <= 64, "{}", said.len());
    let said: BTreeSet<_> = said.into_iter().collect();
    assert!(
        said.contains(&(third.peer, third.nonce)),
        "the other one is not forgotten"
    );
    assert_eq!(world.ended(0), None);
}
