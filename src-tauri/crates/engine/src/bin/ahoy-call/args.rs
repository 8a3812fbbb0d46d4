//! The command line.

use std::path::PathBuf;

use ahoy_engine::dialect::Form;
use clap::{Parser, ValueEnum};

/// Calls by a link, or opens a call and prints its link.
#[derive(Debug, Parser)]
#[command(name = "ahoy-call", version, about)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags are what a command line has"
)]
pub(crate) struct Args {
    /// A link (joins that room), or the https address of a relay, on loopback http (opens a room); with another dialect
    /// its ws or wss address (Socket.IO: http or https as well). With - it is one line of standard input: other users can
    /// read arguments, and who has a link can join.
    #[arg(required_unless_present_any = ["devices", "link_file"])]
    pub(crate) url: Option<String>,
    /// Read the link from the first line of this file, or of standard input (-).
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) link_file: Option<PathBuf>,
    /// How to take part.
    #[arg(long = "as", value_enum, default_value_t = Part::Caller)]
    pub(crate) part: Part,
    /// The language of the relay.
    #[arg(long, value_enum, default_value_t = Dialect::Native)]
    pub(crate) dialect: Dialect,
    /// Whom to call or to answer to, with --dialect targeted; --name is how this end is called there.
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,
    /// What is shown: camera[:NAME], screen[:N|:window=TITLE] (monitors are counted from 0), test[:WxH@FPS], file:F.y4m or none. Without this flag the
    /// camera; with --dialect socketio nothing.
    #[arg(long)]
    pub(crate) video: Option<String>,
    /// What is heard: mic[:NAME], system, test, file:F.wav or none. Without this flag the microphone; with --dialect
    /// socketio nothing.
    #[arg(long)]
    pub(crate) audio: Option<String>,
    /// Where sound is played: a speaker's name, or none.
    #[arg(long, value_name = "NAME")]
    pub(crate) speaker: Option<String>,
    /// The video codec: auto, vp8, vp9, h264 or av1.
    #[arg(long, value_enum, default_value_t = Codec::Auto)]
    pub(crate) codec: Codec,
    /// The most that pictures may take, in kbit/s.
    #[arg(long, value_name = "KBIT", default_value_t = 2500, value_parser = clap::value_parser!(u64).range(80..=50_000))]
    pub(crate) bitrate: u64,
    /// The width wished for; a screen keeps its own.
    #[arg(long, value_name = "PIXELS", default_value_t = 1280, value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub(crate) width: u32,
    /// The height wished for; a screen keeps its own.
    #[arg(long, value_name = "PIXELS", default_value_t = 720, value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub(crate) height: u32,
    /// Pictures per second wished for.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) fps: u32,
    /// A server for ICE: URL[,USER,PASSWORD].
    #[arg(long = "ice-server", value_name = "URL[,USER,PASSWORD]")]
    pub(crate) ice_servers: Vec<String>,
    /// Read servers for ICE from this file, or from standard input (-): URL[,USER,PASSWORD] in each line.
    #[arg(long, value_name = "FILE")]
    pub(crate) ice_server_file: Option<PathBuf>,
    /// Media only by TURN: the relay or --ice-server has to name such a server.
    #[arg(long)]
    pub(crate) relay_only: bool,
    /// The name that the others see.
    #[arg(long, default_value = "ahoy-call")]
    pub(crate) name: String,
    /// Hang up after so many seconds.
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// Write the first peer's pictures to this file.
    #[arg(long, value_name = "F.y4m")]
    pub(crate) record: Option<PathBuf>,
    /// Write the first peer's sound to this file.
    #[arg(long, value_name = "F.wav")]
    pub(crate) record_audio: Option<PathBuf>,
    /// Count received pictures without decoding them.
    #[arg(long)]
    pub(crate) no_decode: bool,
    /// Join so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) count: u32,
    /// Measure latency by the stamp in the test picture.
    #[arg(long)]
    pub(crate) probe: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say this to each peer that connects.
    #[arg(long, value_name = "TEXT")]
    pub(crate) chat: Vec<String>,
    /// List cameras, screens, windows, microphones and speakers.
    #[arg(long)]
    pub(crate) devices: bool,
}

/// `--as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Caller,
    Callee,
    Send,
    Receive,
    Broadcaster,
    Viewer,
}

/// `--dialect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    Native,
    Broadcast,
    Ready,
    Socketio,
    Targeted,
}

impl Dialect {
    /// How its messages are written; `None`: as Ahoy's own.
    pub(crate) fn form(self) -> Option<Form> {
        match self {
            Self::Native => None,
            Self::Broadcast => Some(Form::Broadcast),
            Self::Ready => Some(Form::Ready),
            Self::Socketio => Some(Form::SocketIo),
            Self::Targeted => Some(Form::Targeted),
        }
    }
}

/// `--codec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    Auto,
    Vp8,
    Vp9,
    H264,
    Av1,
}
