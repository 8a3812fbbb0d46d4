//! The small pages that speak the dialects, in frames of one Chromium, and the relays between them: plain ones on
//! Node.js, and Ahoy's own.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    SOON,
    chromium::{Camera, Chromium},
    process::Process,
    programs,
    relay::Relay,
    serve::Files,
};

/// What pages and calls meet at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// A relay on `ws` that passes on what it got.
    Lax,
    /// One that decodes each message into four texts.
    Strict,
    /// `ahoy-relay --lobby`, which speaks as both of the above.
    Ahoy,
    /// A server on `socket.io`.
    SocketIo,
    /// `ahoy-relay --lobby`, spoken to by Socket.IO.
    AhoySocketIo,
}

/// A relay of strangers, running.
pub struct Lobby {
    url: String,
    _running: Running,
}

/// What has to go on.
#[expect(dead_code, reason = "it is held, not looked at")]
enum Running {
    Node(Process),
    Ahoy(Relay),
}

impl Lobby {
    /// Starts one.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start(through: Through) -> Result<Self> {
        let (script, arguments): (_, &[&str]) = match through {
            Through::Lax => ("broadcast.mjs", &[]),
            Through::Strict => ("broadcast.mjs", &["strict"]),
            Through::SocketIo => ("socketio.mjs", &[]),
            Through::Ahoy => return Self::ahoy("ws").await,
            Through::AhoySocketIo => return Self::ahoy("http").await,
        };
        let mut command = Command::new("node");
        command.arg(programs::root().join("tests/relays").join(script));
        command.args(arguments);
        let process = Process::start(script, command)?;
        let url = process
            .line("`listening` line", SOON, |line| {
                line.strip_prefix("listening ").map(str::to_owned)
            })
            .await?;
        Ok(Self {
            url,
            _running: Running::Node(process),
        })
    }

    async fn ahoy(scheme: &str) -> Result<Self> {
        let relay = Relay::start_with(&["--lobby"]).await?;
        let (_, place) = relay.url().split_once("://").context("an address")?;
        Ok(Self {
            url: format!("{scheme}://{place}/"),
            _running: Running::Ahoy(relay),
        })
    }

    /// Its address, as a page or a call is given it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The pages, by their paths.
const PAGES: [(&str, &str); 6] = [
    ("/one-to-one", include_str!("../pages/one-to-one.html")),
    ("/broadcast", include_str!("../pages/broadcast.html")),
    ("/mutual", include_str!("../pages/mutual.html")),
    ("/ready", include_str!("../pages/ready.html")),
    ("/socketio", include_str!("../pages/socketio.html")),
    ("/targeted", include_str!("../pages/targeted.html")),
];
/// Holds the others: each frame is a page of its own.
const FRAMES: &str = "<!doctype html><iframe id=left width=480 height=480></iframe><iframe id=right width=480 height=480></iframe>";

/// Serves the pages alone.
///
/// # Errors
/// No port can be had.
pub async fn pages() -> Result<Files> {
    let files = PAGES.map(|(path, text)| (path, ("text/html", text.into())));
    Files::serve(files.into()).await
}

/// One of the two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The first.
    Left,
    /// The second.
    Right,
}

impl Frame {
    fn id(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// A Chromium with a stamped camera and room for two pages.
pub struct Frames {
    chromium: Chromium,
    files: Files,
}

impl Frames {
    /// Starts it, with both frames empty.
    ///
    /// # Errors
    /// Chromium does not start.
    pub async fn open() -> Result<Self> {
        let mut files: std::collections::HashMap<_, crate::serve::File> = PAGES
            .map(|(path, text)| (path, ("text/html", text.into())))
            .into();
        files.insert("/", ("text/html", FRAMES.into()));
        let client =
            programs::root().join("ui/node_modules/socket.io-client/dist/socket.io.min.js");
        let client = std::fs::read(client).context("the UI's packages are not installed")?;
        files.insert("/socket.io.js", ("text/javascript", client));
        let files = Files::serve(files).await?;
        let chromium = Chromium::start(Camera::Stamped {
            width: 640,
            height: 360,
            fps: 15,
        })
        .await?;
        chromium.page().goto(&files.url("/")).await?;
        Ok(Self { chromium, files })
    }

    /// Opens a page in a frame and waits until it has said its first word to the relay.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn load(&self, frame: Frame, page: &str, query: &[(&str, &str)]) -> Result<()> {
        let mut url = url::Url::parse(&self.files.url(page))?;
        url.query_pairs_mut().extend_pairs(query);
        self.run(
            frame,
            "frame.src = arguments[1]; return true",
            json!(url.as_str()),
        )
        .await?;
        self.until(
            frame,
            "the page is ready",
            "return part()?.body?.dataset.state === 'ready' && part().location.href === arguments[1]",
            json!(url.as_str()),
        )
        .await
    }

    /// Empties both frames.
    ///
    /// # Errors
    /// They are not empty soon.
    pub async fn clear(&self) -> Result<()> {
        for frame in [Frame::Left, Frame::Right] {
            self.run(frame, "frame.src = 'about:blank'; return true", Value::Null)
                .await?;
            let empty = "return part().location.href === 'about:blank'";
            self.until(frame, "an empty frame", empty, Value::Null)
                .await?;
        }
        Ok(())
    }

    /// Presses a button in a frame.
    ///
    /// # Errors
    /// It is not there.
    pub async fn press(&self, frame: Frame, button: &str) -> Result<()> {
        let press = "part(arguments[1]).click(); return true";
        self.run(frame, press, json!(button)).await?;
        Ok(())
    }

    /// Waits until the picture that a page gets carries a stamp that moves on.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn sees(&self, frame: Frame) -> Result<()> {
        let stamp = "return ahoy.stamp(part('remote-video'))";
        let what = format!("a stamp that moves on in the {} frame", frame.id());
        let first = self.value(frame, &what, stamp, Value::Null).await?;
        let later = "const stamp = ahoy.stamp(part('remote-video')); return stamp !== null && stamp > arguments[1]";
        self.until(frame, &what, later, first).await
    }

    /// Waits until a condition holds of a frame. `part(name)` gives one of its parts, or its document.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn until(&self, frame: Frame, what: &str, body: &str, argument: Value) -> Result<()> {
        self.value(frame, what, body, argument).await?;
        Ok(())
    }

    async fn value(&self, frame: Frame, what: &str, body: &str, argument: Value) -> Result<Value> {
        let arguments = vec![json!(frame.id()), argument];
        let found = self
            .chromium
            .page()
            .until(what, &within(body), arguments)
            .await;
        self.chromium.explain(found).await
    }

    async fn run(&self, frame: Frame, body: &str, argument: Value) -> Result<Value> {
        let arguments = vec![json!(frame.id()), argument];
        self.chromium.page().run(&within(body), arguments).await
    }
}

fn within(body: &str) -> String {
    format!(
        "const frame = document.getElementById(arguments[0]);
         const part = (name) => name ? frame.contentDocument.querySelector(`[data-testid=\"${{name}}\"]`) : frame.contentDocument;
         {body}"
    )
}
