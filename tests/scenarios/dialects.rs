//! The small pages that are in the field, and `ahoy-call` in the place of either: each shape with both ends in every
//! combination, through plain relays.

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    dialect::{Frame, Frames, Lobby, Through},
    need::{Part, lacks},
    relay::Relay,
};
use anyhow::Result;
use serde_json::{Value, json};

use crate::guest::{picture_is_fresh, sound_is_heard};

/// The relays that form B, R and T go through. One that is added here is tested with every shape.
const RELAYS: [Through; 3] = [Through::Lax, Through::Strict, Through::Ahoy];
/// The relays that the others go through.
const PLAIN: [Through; 2] = [Through::Lax, Through::Ahoy];
/// The servers of Socket.IO.
const SOCKET_IO: [Through; 2] = [Through::SocketIo, Through::AhoySocketIo];
/// As many pictures as show that they go on.
const PICTURES: u64 = 10;

/// How one end of a shape is played.
#[derive(Clone, Copy)]
struct Role {
    /// The page and what it is asked for.
    page: (&'static str, &'static [(&'static str, &'static str)]),
    /// The flags of `ahoy-call`.
    flags: &'static [&'static str],
    /// Whether a picture comes to it.
    sees: bool,
}

/// An end, as it was started.
enum End {
    Page(Frame),
    Call(Box<AhoyCall>),
}

impl Role {
    /// Starts this end and waits until it is with the relay.
    async fn start(&self, frames: &Frames, lobby: &Lobby, page: Option<Frame>) -> Result<End> {
        match page {
            Some(frame) => {
                let mut query = self.page.1.to_vec();
                query.push(("relay", lobby.url()));
                frames.load(frame, self.page.0, &query).await?;
                Ok(End::Page(frame))
            }
            None => {
                let mut flags = vec!["--probe"];
                flags.extend(self.flags);
                let call = AhoyCall::start(lobby.url(), &flags)?;
                call.event("ready").await?;
                Ok(End::Call(Box::new(call)))
            }
        }
    }

    /// Waits until this end sees what it is to see.
    async fn is_served(&self, frames: &Frames, end: &End) -> Result<()> {
        match end {
            _ if !self.sees => Ok(()),
            End::Page(frame) => frames.sees(*frame).await,
            End::Call(call) => sees(call).await,
        }
    }
}

/// Waits for pictures of now from any peer, and for sound.
async fn sees(call: &AhoyCall) -> Result<()> {
    let of_now = |peer: &Value| {
        let frames = peer["receive"]["video"]["frames_decoded"].as_u64();
        picture_is_fresh(peer) && frames >= Some(PICTURES) && sound_is_heard(peer)
    };
    call.event_after(call.mark(), "picture and sound of now", SOON, |event| {
        let peers = event["peers"].as_array();
        event["event"] == "stats" && peers.is_some_and(|peers| peers.iter().any(of_now))
    })
    .await?;
    Ok(())
}

