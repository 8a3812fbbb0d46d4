//! Whatever comes, in whatever order: nothing panics, nothing is kept without bound, no connection is left behind.

use proptest::prelude::*;

use super::{
    forms::{FORMS, good, wrong},
    *,
};

const PARTS: [Part; 6] = [
    Part::Caller,
    Part::Callee,
    Part::Send,
    Part::Receive,
    Part::Broadcaster,
    Part::Viewer,
];

#[derive(Debug, Clone)]
enum Step {
    /// A message of another end's, perhaps with something wrong about it.
    Hear {
        index: usize,
        wrong: Option<usize>,
    },
    /// A viewer joins, under one of many ids.
    Join(u8),
    /// A description of a connection that nobody has seen.
    Describe {
        answer: bool,
        from: u8,
    },
    Rubbish(String),
    /// A connection says something.
    Connection {
        index: usize,
        what: u8,
    },
    Wait(u16),
    Socket(bool),
    Chat,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<usize>(), proptest::option::of(any::<usize>())).prop_map(|(index, wrong)| Step::Hear { index, wrong }),
        3 => any::<u8>().prop_map(Step::Join),
        4 => (any::<bool>(), 0..6u8).prop_map(|(answer, from)| Step::Describe { answer, from }),
        1 => "\\PC{0,40}".prop_map(Step::Rubbish),
        6 => (any::<usize>(), any::<u8>()).prop_map(|(index, what)| Step::Connection { index, what }),
        3 => (0..12_000u16).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Socket),
        1 => Just(Step::Chat),
    ]
}

fn said(form: Form, answer: bool, from: u8) -> Value {
    let kind = if answer { "answer" } else { "offer" };
    let sdp = sdp(&format!("stranger-{from}"));
    match form {
        Form::Broadcast => json!({"type": kind, "sdp": sdp}),
        Form::Ready => json!({"type": kind, kind: {"type": kind, "sdp": sdp}}),
        Form::SocketIo => json!([format!("receive-{kind}"), {"type": kind, "sdp": sdp}]),
        Form::Targeted => {
            json!({"type": format!("video-{kind}"), "name": "bob", "target": "ada", "sdp": sdp})
        }
    }
}

fn input(what: u8) -> PeerInput {
    match what % 9 {
        0 => PeerInput::Connected,
        1 => PeerInput::Disconnected,
        2 => PeerInput::Failed,
        3 => PeerInput::Closed,
        4 => PeerInput::StepFailed("no".into()),
        5 => PeerInput::DataOpen,
        6 => PeerInput::DataClosed,
        7 => PeerInput::Data("hi".into()),
        _ => PeerInput::Candidate(Some(candidate("own"))),
    }
}

fn walk(form: Form, part: Part, slow: bool, steps: &[Step]) {
    let Ok(plan) = Plan::new(form, part, "ada", (form == Form::Targeted).then_some("bob")) else {
        return;
    };
    let mut world = World::new();
    let end = world.join(plan);
    world.ends[end].slow = slow;
    let messages = good(form);
    for step in steps {
        match step {
            Step::Hear { index, wrong: None } => {
                let message = messages[index % messages.len()].to_string();
                world.hear(end, &message);
            }
            Step::Hear {
                index,
                wrong: Some(which),
            } => {
                let all = wrong(&messages[index % messages.len()]);
                world.hear(end, &all[which % all.len()].to_string());
            }
            Step::Join(id) => world.hear(
                end,
                &json!({"type": "join", "id": format!("v{id}")}).to_string(),
            ),
            Step::Describe { answer, from } => {
                world.hear(end, &said(form, *answer, *from).to_string());
            }
            Step::Rubbish(text) => world.hear(end, text),
            Step::Connection { index, what } => {
                let peers: Vec<PeerId> = world.ends[end].connections.keys().cloned().collect();
                if let Some(peer) = peers.get(index % peers.len().max(1)) {
                    world.input(end, Input::Peer(peer.clone(), input(*what)));
                }
            }
            Step::Wait(ms) => world.wait(Duration::from_millis((*ms).into())),
            Step::Socket(true) => world.input(end, Input::SocketOpen),
            Step::Socket(false) => world.input(end, Input::SocketClosed(SocketEnd::Lost)),
            Step::Chat => world.input(
                end,
                Input::Chat {
                    to: None,
                    text: "hi".into(),
                },
            ),
        }
        let this = &world.ends[end];
        let most = if part == Part::Broadcaster { 512 } else { 2 };
        assert!(this.connections.len() <= most);
        assert_eq!(this.connections.len(), this.call.core.links.len());
        assert!(
            this.call
                .deadline()
                .is_none_or(|at| at > world.now - Duration::from_secs(1))
        );
        let _ = this.call.view();
    }
    world.input(end, Input::HangUp);
    assert!(
        world.ends[end].connections.is_empty(),
        "a connection was left open"
    );
    assert!(world.ends[end].call.ended().is_some());
    assert_eq!(world.ends[end].call.deadline(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_comes(
        form in 0..4usize,
        part in 0..6usize,
        slow in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        walk(FORMS[form], PARTS[part], slow, &steps);
    }
}

#[test]
fn every_message_with_every_fault_in_every_part() {
    for form in FORMS {
        for part in PARTS {
            let Ok(plan) = Plan::new(form, part, "ada", (form == Form::Targeted).then_some("bob"))
            else {
                continue;
            };
            let mut world = World::new();
            let end = world.join(plan);
            for message in good(form) {
                for wrong in wrong(&message) {
                    world.hear(end, &wrong.to_string());
                }
            }
            world.settle();
            // What was kept for nothing is gone after a while.
            world.wait(Duration::from_secs(120));
            if part == Part::Broadcaster {
                assert!(world.ends[end].connections.is_empty());
            }
        }
    }
}
