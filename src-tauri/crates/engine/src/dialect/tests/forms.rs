//! What stands on the wire.

use super::{
    super::{
        broadcast,
        message::{Body, Id, Message, Unread},
        ready::{self, Variant},
        socketio, targeted,
    },
    *,
};

const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n";

fn offer() -> Description {
    Description {
        kind: DescriptionType::Offer,
        sdp: SDP.into(),
    }
}

fn with_id(body: Body, id: &str) -> Message {
    Message {
        id: Id::new(id),
        target: None,
        body,
    }
}

#[test]
fn form_b_as_in_the_table_strict_and_lax() {
    let offer = Body::Description(offer());
    for text in [
        json!({"type": "offer", "sdp": SDP}),
        json!({"type": "offer", "sdp": SDP, "id": "", "ice": ""}),
        json!({"type": "offer", "sdp": SDP, "id": null, "more": [1]}),
    ] {
        assert_eq!(
            broadcast::read(&text.to_string()),
            Ok(offer.clone().to_all()),
            "{text}"
        );
    }
    let text = json!({"type": "answer", "sdp": SDP, "id": "v1"}).to_string();
    let read = broadcast::read(&text).unwrap();
    assert_eq!(read.id.as_ref().map(Id::as_str), Some("v1"));
    assert_eq!(
        broadcast::write(&read).map(|it| serde_json::from_str::<Value>(&it).unwrap()),
        Some(serde_json::from_str(&text).unwrap())
    );
    // A text that holds JSON.
    let ice = r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 5000 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"ab"}"#;
    let read = broadcast::read(&json!({"type": "ice", "ice": ice}).to_string()).unwrap();
    let Body::Candidate(Some(candidate)) = &read.body else {
        panic!("{read:?}");
    };
    assert_eq!(candidate.sdp_mid.as_deref(), Some("0"));
    let written: Value = serde_json::from_str(&broadcast::write(&read).unwrap()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(written["ice"].as_str().unwrap()).unwrap(),
        serde_json::from_str::<Value>(ice).unwrap()
    );
    for ice in ["null", r#"{"candidate":""}"#] {
        let read = broadcast::read(&json!({"type": "ice", "ice": ice}).to_string());
        assert_eq!(read, Ok(Body::Candidate(None).to_all()), "{ice}");
    }
    assert_eq!(
        broadcast::read(r#"{"type":"join","id":"v1","sdp":"","ice":""}"#),
        Ok(with_id(Body::Join, "v1"))
    );
    assert_eq!(
        broadcast::write(&with_id(Body::Join, "v1")).unwrap(),
        r#"{"id":"v1","type":"join"}"#
    );
    assert_eq!(broadcast::write(&Body::Candidate(None).to_all()), None);
    assert_eq!(broadcast::write(&Body::Bye.to_all()), None);
}

