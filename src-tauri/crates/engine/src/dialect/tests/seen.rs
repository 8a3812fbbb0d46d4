//! What a user sees of the others.

use ahoy_contract::ui::{CallPhase, CallView};

use super::*;

fn seen(world: &World, end: usize) -> CallView {
    world.ends[end].call.view()
}

#[test]
fn of_one_who_only_answers_nothing_comes() {
    let mut world = World::new();
    let caller = world.join(plan(Form::Broadcast, Part::Caller));
    assert_eq!(seen(&world, caller).phase, CallPhase::Waiting);
    // A page that answers, and whose user has not called.
    world.page(caller, &json!({"type": "answer", "sdp": sdp("page")}));
    let view = seen(&world, caller);
    assert_eq!((view.phase, view.others), (CallPhase::Connecting, 1));
    assert!(view.peers[0].camera_off && view.peers[0].muted);
}

#[test]
fn two_one_way_connections_are_one_person() {
    let mut world = World::new();
    let ends = [(); 2].map(|()| world.join(plan(Form::Broadcast, Part::Caller)));
    world.wait(Duration::from_secs(5));
    for end in ends {
        assert_eq!(world.ends[end].up(Media::Receive), 1);
        assert_eq!(world.ends[end].up(Media::Send), 1);
        let view = seen(&world, end);
        assert_eq!((view.phase, view.others), (CallPhase::Connected, 1));
        assert_eq!(view.peers.len(), 1);
        assert!(!view.peers[0].camera_off && !view.peers[0].muted);
        let connection = &world.ends[end].connections[&view.peers[0].peer];
        assert_eq!(connection.terms.unwrap().media, Media::Receive);
    }
}

#[test]
fn who_shows_is_the_host_and_who_watches_knows_of_nobody_else() {
    let mut world = World::new();
    let broadcaster = world.join(plan(Form::Broadcast, Part::Broadcaster));
    let one = world.join(plan(Form::Broadcast, Part::Viewer));
    world.join(plan(Form::Broadcast, Part::Viewer));
    let view = seen(&world, broadcaster);
    assert_eq!((view.host, view.others, view.peers.len()), (true, 2, 2));
    let view = seen(&world, one);
    assert_eq!((view.host, view.others, view.peers.len()), (false, 0, 1));
    assert!(view.peers[0].host && !view.peers[0].camera_off);
}

#[test]
fn of_one_that_only_receives_nothing_comes() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    let sender = world.join(plan(Form::Broadcast, Part::Send));
    let view = seen(&world, sender);
    assert!(view.peers[0].camera_off && view.peers[0].muted && !view.peers[0].host);
    assert!(seen(&world, receiver).peers[0].host);
}
