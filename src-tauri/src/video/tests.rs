//! The sockets as a web view uses them, and as others try to.

use std::time::{Duration, Instant};

use ahoy_contract::video::HEADER_BYTES;
use ahoy_engine::frame::{Color, I420Buffer, VideoFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use super::*;

type Client = WebSocketStream<TcpStream>;

/// Long enough for whatever shall happen, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

struct Running {
    endpoint: VideoEndpoint,
    tracks: watch::Sender<Tracks>,
    pictures: watch::Sender<Option<VideoFrame>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let server = VideoServer::bind(false).await.unwrap();
        let endpoint = server.endpoint();
        let (pictures, own) = watch::channel(None);
        let (tracks, receiver) = watch::channel(Tracks {
            own: Some(own),
            ..Tracks::default()
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.run(receiver, stop.clone()));
        Self {
            endpoint,
            tracks,
            pictures,
            stop,
            task,
        }
    }

    async fn connect(&self, origin: &str) -> Result<Client, Error> {
        let mut request = self.endpoint.url.as_str().into_client_request().unwrap();
        request
            .headers_mut()
            .insert(header::ORIGIN, origin.parse().unwrap());
        let address = request.uri().authority().unwrap().to_string();
        let stream = TcpStream::connect(address).await?;
        client_async(request, stream)
            .await
            .map(|(client, _)| client)
    }

    async fn watch(&self, track: &str, width: u32, height: u32) -> Client {
        let mut client = self.connect("tauri://localhost").await.unwrap();
        let token = &self.endpoint.token;
        say(
            &mut client,
            &format!(
                r#"{{"token":"{token}","track":"{track}","width":{width},"height":{height}}}"#
            ),
        )
        .await;
        client
    }

    fn show(&self, luma: u8) {
        self.pictures.send_replace(Some(picture(luma)));
    }
}

#[expect(clippy::disallowed_methods, reason = "a frame wants a time, whichever")]
fn picture(luma: u8) -> VideoFrame {
    let mut buffer = I420Buffer::new(64, 32);
    buffer.planes_mut()[0].fill(luma);
    VideoFrame::new(buffer, Color::default(), Instant::now())
}

async fn say(client: &mut Client, text: &str) {
    client.send(Message::text(text)).await.unwrap();
}

/// Width, height, number and luma of the next picture; `None`: the socket was closed.
async fn next(client: &mut Client) -> Option<(u32, u32, u32, u8)> {
    loop {
        match timeout(SOON, client.next()).await.expect("something comes") {
            Some(Ok(Message::Binary(bytes))) => {
                let at = |n: usize| u32::from_le_bytes(bytes[n..n + 4].try_into().unwrap());
                return Some((at(4), at(8), at(24), bytes[HEADER_BYTES]));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

#[tokio::test]
async fn pictures_come_scaled_to_the_tile_and_as_fast_as_they_are_drawn() {
    let running = Running::start().await;
    running.show(50);
    let mut client = running.watch("self", 32, 1000).await;
    assert_eq!(next(&mut client).await, Some((32, 16, 0, 50)));
    running.show(60);
    assert_eq!(next(&mut client).await, Some((32, 16, 1, 60)));
    // Both credits are used up: of all that comes now only the newest is seen, once one was drawn.
    for luma in 70..80 {
        running.show(luma);
    }
    say(&mut client, r#"{"ack":1}"#).await;
    assert_eq!(next(&mut client).await, Some((32, 16, 2, 79)));
    // A picture that stands still is sent again when its tile grows.
    say(&mut client, r#"{"ack":2}"#).await;
    say(&mut client, r#"{"width":640,"height":640}"#).await;
    assert_eq!(next(&mut client).await, Some((64, 32, 3, 79)));
    running.stop.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_track_may_come_later_go_and_come_back() {
    let running = Running::start().await;
    let peer: ahoy_contract::PeerId = "abcdefghij234567".parse().unwrap();
    let mut client = running.watch(peer.as_str(), 64, 64).await;
    for luma in [10, 20] {
        let (sender, pictures) = watch::channel(Some(picture(luma)));
        running.tracks.send_modify(|tracks| {
            tracks.peers.insert(peer.clone(), pictures);
        });
        assert_eq!(next(&mut client).await.map(|seen| seen.3), Some(luma));
        say(&mut client, r#"{"ack":1}"#).await;
        drop(sender);
        running.tracks.send_modify(|tracks| {
            tracks.peers.clear();
        });
    }
}

#[tokio::test]
async fn a_hidden_tile_gets_nothing_until_it_is_shown() {
    let running = Running::start().await;
    running.show(1);
    let mut client = running.watch("self", 0, 0).await;
    say(&mut client, r#"{"width":64,"height":64}"#).await;
    assert_eq!(next(&mut client).await, Some((64, 32, 0, 1)));
}

#[tokio::test]
async fn others_get_no_socket_and_no_picture() {
    let running = Running::start().await;
    running.show(1);
    let refused = running.connect("https://evil.example").await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 403));
    for first in [
        r#"{"token":"AAAAAAAAAAAAAAAAAAAAAA","track":"self","width":1,"height":1}"#,
        r#"{"ack":1}"#,
        "",
        "nonsense",
    ] {
        let mut client = running.connect("tauri://localhost").await.unwrap();
        say(&mut client, first).await;
        assert_eq!(next(&mut client).await, None, "{first}");
    }
    // The window's own socket is none the worse for it.
    let mut client = running.watch("self", 64, 64).await;
    assert_eq!(next(&mut client).await, Some((64, 32, 0, 1)));
    say(&mut client, &"x".repeat(MAX_MESSAGE + 1)).await;
    while next(&mut client).await.is_some() {}
}

#[tokio::test]
async fn there_is_an_end_to_the_number_of_sockets() {
    let running = Running::start().await;
    running.show(1);
    let mut clients = Vec::new();
    for _ in 0..MAX_SOCKETS {
        let mut client = running.watch("self", 64, 64).await;
        assert!(next(&mut client).await.is_some());
        clients.push(client);
    }
    assert!(running.connect("tauri://localhost").await.is_err());
    drop(clients.pop());
    // The place is free once the server has seen the end of the last one.
    let again = async {
        while running.connect("tauri://localhost").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.expect("a place becomes free");
}
