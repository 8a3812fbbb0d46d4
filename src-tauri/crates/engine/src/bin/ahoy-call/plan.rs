//! What the command line means.

use std::{io::BufRead, path::PathBuf};

use ahoy_contract::{
    ErrorCode, Link, UserError,
    id::Pin,
    link::{LinkError, RelayAddress},
    wire::{IceServer, RoomKind},
};
use ahoy_engine::{
    device::{AudioSpec, SpeakerSpec, SpecError, VideoFormat, VideoSpec},
    dialect::{self, Form},
    engine::Transport,
    frame::{Bitrate, VideoCodec},
    rtc::Direction,
    signaling::Target,
};

use super::{
    args::{Args, Codec, Part},
    private::{self, Given},
};

/// Where a call takes place.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// In the room of a link.
    Join(Link),
    /// In a room of its own on this relay.
    Open {
        address: RelayAddress,
        pin: Option<Pin>,
    },
    /// Among whoever is there, on a relay that speaks a dialect.
    Dialect { relay: Target, plan: dialect::Plan },
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Plan {
    Devices,
    Call(Box<CallPlan>),
}

/// A call, as it was asked for.
#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) place: Place,
    pub(crate) kind: RoomKind,
    pub(crate) only_answers: bool,
    pub(crate) video: VideoSpec,
    pub(crate) audio: AudioSpec,
    pub(crate) speaker: SpeakerSpec,
    pub(crate) format: VideoFormat,
    pub(crate) transport: Transport,
    pub(crate) name: String,
    pub(crate) seconds: Option<u64>,
    pub(crate) record: Option<PathBuf>,
    pub(crate) record_audio: Option<PathBuf>,
    pub(crate) count: u32,
    pub(crate) probe: bool,
    pub(crate) chat: Vec<String>,
}

impl Args {
    /// What the command line means, with what it names standard input for.
    pub(crate) fn plan(self, stdin: &mut dyn BufRead) -> Result<Plan, UserError> {
        if self.devices {
            return Ok(Plan::Devices);
        }
        let Given { url, ice_servers } = private::read(&self, stdin)?;
        let unsupported = |sentence| UserError::new(ErrorCode::Unsupported, sentence, "");
        let place = match self.dialect.form() {
            None => place(&url).map_err(|error| {
                let hint = "Copy the whole link once more, or give the address of a relay.";
                UserError::new(ErrorCode::BadLink, error.to_string(), hint)
            })?,
            Some(form) => {
                let plan = self.dialect_plan(form).map_err(unsupported)?;
                let relay = Target::dialect(&url, form == Form::SocketIo);
                let relay = relay.map_err(|_| {
                    let hint = "It begins with ws:// or wss://; for Socket.IO http:// and https:// do as well.";
                    UserError::new(ErrorCode::BadLink, "This is no address of such a relay.", hint)
                })?;
                if self.relay_only && !ice_servers.iter().any(IceServer::is_usable_turn) {
                    let hint = "Name one with --ice-server, or leave --relay-only away.";
                    let message =
                        "Relays of this dialect name no TURN server, and --relay-only needs one.";
                    return Err(UserError::new(ErrorCode::TurnMissing, message, hint));
                }
                Place::Dialect { relay, plan }
            }
        };
        self.planned(place, ice_servers).map_err(unsupported)
    }

    fn dialect_plan(&self, form: Form) -> Result<dialect::Plan, String> {
        let part = match self.part {
            Part::Caller => dialect::Part::Caller,
            Part::Callee => dialect::Part::Callee,
            Part::Send => dialect::Part::Send,
            Part::Receive => dialect::Part::Receive,
            Part::Broadcaster => dialect::Part::Broadcaster,
            Part::Viewer => dialect::Part::Viewer,
        };
        dialect::Plan::new(form, part, &self.name, self.target.as_deref())
            .map_err(|error| error.to_string())
    }

