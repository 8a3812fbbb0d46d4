//! Every message and every part of a view as JSON, the form in which other programs and the pages meet
//! it. A change of one of these files is a change of the protocol.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, fmt::Debug};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, PublicKey, RoomId, create_bytes, join_bytes,
    peer::{ByeReason, DataMessage, DescriptionType, SignalBody},
    signal_context, signed_bytes,
    ui::{
        AppView, CallPhase, Command, DeviceState, EndReason, Language, Notice, PeerState, Quality,
        Reach, RelayChoice, RelayShape, RelayView, Screen, ShareContent, SourceKind, Theme,
    },
    video::{VideoControl, VideoEndpoint, VideoHello},
    wire::{ClientMessage, RelayMessage, Role, RoomKind},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, from_str, from_value, json, to_value};
use ts_rs::TS;

/// Reads each example and writes it again: nothing is lost, and nothing is added. The name of an example
/// is that of its variant, with more behind a slash where there are several.
fn each_survives<T: Serialize + DeserializeOwned + Debug>(examples: &str) -> BTreeSet<String> {
    let examples: Map<String, Value> = from_str(examples).unwrap();
    let mut variants = BTreeSet::new();
    for (name, example) in examples {
        let read: T = from_value(example.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(to_value(&read).unwrap(), example, "{name}");
        let variant = name.split('/').next().unwrap_or(&name).to_owned();
        assert!(
            example.get("type").is_none_or(|tag| *tag == json!(variant)),
            "{name}"
        );
        variants.insert(variant);
    }
    variants
}

/// The variants of an enum that is told by a tag or by its only key, as serde lists them to who names
/// another.
fn variants_of<T: DeserializeOwned + Debug>() -> BTreeSet<String> {
    let unknown = [json!({"type": "?"}), json!({"?": null})];
    unknown
        .into_iter()
        .filter_map(|unknown| {
            let error = from_value::<T>(unknown)
                .expect_err("it takes anything")
                .to_string();
            let expected = error.split_once("unknown variant `?`, expected ")?.1;
            Some(
                expected
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect(),
            )
        })
        .next()
        .expect("no list of variants")
}

macro_rules! every_variant_has_an_example {
    ($($test:ident: $type:ty = $file:literal;)*) => {$(
        #[test]
        fn $test() {
            let shown = each_survives::<$type>(include_str!(concat!("examples/", $file)));
            assert_eq!(shown, variants_of::<$type>());
        }
    )*};
}

every_variant_has_an_example! {
    client_messages: ClientMessage = "client_message.json";
    relay_messages: RelayMessage = "relay_message.json";
    signal_bodies: SignalBody = "signal_body.json";
    data_messages: DataMessage = "data_message.json";
    commands: Command = "command.json";
    notices: Notice = "notice.json";
    screens: Screen = "screen.json";
    end_reasons: EndReason = "end_reason.json";
    device_states: DeviceState = "device_state.json";
    relay_choices: RelayChoice = "relay_choice.json";
    relay_shapes: RelayShape = "relay_shape.json";
    relay_views: RelayView = "relay_view.json";
}

#[test]
fn views() {
    each_survives::<AppView>(include_str!("examples/app_view.json"));
}

#[test]
fn pictures() {
    fn check<T: Serialize + DeserializeOwned>(example: &Value) -> T {
        let read: T = from_value(example.clone()).unwrap();
        assert_eq!(to_value(&read).unwrap(), *example);
        read
    }
    let examples: Value = from_str(include_str!("examples/video.json")).unwrap();
    check::<VideoEndpoint>(&examples["endpoint"]);
    check::<VideoHello>(&examples["hello"]);
    let size = check::<VideoControl>(&examples["size"]);
    let (width, height) = (320, 180);
    assert_eq!(size, VideoControl::Size { width, height });
    let ack = check::<VideoControl>(&examples["ack"]);
    assert_eq!(ack, VideoControl::Ack { ack: 1 });
}

#[test]
fn words() {
    fn check<T: Serialize + DeserializeOwned + TS>(words: &Map<String, Value>) {
        let config = ts_rs::Config::default();
        let (name, union) = (T::name(&config), T::inline(&config));
        let words: Vec<String> = from_value(words[&name].clone()).unwrap();
        // What the pages know is what is listed here, and both read and write each word.
        let known: Vec<_> = union.split('"').skip(1).step_by(2).collect();
        assert_eq!(known, words, "{name}");
        for word in words {
            let read: T = from_value(json!(word)).unwrap();
            assert_eq!(to_value(&read).unwrap(), json!(word), "{name}");
        }
    }
    let words = from_str(include_str!("examples/words.json")).unwrap();
    check::<RoomKind>(&words);
    check::<Role>(&words);
    check::<DescriptionType>(&words);
    check::<ByeReason>(&words);
    check::<CallPhase>(&words);
    check::<PeerState>(&words);
    check::<Reach>(&words);
    check::<Quality>(&words);
    check::<ShareContent>(&words);
    check::<SourceKind>(&words);
    check::<Theme>(&words);
    check::<Language>(&words);
    check::<ErrorCode>(&words);
    assert_eq!(words.len(), 13);
    for code in words["ErrorCode"].as_array().unwrap() {
        let read: ErrorCode = from_value(code.clone()).unwrap();
        assert_eq!(json!(read.as_str()), *code);
    }
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    assert_eq!(
        from_str::<ErrorCode>(r#""out_of_tea""#).unwrap(),
        ErrorCode::Unknown
    );
    assert_eq!(
        from_str::<ByeReason>(r#""out_of_tea""#).unwrap(),
        ByeReason::Unknown
    );
    let leave = from_str::<ClientMessage>(r#"{"type":"leave","why":"tea"}"#).unwrap();
    assert_eq!(leave, ClientMessage::Leave);
    let short = from_str::<SignalBody>(r#"{"candidate":{"candidate":"candidate:1"}}"#).unwrap();
    assert!(matches!(short, SignalBody::Candidate(Some(_))));
}

#[test]
fn what_is_signed_is_the_same_for_all() {
    fn text<'a>(value: &'a Value, key: &str) -> &'a str {
        value[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key} in {value}"))
    }
    fn end(value: &Value) -> (PeerId, Nonce) {
        (
            text(value, "peer").parse().unwrap(),
            text(value, "nonce").parse().unwrap(),
        )
    }
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);

    let vectors: Value = from_str(include_str!("../vectors/signals.json")).unwrap();
    let key: PublicKey = text(&vectors, "host_key").parse().unwrap();
    let room: RoomId = text(&vectors, "room").parse().unwrap();
    assert_eq!(RoomId::of_key(&key), room);
    let create = &vectors["create"];
    let challenge = text(create, "challenge").parse().unwrap();
    let kind = from_value(create["kind"].clone()).unwrap();
    let nonce = text(create, "nonce").parse().unwrap();
    let bytes = create_bytes(&challenge, text(create, "relay"), kind, &nonce);
    assert_eq!(hex(&bytes), text(create, "bytes"));
    for join in vectors["joins"].as_array().unwrap() {
        let (peer, nonce) = end(join);
        let bytes = join_bytes(&room, &peer, &nonce, text(join, "name"));
        assert_eq!(hex(&bytes), text(join, "bytes"), "{join}");
    }
    for signal in vectors["signals"].as_array().unwrap() {
        let (from, to) = (end(&signal["from"]), end(&signal["to"]));
        let seq = signal["seq"].as_u64().unwrap();
        let (name, body) = (text(signal, "name"), text(signal, "body"));
        let (from, to) = ((&from.0, &from.1), (&to.0, &to.1));
        let context = signal_context(&room, from, to, seq);
        assert_eq!(hex(&context), text(signal, "bytes"), "{name}");
        // The host signs the encrypted body as one more part.
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let signed = [&context, &length[..], body.as_bytes()].concat();
        assert_eq!(signed_bytes(&room, from, to, seq, body), signed, "{name}");
    }
}