#[test]
fn form_r_flat_and_nested() {
    let offer = Body::Description(offer()).to_all();
    for (text, variant) in [
        (json!({"type": "offer", "sdp": SDP}), Variant::Flat),
        (
            json!({"type": "offer", "offer": {"type": "offer", "sdp": SDP}}),
            Variant::Nested,
        ),
    ] {
        assert_eq!(
            ready::read_variant(&text.to_string()),
            Ok((offer.clone(), Some(variant)))
        );
        let written = ready::write(&offer, Some(variant)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), text);
    }
    // Either reads what is written while nothing is known.
    let both: Value = serde_json::from_str(&ready::write(&offer, None).unwrap()).unwrap();
    assert_eq!(
        (&both["sdp"], &both["offer"]["sdp"]),
        (&json!(SDP), &json!(SDP))
    );
    assert_eq!(both["offer"]["type"], "offer");

    let line = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
    let flat = json!({"type": "candidate", "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0});
    let nested = json!({"type": "candidate", "candidate": {
        "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null}});
    for (text, variant) in [(flat, Variant::Flat), (nested, Variant::Nested)] {
        let (read, read_as) = ready::read_variant(&text.to_string()).unwrap();
        assert_eq!(read_as, Some(variant));
        let Body::Candidate(Some(candidate)) = &read.body else {
            panic!("{read:?}");
        };
        assert_eq!(
            (candidate.candidate.as_str(), candidate.sdp_m_line_index),
            (line, Some(0))
        );
        let written = ready::write(&read, Some(variant)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), text);
    }
    for text in [
        r#"{"type":"candidate","candidate":null}"#,
        r#"{"type":"candidate","candidate":""}"#,
    ] {
        assert_eq!(ready::read(text), Ok(Body::Candidate(None).to_all()));
    }
    for (text, body) in [
        (r#"{"type":"ready"}"#, Body::Ready),
        (r#"{"type":"bye"}"#, Body::Bye),
    ] {
        assert_eq!(ready::read(text), Ok(body.clone().to_all()));
        assert_eq!(ready::write(&body.to_all(), None).unwrap(), text);
    }
}

#[test]
fn form_s_and_form_t() {
    let offer = Body::Description(offer());
    let text = json!(["receive-offer", {"type": "offer", "sdp": SDP}]);
    assert_eq!(
        socketio::read(&text.to_string()),
        Ok(offer.clone().to_all())
    );
    let written: Value =
        serde_json::from_str(&socketio::write(&offer.clone().to_all()).unwrap()).unwrap();
    assert_eq!(
        written,
        json!(["send-offer", {"type": "offer", "sdp": SDP}])
    );

    let message = Message {
        id: Id::new("ada"),
        target: Id::new("bob"),
        body: offer,
    };
    let text = json!({"type": "video-offer", "name": "ada", "target": "bob", "sdp": SDP});
    assert_eq!(targeted::read(&text.to_string()), Ok(message.clone()));
    assert_eq!(
        serde_json::from_str::<Value>(&targeted::write(&message).unwrap()).unwrap(),
        text
    );
    let whole = json!({"type": "video-offer", "name": "ada", "target": "bob", "sdp": {"type": "offer", "sdp": SDP}});
    assert_eq!(targeted::read(&whole.to_string()), Ok(message));
}

/// Good messages of each form.
pub(super) fn good(form: Form) -> Vec<Value> {
    let line = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
    let sdp = sdp("page");
    match form {
        Form::Broadcast => vec![
            json!({"type": "offer", "sdp": sdp, "id": "v1", "ice": ""}),
            json!({"type": "answer", "sdp": sdp, "id": "v1"}),
            json!({"type": "offer", "sdp": sdp}),
            json!({"type": "answer", "sdp": sdp}),
            json!({"type": "ice", "ice": format!(r#"{{"candidate":"{line}"}}"#)}),
            json!({"type": "ice", "id": "v1", "ice": format!(r#"{{"candidate":"{line}"}}"#)}),
            json!({"type": "join", "id": "v1"}),
        ],
        Form::Ready => vec![
            json!({"type": "ready"}),
            json!({"type": "offer", "sdp": sdp}),
            json!({"type": "offer", "offer": {"type": "offer", "sdp": sdp}}),
            json!({"type": "answer", "sdp": sdp}),
            json!({"type": "answer", "answer": {"type": "answer", "sdp": sdp}}),
            json!({"type": "candidate", "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}),
            json!({"type": "candidate", "candidate": {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}}),
            json!({"type": "bye"}),
        ],
        Form::SocketIo => vec![
            json!(["receive-offer", {"type": "offer", "sdp": sdp}]),
            json!(["receive-answer", {"type": "answer", "sdp": sdp}]),
        ],
        Form::Targeted => vec![
            json!({"type": "video-offer", "name": "bob", "target": "ada", "sdp": sdp}),
            json!({"type": "video-answer", "name": "bob", "target": "ada", "sdp": sdp}),
        ],
    }
}

/// The same message with something wrong about one of its parts, at any depth.
pub(super) fn wrong(value: &Value) -> Vec<Value> {
    let others = [
        json!(null),
        json!(""),
        json!(7),
        json!(true),
        json!([]),
        json!({}),
        json!("x".repeat(200)),
        json!("\u{0}"),
    ];
    let mut all = others.to_vec();
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let mut without = map.clone();
                without.remove(name);
                all.push(Value::Object(without));
                for other in wrong(inner) {
                    let mut map = map.clone();
                    map.insert(name.clone(), other);
                    all.push(Value::Object(map));
                }
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let mut without = list.clone();
                without.remove(index);
                all.push(Value::Array(without));
                for other in wrong(inner) {
                    let mut list = list.clone();
                    list[index] = other;
                    all.push(Value::Array(list));
                }
            }
        }
        _ => {}
    }
    all
}

fn read(form: Form, text: &str) -> Result<Message, Unread> {
    match form {
        Form::Broadcast => broadcast::read(text),
        Form::Ready => ready::read(text),
        Form::SocketIo => socketio::read(text),
        Form::Targeted => targeted::read(text),
    }
}

pub(super) const FORMS: [Form; 4] = [Form::Broadcast, Form::Ready, Form::SocketIo, Form::Targeted];

#[test]
fn a_field_that_is_missing_empty_or_of_the_wrong_type_breaks_nothing() {
    for form in FORMS {
        for message in good(form) {
            assert!(read(form, &message.to_string()).is_ok(), "{message}");
            for wrong in wrong(&message) {
                // What is still read has what its kind needs.
                match read(form, &wrong.to_string()).map(|message| message.body) {
                    Ok(Body::Description(description)) => assert!(!description.sdp.is_empty()),
                    Ok(Body::Candidate(Some(candidate))) => {
                        assert!(!candidate.candidate.is_empty());
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }
}

#[test]
fn what_is_unknown_is_told_apart_from_what_is_broken() {
    for (form, unknown) in [
        (Form::Broadcast, r#"{"type":"chat","text":"hi"}"#),
        (Form::Ready, r#"{"type":"joined"}"#),
        (Form::SocketIo, r#"["message","hi"]"#),
        (
            Form::Targeted,
            r#"{"type":"new-ice-candidate","target":"ada"}"#,
        ),
    ] {
        assert_eq!(read(form, unknown), Err(Unread::Unknown), "{unknown}");
        for broken in [
            "",
            "rubbish",
            "7",
            "null",
            "[]",
            "{}",
            "[7]",
            r#"{"type":7}"#,
            r#"{"type":""}"#,
        ] {
            assert!(
                matches!(read(form, broken), Err(Unread::Broken(_))),
                "{broken}"
            );
        }
    }
    let broken = |text: Value| {
        assert!(
            matches!(broadcast::read(&text.to_string()), Err(Unread::Broken(_))),
            "{text}"
        );
    };
    broken(json!({"type": "offer", "sdp": ""}));
    broken(json!({"type": "offer", "sdp": "x".repeat(100_000)}));
    broken(json!({"type": "offer", "sdp": SDP, "id": "x".repeat(129)}));
    broken(json!({"type": "ice", "ice": "rubbish"}));
    broken(json!({"type": "ice", "ice": r#"{"candidate":7}"#}));
    broken(json!({"type": "ice", "ice": format!(r#"{{"candidate":"{}"}}"#, "x".repeat(5000))}));
    broken(json!({"type": "join", "id": ""}));
    let other = json!({"type": "offer", "offer": {"type": "answer", "sdp": SDP}});
    assert!(matches!(
        ready::read(&other.to_string()),
        Err(Unread::Broken(_))
    ));
}

#[test]
fn of_a_doubled_field_one_is_taken() {
    let doubled = r#"{"type":"join","type":"join","id":"a","id":"b"}"#;
    assert!(broadcast::read(doubled).is_ok());
    let doubled = r#"{"type":"ready","type":"bye"}"#;
    assert!(ready::read(doubled).is_ok());
}