/// Plays a shape with pages and calls at both ends. The first end is there before the second comes.
async fn in_every_combination(relays: &[Through], first: Role, second: Role) -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let frames = Frames::open().await?;
    for through in relays {
        for (one, other) in [(true, true), (false, true), (true, false), (false, false)] {
            let name = |page| if page { "page" } else { "ahoy" };
            let what = format!("{}-{} through {through:?}", name(one), name(other));
            println!("{what}");
            let played = async {
                let lobby = Lobby::start(*through).await?;
                let one = first
                    .start(&frames, &lobby, one.then_some(Frame::Left))
                    .await?;
                let other = second
                    .start(&frames, &lobby, other.then_some(Frame::Right))
                    .await?;
                first.is_served(&frames, &one).await?;
                second.is_served(&frames, &other).await?;
                for end in [one, other] {
                    if let End::Call(mut call) = end {
                        call.process().interrupt()?;
                        let code = call.exit().await?;
                        anyhow::ensure!(
                            code == 0,
                            call.process().fault(&format!("ended with {code}"))
                        );
                    }
                }
                frames.clear().await
            };
            played
                .await
                .map_err(|error: anyhow::Error| error.context(what))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn one_sends_and_one_receives() -> Result<()> {
    let receiver = Role {
        page: ("/one-to-one", &[("role", "receive")]),
        flags: &["--dialect", "broadcast", "--as", "receive"],
        sees: true,
    };
    let sender = Role {
        page: ("/one-to-one", &[("role", "send")]),
        flags: &["--dialect", "broadcast", "--as", "send"],
        sees: false,
    };
    in_every_combination(&RELAYS, receiver, sender).await
}

#[tokio::test]
async fn one_shows_and_another_watches() -> Result<()> {
    let broadcaster = Role {
        page: ("/broadcast", &[("role", "broadcaster")]),
        flags: &["--dialect", "broadcast", "--as", "broadcaster"],
        sees: false,
    };
    let viewer = Role {
        page: ("/broadcast", &[("role", "viewer")]),
        flags: &["--dialect", "broadcast", "--as", "viewer"],
        sees: true,
    };
    in_every_combination(&RELAYS, broadcaster, viewer).await
}

#[tokio::test]
async fn whoever_is_ready_is_called() -> Result<()> {
    let flat = Role {
        page: ("/ready", &[]),
        flags: &["--dialect", "ready"],
        sees: true,
    };
    in_every_combination(&PLAIN, flat, flat).await
}

#[tokio::test]
async fn whoever_is_ready_is_called_in_the_nested_variant() -> Result<()> {
    let nested = |flags| Role {
        page: ("/ready", &[("nested", "")]),
        flags,
        sees: true,
    };
    let caller = nested(&["--dialect", "ready"]);
    let callee = nested(&["--dialect", "ready", "--as", "callee"]);
    in_every_combination(&PLAIN, callee, caller).await
}

#[tokio::test]
async fn an_offer_finds_its_target() -> Result<()> {
    let callee = Role {
        page: ("/targeted", &[("name", "bob")]),
        flags: &["--dialect", "targeted", "--as", "callee", "--name", "bob"],
        sees: true,
    };
    let caller = Role {
        page: ("/targeted", &[("name", "ada"), ("target", "bob")]),
        flags: &["--dialect", "targeted", "--name", "ada", "--target", "bob"],
        sees: true,
    };
    in_every_combination(&PLAIN, callee, caller).await
}

#[tokio::test]
async fn over_socket_io_media_comes_where_it_is_asked_for() -> Result<()> {
    let answers = Role {
        page: ("/socketio", &[]),
        flags: &["--dialect", "socketio", "--as", "receive"],
        sees: true,
    };
    let offers = Role {
        page: ("/socketio", &[("offer", ""), ("media", ""), ("again", "")]),
        flags: &["--dialect", "socketio", "--as", "send"],
        sees: false,
    };
    in_every_combination(&SOCKET_IO, answers, offers).await
}

/// Presses the page's button, if the end is one.
async fn calls(frames: &Frames, end: &End) -> Result<()> {
    match end {
        End::Page(frame) => frames.press(*frame, "call").await,
        End::Call(_) => Ok(()),
    }
}

#[tokio::test]
async fn both_may_call_and_see_each_other() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let role = Role {
        page: ("/mutual", &[]),
        flags: &["--dialect", "broadcast"],
        sees: true,
    };
    let frames = Frames::open().await?;
    for through in RELAYS {
        for (one, other) in [(true, true), (false, true), (true, false), (false, false)] {
            println!("{one} {other} {through:?}");
            let lobby = Lobby::start(through).await?;
            let one = role
                .start(&frames, &lobby, one.then_some(Frame::Left))
                .await?;
            let other = role
                .start(&frames, &lobby, other.then_some(Frame::Right))
                .await?;
            // A page calls when its user says so; both at once.
            calls(&frames, &one).await?;
            calls(&frames, &other).await?;
            role.is_served(&frames, &one).await?;
            role.is_served(&frames, &other).await?;
            for end in [one, other] {
                if let End::Call(mut call) = end {
                    call.hang_up().await?;
                }
            }
            frames.clear().await?;
        }
    }
    Ok(())
}

/// What is written at one end stands at the other.
pub(crate) async fn lines_arrive(page: &Frames, frame: Frame, line: &str) -> Result<()> {
    let has =
        "return [...part('lines').children].some((line) => line.textContent === arguments[1])";
    page.until(frame, line, has, json!(line)).await
}

pub(crate) async fn write(frames: &Frames, frame: Frame, line: &str) -> Result<()> {
    let open = "return part().body.dataset.channel === 'channel'";
    frames
        .until(frame, "an open channel", open, Value::Null)
        .await?;
    let put = "part('line').value = arguments[1]; return true";
    frames.until(frame, "a line", put, json!(line)).await?;
    frames.press(frame, "send").await
}

#[tokio::test]
async fn over_socket_io_lines_go_both_ways() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let frames = Frames::open().await?;
    const DATA: [&str; 6] = [
        "--dialect",
        "socketio",
        "--video",
        "none",
        "--audio",
        "none",
    ];
    let call = |lobby: &Lobby, part: &'static str, line: &'static str| {
        let mut flags = DATA.to_vec();
        flags.extend(["--as", part, "--chat", line]);
        AhoyCall::start(lobby.url(), &flags)
    };
    let heard = async |call: &AhoyCall, line: &str| {
        call.event_where(line, SOON, |event| {
            event["event"] == "chat" && event["text"] == line
        })
        .await
    };
    for through in SOCKET_IO {
        // Page and page.
        let lobby = Lobby::start(through).await?;
        let answers = [("relay", lobby.url())];
        let offers = [("relay", lobby.url()), ("offer", ""), ("again", "")];
        // One that tells its candidates never.
        let offers_once = [("relay", lobby.url()), ("offer", "")];
        frames.load(Frame::Left, "/socketio", &answers).await?;
        frames.load(Frame::Right, "/socketio", &offers).await?;
        write(&frames, Frame::Left, "from the left").await?;
        lines_arrive(&frames, Frame::Right, "from the left").await?;
        frames.clear().await?;
        // Ahoy answers a page.
        let mut ahoy = call(&lobby, "callee", "from ahoy")?;
        ahoy.event("ready").await?;
        frames.load(Frame::Right, "/socketio", &offers_once).await?;
        write(&frames, Frame::Right, "from the page").await?;
        heard(&ahoy, "from the page").await?;
        lines_arrive(&frames, Frame::Right, "from ahoy").await?;
        ahoy.hang_up().await?;
        frames.clear().await?;
        // A page answers Ahoy.
        frames.load(Frame::Left, "/socketio", &answers).await?;
        let mut ahoy = call(&lobby, "caller", "from ahoy")?;
        write(&frames, Frame::Left, "from the page").await?;
        heard(&ahoy, "from the page").await?;
        lines_arrive(&frames, Frame::Left, "from ahoy").await?;
        ahoy.hang_up().await?;
        frames.clear().await?;
        // Ahoy and Ahoy.
        let one = call(&lobby, "callee", "one")?;
        one.event("ready").await?;
        let other = call(&lobby, "caller", "other")?;
        heard(&one, "other").await?;
        heard(&other, "one").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bye_goes_both_ways() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let frames = Frames::open().await?;
    let lobby = Lobby::start(Through::Lax).await?;
    let query = [("relay", lobby.url())];
    let start = async || {
        let call = AhoyCall::start(lobby.url(), &["--dialect", "ready"])?;
        call.event("ready").await?;
        frames.load(Frame::Left, "/ready", &query).await?;
        call.event("first_frame").await?;
        frames.sees(Frame::Left).await?;
        anyhow::Ok(call)
    };
    let mut call = start().await?;
    // The page hangs up.
    frames.press(Frame::Left, "hang-up").await?;
    let left = call.event("peer_left").await?;
    assert_eq!(left["reason"], "hang_up");
    assert_eq!(call.event("ended").await?["reason"], "by_them");
    assert_eq!(call.exit().await?, 0);
    frames.clear().await?;
    // Ahoy is asked to end.
    let mut call = start().await?;
    call.hang_up().await?;
    let over = "return part().body.dataset.state === 'over'";
    frames
        .until(Frame::Left, "the page's end of the call", over, Value::Null)
        .await
}

#[tokio::test]
async fn a_third_that_offers_is_refused_with_a_line_in_the_log() -> Result<()> {
    let lobby = Lobby::start(Through::Lax).await?;
    let one = AhoyCall::start(lobby.url(), &["--dialect", "broadcast", "--as", "receive"])?;
    one.event("ready").await?;
    let _sender = AhoyCall::start(lobby.url(), &["--dialect", "broadcast", "--as", "send"])?;
    one.event("first_frame").await?;
    let _third = AhoyCall::start(lobby.url(), &["--dialect", "broadcast", "--as", "send"])?;
    one.process()
        .logged("the refusal", SOON, |line| {
            line.contains("an offer while in a call is refused")
                .then_some(())
        })
        .await?;
    sees_counted(&one).await?;
    assert!(!one.has("peer_left"));
    Ok(())
}

async fn sees_counted(call: &AhoyCall) -> Result<()> {
    call.peer_stats("pictures that go on", |peer| {
        peer["receive"]["video"]["fps"].as_f64() > Some(1.0)
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_broadcaster_knows_its_viewers_by_their_ids_and_forgets_who_is_gone() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let frames = Frames::open().await?;
    let lobby = Lobby::start(Through::Lax).await?;
    let mut shows = AhoyCall::start(
        lobby.url(),
        &["--dialect", "broadcast", "--as", "broadcaster"],
    )?;
    shows.event("ready").await?;
    let query = |id| [("role", "viewer"), ("id", id), ("relay", lobby.url())];
    frames
        .load(Frame::Left, "/broadcast", &query("viewer one"))
        .await?;
    frames
        .load(Frame::Right, "/broadcast", &query("viewer two"))
        .await?;
    let third = AhoyCall::start(
        lobby.url(),
        &["--dialect", "broadcast", "--as", "viewer", "--probe"],
    )?;
    frames.sees(Frame::Left).await?;
    frames.sees(Frame::Right).await?;
    sees(&third).await?;
    for id in ["viewer one", "viewer two"] {
        let of = |event: &Value, kind| event["event"] == kind && event["peer"] == id;
        shows
            .event_where("joined", SOON, |event| of(event, "peer_joined"))
            .await?;
        shows
            .event_where("connected", SOON, |event| of(event, "connected"))
            .await?;
    }
    // Both pages are closed without a word.
    frames.clear().await?;
    for id in ["viewer one", "viewer two"] {
        shows
            .event_where("left", SOON, |event| {
                event["event"] == "peer_left" && event["peer"] == id
            })
            .await?;
    }
    sees(&third).await?;
    shows
        .event_after(shows.mark(), "one viewer", SOON, |event| {
            event["event"] == "stats" && event["peers"].as_array().map(Vec::len) == Some(1)
        })
        .await?;
    shows.hang_up().await
}

#[tokio::test]
async fn a_relay_with_a_certificate_of_its_own_is_trusted_by_its_pin_only() -> Result<()> {
    let relay = Relay::start_with(&["--lobby", "--tls", "self-signed"]).await?;
    let pin = relay
        .process()
        .logged("pin", SOON, |line| {
            let (_, rest) = line.split_once("pin=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .await?;
    let url = relay.url().replacen("https", "wss", 1);
    let mut stranger = AhoyCall::start(&url, &["--dialect", "ready"])?;
    assert_eq!(stranger.exit().await?, 5);
    assert_eq!(stranger.errors(), ["relay_not_trusted"]);
    let url = format!("{url}/#{pin}");
    let one = AhoyCall::start(&url, &["--dialect", "ready"])?;
    one.event("ready").await?;
    let other = AhoyCall::start(&url, &["--dialect", "ready"])?;
    for end in [&one, &other] {
        sees_counted(end).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_that_is_not_there_or_speaks_something_else_is_told_in_words() -> Result<()> {
    // Nobody listens there: the port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    for dialect in ["broadcast", "ready", "socketio"] {
        let mut call =
            AhoyCall::start(&format!("ws://127.0.0.1:{port}/"), &["--dialect", dialect])?;
        assert_eq!(call.exit().await?, 4, "{dialect}");
        assert_eq!(call.errors(), ["relay_unreachable"], "{dialect}");
    }
    // A relay of another kind.
    let lobby = Lobby::start(Through::SocketIo).await?;
    let plain = lobby.url().replace("http", "ws");
    let mut call = AhoyCall::start(&plain, &["--dialect", "broadcast"])?;
    assert_eq!(call.exit().await?, 4);
    let mut call = AhoyCall::start(lobby.url(), &["--dialect", "ready", "--as", "viewer"])?;
    assert_eq!(call.exit().await?, 2);
    Ok(())
}