    fn planned(self, place: Place, ice_servers: Vec<IceServer>) -> Result<Plan, String> {
        let dialect = match &place {
            Place::Dialect { plan, .. } => Some(plan),
            Place::Join(_) | Place::Open { .. } => None,
        };
        if dialect.is_none() && self.target.is_some() {
            return Err("--target is for --dialect targeted only.".into());
        }
        let way = match self.part {
            Part::Caller | Part::Callee => Direction::BOTH,
            Part::Send | Part::Broadcaster => Direction::SEND,
            Part::Receive | Part::Viewer => Direction::RECEIVE,
        };
        // There media is sent where it was asked for by its flag only.
        let asked = dialect.is_some_and(dialect::Plan::is_data_first);
        let within = |flag: &Option<String>| Direction {
            send: way.send && (!asked || flag.as_deref().is_some_and(|what| what != "none")),
            ..way
        };
        let (video_way, audio_way) = (within(&self.video), within(&self.audio));
        let codecs = match self.codec {
            Codec::Auto => vec![VideoCodec::Vp9, VideoCodec::Vp8],
            Codec::Vp8 => vec![VideoCodec::Vp8],
            Codec::Vp9 => vec![VideoCodec::Vp9],
            Codec::H264 | Codec::Av1 => {
                return Err("--codec h264 and --codec av1 are not built yet.".into());
            }
        };
        match (&place, self.part) {
            (Place::Join(_), Part::Broadcaster) => {
                return Err("A broadcaster opens a room: give the address of a relay.".into());
            }
            (Place::Open { .. }, Part::Viewer) => {
                return Err("A viewer joins a broadcast: give its link.".into());
            }
            _ => {}
        }
        if self.count > 1 && matches!(place, Place::Open { .. }) {
            return Err("--count joins the room of a link; this is the address of a relay.".into());
        }
        if self.count > 1 && self.probe {
            return Err(
                "--probe measures what one connection receives: leave --count away.".into(),
            );
        }
        let video = self.video.as_deref().unwrap_or("camera");
        let audio = self.audio.as_deref().unwrap_or("mic");
        let video: VideoSpec = video
            .parse()
            .map_err(|error: SpecError| format!("--video {error}"))?;
        let audio: AudioSpec = audio
            .parse()
            .map_err(|error: SpecError| format!("--audio {error}"))?;
        let transport = Transport {
            ice_servers,
            relay_only: self.relay_only,
            codecs,
            max_bitrate: Bitrate::kbps(self.bitrate),
            video: video_way,
            audio: audio_way,
            decode: !self.no_decode,
            ..Transport::default()
        };
        Ok(Plan::Call(Box::new(CallPlan {
            place,
            kind: match self.part {
                Part::Broadcaster | Part::Viewer => RoomKind::Broadcast,
                _ => RoomKind::Call,
            },
            only_answers: self.part == Part::Callee,
            // What is not sent is not captured.
            video: if video_way.send {
                video
            } else {
                VideoSpec::None
            },
            audio: if audio_way.send {
                audio
            } else {
                AudioSpec::None
            },
            speaker: match self.speaker.as_deref() {
                _ if !audio_way.receive => SpeakerSpec::None,
                None => SpeakerSpec::Speaker(None),
                Some(name) => match name.parse() {
                    Ok(speaker) => speaker,
                    Err(never) => match never {},
                },
            },
            format: VideoFormat {
                width: self.width,
                height: self.height,
                fps: self.fps,
            },
            transport,
            name: self.name,
            seconds: self.seconds,
            record: self.record,
            record_audio: self.record_audio,
            count: self.count,
            probe: self.probe,
            chat: self.chat,
        })))
    }
}

