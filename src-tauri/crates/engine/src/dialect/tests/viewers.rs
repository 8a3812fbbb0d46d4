//! A broadcaster and its viewers.

use super::*;

fn join(id: &str) -> Value {
    json!({"type": "join", "id": id})
}

fn broadcaster() -> World {
    let mut world = World::new();
    world.join(plan(Form::Broadcast, Part::Broadcaster));
    world
}

fn ids(world: &World, kind: &str) -> Vec<String> {
    let said = world.ends[0]
        .said
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap());
    let of = said.filter(|value| value["type"] == kind);
    of.map(|value| value["id"].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[test]
fn each_viewer_gets_a_connection_of_its_own() {
    for strict in [false, true] {
        let mut world = broadcaster();
        world.strict = strict;
        for count in 1..=3 {
            let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
            assert_eq!(world.ends[0].up(Media::Send), count);
            assert_eq!(world.ends[viewer].up(Media::Receive), 1);
            assert_eq!(
                world.ends[viewer].types(),
                ["join", "answer"],
                "it tells no candidates"
            );
        }
        assert_eq!(ids(&world, "offer").len(), 3);
        assert_eq!(
            ids(&world, "offer"),
            ids(&world, "ice"),
            "with the viewer's id"
        );
        world.wait(Duration::from_secs(60));
        assert_eq!(world.ends[0].up(Media::Send), 3);
        assert_eq!(world.ends[0].said.len(), 6);
    }
}

#[test]
fn a_viewer_that_never_answers_is_looked_at_four_times() {
    let mut world = broadcaster();
    let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
    world.page(0, &join("silent"));
    assert_eq!(world.ends[0].connections.len(), 2);
    world.wait(Duration::from_secs(6));
    assert_eq!(world.ends[0].connections.len(), 2);
    world.wait(Duration::from_secs(2));
    assert_eq!(world.ends[0].connections.len(), 1, "closed and forgotten");
    let left = world.ends[0].events.iter().find_map(|event| match event {
        Event::PeerLeft { name, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(left, Some("silent"));
    // One that was there and is gone.
    world.vanish(viewer);
    world.wait(Duration::from_secs(10));
    assert!(world.ends[0].connections.is_empty());
    assert!(world.ends[0].call.core.links.is_empty());
    assert_eq!(world.ends[0].call.deadline(), None, "nothing to look at");
}

#[test]
fn looks_count_while_a_connection_is_down_one_after_the_other() {
    let mut world = broadcaster();
    world.join(plan(Form::Broadcast, Part::Viewer));
    let peer = world.ends[0].connections.keys().next().unwrap().clone();
    for _ in 0..5 {
        world.input(0, Input::Peer(peer.clone(), PeerInput::Disconnected));
        world.wait(Duration::from_secs(5));
        world.input(0, Input::Peer(peer.clone(), PeerInput::Connected));
        world.wait(Duration::from_secs(3));
    }
    assert_eq!(world.ends[0].connections.len(), 1);
}

#[test]
fn a_viewer_that_joins_twice_has_one_connection() {
    let mut world = broadcaster();
    for _ in 0..100 {
        world.page(0, &join("twice"));
        assert_eq!(world.ends[0].connections.len(), 1);
    }
    assert_eq!(
        world.ends[0].opened, 1,
        "a page that repeats itself gets no more"
    );
    world.wait(Duration::from_secs(3));
    assert_eq!(world.ends[0].opened, 2, "but a fresh offer");
    world.page(0, &join("twice"));
    assert_eq!(world.ends[0].opened, 3);
    assert_eq!(world.ends[0].connections.len(), 1);
    assert_eq!(ids(&world, "offer").len(), 3);
}

#[test]
fn five_hundred_joins_in_a_second_are_served_in_turn() {
    let mut world = broadcaster();
    let viewers: Vec<usize> = (0..20)
        .map(|_| world.add(plan(Form::Broadcast, Part::Viewer)))
        .collect();
    for index in 0..500 {
        world.page(0, &join(&format!("flood-{index}")));
        assert!(
            world.ends[0].connections.len() <= 16,
            "{}",
            world.ends[0].connections.len()
        );
    }
    // Real ones among them get their turn.
    for viewer in &viewers {
        world.input(*viewer, Input::SocketOpen);
    }
    world.settle();
    for _ in 0..400 {
        world.wait(Duration::from_secs(1));
        let opening = world.ends[0]
            .connections
            .values()
            .filter(|it| !it.up)
            .count();
        assert!(opening <= 64, "{opening}");
    }
    assert_eq!(
        world.ends[0].up(Media::Send),
        viewers
            .iter()
            .filter(|it| world.ends[**it].up(Media::Receive) == 1)
            .count()
    );
    assert!(world.ends[0].up(Media::Send) > 0);
    assert_eq!(
        world.ends[0].connections.len(),
        world.ends[0].up(Media::Send),
        "the others are forgotten"
    );
}

#[test]
fn who_never_answers_holds_nobody_up_for_long() {
    let mut world = broadcaster();
    for index in 0..200 {
        world.page(0, &join(&format!("silent-{index}")));
    }
    let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
    world.wait(Duration::from_secs(28));
    assert_eq!(world.ends[viewer].up(Media::Receive), 1);
}

#[test]
fn nobody_is_cut_off_by_who_joins_in_its_name() {
    let mut world = broadcaster();
    let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
    let id = ids(&world, "offer").remove(0);
    for _ in 0..30 {
        world.page(0, &join(&id));
        world.wait(Duration::from_secs(1));
        assert_eq!(world.ends[viewer].up(Media::Receive), 1);
    }
    assert_eq!(world.ends[0].opened, 1);
    // The connection is silent, and somebody has asked a moment ago: it is another page of this name.
    let peer = world.ends[0].connections.keys().next().unwrap().clone();
    let silent = Input::Peer(peer, PeerInput::Disconnected);
    world.input(0, silent);
    world.settle();
    assert_eq!(world.ends[0].opened, 2);
    assert_eq!(world.ends[0].connections.len(), 1);
}

#[test]
fn a_page_that_was_loaded_again_under_its_name_is_shown_to_again() {
    // What was asked long ago counts no more.
    for (seconds, opened) in [(6, 2), (20, 1)] {
        let mut world = broadcaster();
        world.join(plan(Form::Broadcast, Part::Viewer));
        let id = ids(&world, "offer").remove(0);
        let peer = world.ends[0].connections.keys().next().unwrap().clone();
        world.page(0, &join(&id));
        world.wait(Duration::from_secs(seconds));
        assert_eq!(world.ends[0].opened, 1);
        world.input(0, Input::Peer(peer, PeerInput::Failed));
        world.settle();
        assert_eq!(world.ends[0].opened, opened, "after {seconds} s");
    }
}

#[test]
fn answers_of_rubbish_do_not_make_connections_without_a_pause() {
    let mut world = broadcaster();
    for index in 0..500 {
        world.page(0, &join(&format!("flood-{index}")));
        let peers: Vec<PeerId> = world.ends[0].connections.keys().cloned().collect();
        for peer in peers {
            world.input(0, Input::Peer(peer, PeerInput::StepFailed("no".into())));
        }
    }
    assert_eq!(world.ends[0].opened, 16);
    world.wait(Duration::from_secs(3));
    assert!(world.ends[0].opened > 16, "the others get their turn");
}

#[test]
fn there_is_an_end_to_how_many_wait() {
    let mut world = broadcaster();
    for index in 0..5_000 {
        world.page(0, &join(&format!("flood-{index}")));
    }
    world.wait(Duration::from_secs(600));
    assert!(world.ends[0].opened <= 512, "{}", world.ends[0].opened);
    assert!(world.ends[0].connections.is_empty());
    // There is room again.
    world.join(plan(Form::Broadcast, Part::Viewer));
    assert_eq!(world.ends[0].up(Media::Send), 1);
}

#[test]
fn messages_of_another_viewer_or_another_broadcaster_are_left_out() {
    let mut world = broadcaster();
    let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
    world.page(
        0,
        &json!({"type": "answer", "id": "nobody", "sdp": sdp("x")}),
    );
    world.page(0, &json!({"type": "answer", "sdp": sdp("x")}));
    world.page(
        0,
        &json!({"type": "offer", "id": "nobody", "sdp": sdp("x")}),
    );
    world.page(
        0,
        &json!({"type": "ice", "id": "nobody", "ice": "{\"candidate\":\"candidate:1\"}"}),
    );
    world.page(
        viewer,
        &json!({"type": "offer", "id": "nobody", "sdp": sdp("x")}),
    );
    world.page(viewer, &json!({"type": "offer", "sdp": sdp("x")}));
    assert_eq!((world.ends[0].opened, world.ends[viewer].opened), (1, 1));
    assert_eq!(world.ends[0].up(Media::Send), 1);
}

#[test]
fn a_viewer_says_that_it_is_there_until_it_is_offered_to() {
    let mut world = World::new();
    let viewer = world.join(plan(Form::Broadcast, Part::Viewer));
    world.wait(Duration::from_secs(35));
    assert_eq!(world.ends[viewer].count("join"), 4);
    let broadcaster = world.join(plan(Form::Broadcast, Part::Broadcaster));
    world.wait(Duration::from_secs(10));
    assert_eq!(world.ends[viewer].up(Media::Receive), 1);
    world.wait(Duration::from_secs(60));
    assert_eq!(world.ends[viewer].count("join"), 5);
    // And again when that one is gone.
    world.vanish(broadcaster);
    world.wait(Duration::from_secs(30));
    assert!(world.ends[viewer].count("join") > 5);
}