fn place(url: &str) -> Result<Place, LinkError> {
    // The address of a relay may carry the PIN of its key behind #, as its links do behind their secret.
    let (bare, pin) = match url.split_once('#') {
        Some((bare, pin)) => (bare, pin.parse().ok()),
        None => (url, None),
    };
    match (RelayAddress::parse(bare), url.parse()) {
        (_, Ok(link)) => Ok(Place::Join(link)),
        (Ok(address), _) if pin.is_some() || !url.contains('#') => Ok(Place::Open { address, pin }),
        (_, Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn plan(line: &str) -> Result<Plan, UserError> {
        Args::try_parse_from(line.split_whitespace())
            .unwrap()
            .plan(&mut std::io::empty())
    }

    #[test]
    fn what_is_not_built_is_refused_in_words() {
        for flag in ["--codec h264", "--codec av1"] {
            let error = plan(&format!("ahoy-call http://127.0.0.1:1 {flag}")).unwrap_err();
            assert!(error.message.contains("not built yet"), "{flag}: {error}");
        }
    }

    #[test]
    fn a_relay_opens_and_a_link_joins() {
        let link = format!(
            "http://127.0.0.1:3002/r/{}#AAECAwQFBgcICQoLDA0ODw",
            "a".repeat(26)
        );
        let place = |url: &str| match plan(&format!("ahoy-call {url}")) {
            Ok(Plan::Call(plan)) => Ok(plan.place),
            Ok(Plan::Devices) => panic!(),
            Err(error) => Err(error),
        };
        assert!(matches!(place(&link), Ok(Place::Join(_))));
        assert!(matches!(
            place("http://127.0.0.1:3002"),
            Ok(Place::Open { pin: None, .. })
        ));
        let pin = Pin::new([1; 32]).to_text();
        assert!(matches!(
            place(&format!("https://relay.example#{pin}")),
            Ok(Place::Open { pin: Some(_), .. })
        ));
        assert!(
            place(&link[..link.len() - 5])
                .unwrap_err()
                .message
                .contains("cut off")
        );
        assert!(place("https://relay.example#rubbish").is_err());
    }

    #[test]
    fn several_at_once_join_a_link_and_are_not_measured() {
        let link = format!(
            "http://127.0.0.1:3002/r/{}#AAECAwQFBgcICQoLDA0ODw",
            "a".repeat(26)
        );
        assert_eq!(call(&format!("ahoy-call {link} --count 3")).count, 3);
        for line in [
            format!("{link} --count 3 --probe"),
            "http://127.0.0.1:3002 --count 3".to_owned(),
        ] {
            let error = plan(&format!("ahoy-call {line}")).unwrap_err();
            assert!(error.message.contains("--count"), "{line}: {error}");
        }
    }

    fn call(line: &str) -> CallPlan {
        match plan(line) {
            Ok(Plan::Call(plan)) => *plan,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_dialect_takes_its_relays_address_as_it_stands() {
        for line in [
            "ws://192.0.2.1:3002/ --dialect broadcast --as viewer",
            "wss://relay.example/a?b --dialect ready --as callee",
            "http://192.0.2.1:5001 --dialect socketio",
            "ws://127.0.0.1:1/ --dialect targeted --target bob",
            "ws://127.0.0.1:1/ --dialect targeted --as callee",
        ] {
            let plan = call(&format!("ahoy-call {line}"));
            assert!(matches!(plan.place, Place::Dialect { .. }), "{line}");
        }
        assert_eq!(
            call("ahoy-call ws://127.0.0.1:1 --dialect broadcast --as broadcaster --video test")
                .transport
                .video,
            Direction::SEND
        );
    }

    #[test]
    fn what_a_dialect_does_not_have_is_refused_in_words() {
        for (line, word) in [
            (
                "ws://127.0.0.1:1 --dialect ready --as broadcaster",
                "broadcast only",
            ),
            (
                "ws://127.0.0.1:1 --dialect socketio --as viewer",
                "broadcast only",
            ),
            ("ws://127.0.0.1:1 --dialect targeted", "--target"),
            (
                "ws://127.0.0.1:1 --dialect broadcast --target bob",
                "targeted only",
            ),
            ("http://127.0.0.1:1 --target bob", "targeted only"),
            ("http://127.0.0.1:1 --dialect broadcast", "no address"),
            ("ws://127.0.0.1:1", "not an Ahoy link"),
        ] {
            let error = plan(&format!("ahoy-call {line}")).unwrap_err();
            assert!(error.message.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn by_turn_only_a_dialect_needs_a_turn_server_of_its_users() {
        let line = "ahoy-call ws://127.0.0.1:1 --dialect ready --relay-only";
        for more in [
            "",
            " --ice-server stun:127.0.0.1",
            " --ice-server turn:127.0.0.1",
        ] {
            let error = plan(&format!("{line}{more}")).unwrap_err();
            assert_eq!(error.code, ErrorCode::TurnMissing, "{more}");
        }
        let named = call(&format!("{line} --ice-server turn:127.0.0.1,ada,word"));
        assert!(named.transport.relay_only);
        // A relay of Ahoy's own may name one.
        assert!(
            call("ahoy-call http://127.0.0.1:1 --relay-only")
                .transport
                .relay_only
        );
    }

    #[test]
    fn over_socket_io_media_is_sent_where_it_is_asked_for() {
        let plan = call("ahoy-call http://127.0.0.1:1 --dialect socketio");
        assert_eq!((plan.video, plan.audio), (VideoSpec::None, AudioSpec::None));
        assert_eq!(plan.transport.video, Direction::RECEIVE);
        let plan = call("ahoy-call http://127.0.0.1:1 --dialect socketio --video test");
        assert_eq!(plan.transport.video, Direction::BOTH);
        assert_eq!(plan.transport.audio, Direction::RECEIVE);
    }

    #[test]
    fn what_is_not_sent_is_not_captured() {
        let Ok(Plan::Call(plan)) = plan("ahoy-call http://127.0.0.1:1 --as receive") else {
            panic!()
        };
        assert_eq!((plan.video, plan.audio), (VideoSpec::None, AudioSpec::None));
    }
}
