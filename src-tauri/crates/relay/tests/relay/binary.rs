//! `ahoy-relay` as a program: what it prints, and how it ends.

use std::{process::Stdio, time::Duration};

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage},
};
use http::header;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::{Client, PATIENCE};

pub(crate) fn relay(flags: &[&str]) -> Child {
    start(flags, Stdio::null())
}

pub(crate) fn start(flags: &[&str], input: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ahoy-relay"))
        .args(flags)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Its first line.
pub(crate) async fn ready(relay: &mut Child) -> String {
    let mut lines = BufReader::new(relay.stdout.as_mut().unwrap()).lines();
    timeout(PATIENCE, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

pub(crate) async fn signal(relay: &Child, name: &str) {
    let id = relay.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .await
            .unwrap()
            .success()
    );
}

/// Its exit code, and what it wrote for people.
pub(crate) async fn ended(mut relay: Child) -> (Option<i32>, String) {
    let mut errors = String::new();
    let mut stderr = relay.stderr.take().unwrap();
    let read = timeout(PATIENCE, stderr.read_to_string(&mut errors));
    let (status, read) = tokio::join!(timeout(PATIENCE, relay.wait()), read);
    read.unwrap().unwrap();
    (status.unwrap().unwrap().code(), errors)
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_when_told() {
    for name in ["INT", "TERM"] {
        let mut relay = relay(&["--listen", "127.0.0.1:0"]);
        let line = ready(&mut relay).await;
        let address = line.strip_prefix("listening http://").unwrap().to_owned();
        let stream = TcpStream::connect(&address).await.unwrap();
        let mut client = Client::open(stream, &format!("ws://{address}/ws"), None)
            .await
            .unwrap();
        client.hello().await;
        signal(&relay, name).await;
        assert_eq!(client.closed().await, Some(CloseCode::Away));
        assert_eq!(client.closed().await, None);
        assert_eq!(ended(relay).await.0, Some(0), "{name}");
    }
}

#[tokio::test]
async fn it_says_https_where_it_has_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("kept");
    let mut relay = relay(&[
        "--listen",
        "127.0.0.1:0",
        "--tls",
        "self-signed",
        "--data-dir",
        folder.to_str().unwrap(),
    ]);
    assert!(
        ready(&mut relay)
            .await
            .starts_with("listening https://127.0.0.1:")
    );
    assert!(folder.join("relay-key.pem").is_file());
    signal(&relay, "TERM").await;
    assert_eq!(ended(relay).await.0, Some(0));
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, errors) = ended(relay(&["--listen", &address])).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains(&address) && errors.contains("in use by another program"),
        "{errors}"
    );
    assert!(!errors.contains("panicked"));
}

#[tokio::test]
async fn what_it_cannot_do_is_a_sentence() {
    for (flags, expected, part) in [
        (
            &["--tls", "acme", "--domain", "x"][..],
            2,
            "--tls acme is not built yet",
        ),
        (&["--turn", "0.0.0.0:3478"], 2, "--turn is not built yet"),
        (&["--nats", "nats://x"], 2, "--nats is not built yet"),
        (&["--no-such-flag"], 2, "--no-such-flag"),
        (&["--listen", "nowhere"], 1, "cannot listen on nowhere"),
        (&["--trusted-proxy", "x"], 2, "ADDRESS/BITS"),
        (&["--max-sockets-per-address", "0"], 2, "at least 1"),
        (
            &["--ice-server-file", "/does/not/exist"],
            2,
            "cannot be read",
        ),
        (
            &[
                "--cert",
                "/does/not/exist",
                "--key",
                "/does/not/exist",
                "--listen",
                "127.0.0.1:0",
            ],
            1,
            "cannot be read",
        ),
    ] {
        let (code, errors) = ended(relay(flags)).await;
        assert_eq!(code, Some(expected), "{flags:?}: {errors}");
        assert!(errors.contains(part), "{flags:?}: {errors}");
    }
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let mut relay = relay(&[
        "--listen",
        "127.0.0.1:0",
        "--log",
        "trace",
        "--ice-server",
        "turn:turn.example.org,user,turn-password",
    ]);
    let line = ready(&mut relay).await;
    let address = line.strip_prefix("listening http://").unwrap().to_owned();
    let url = format!("ws://{address}/ws");
    let mut host = Client::open(TcpStream::connect(&address).await.unwrap(), &url, None)
        .await
        .unwrap();
    host.send(&crate::client::hello()).await;
    let RelayMessage::Welcome {
        peer,
        challenge,
        resume,
        ..
    } = host.next().await
    else {
        panic!("no welcome");
    };
    (host.peer, host.challenge) = (peer, challenge);
    let room = host.create(1).await;
    let mut guest = Client::open(TcpStream::connect(&address).await.unwrap(), &url, None)
        .await
        .unwrap();
    guest.hello().await;
    guest.join(&room).await;
    guest
        .signal(&host.peer.clone(), "the-body-of-a-signal")
        .await;
    host.roster().await;
    host.next().await;
    // What is refused may be logged, but not what it said.
    guest.text(r#"{"type":"the-text-of-rubbish"}"#).await;
    assert_eq!(guest.error().await, ErrorCode::BadMessage);
    guest.send(&ClientMessage::Leave).await;
    signal(&relay, "TERM").await;
    let (code, errors) = timeout(Duration::from_secs(30), ended(relay))
        .await
        .unwrap();
    assert_eq!(code, Some(0));
    for secret in [
        &resume,
        "turn-password",
        "the-body-of-a-signal",
        "the-text-of-rubbish",
        "guest",
    ] {
        assert!(!errors.contains(secret), "{secret} in {errors}");
    }
}

/// The servers that a relay hands on in its `welcome`.
async fn servers(mut relay: Child) -> Vec<ahoy_contract::wire::IceServer> {
    let line = ready(&mut relay).await;
    let address = line.strip_prefix("listening http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut client = Client::open(stream, &format!("ws://{address}/ws"), None)
        .await
        .unwrap();
    client.send(&crate::client::hello()).await;
    let RelayMessage::Welcome { ice_servers, .. } = client.next().await else {
        panic!("no welcome");
    };
    signal(&relay, "TERM").await;
    drop(client);
    assert_eq!(ended(relay).await.0, Some(0));
    ice_servers
}

#[tokio::test]
async fn passwords_are_read_from_a_file_or_from_standard_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "# for guests behind firewalls\nturn:turn.example.org,user,turn-password\n";
    std::fs::write(file.path(), text).unwrap();
    let flags = |path| {
        let listen = ["--listen", "127.0.0.1:0", "--ice-server", "stun:a"];
        [&listen[..], &["--ice-server-file", path]].concat()
    };
    let mut expected = None;
    for from_file in [true, false] {
        let relay = if from_file {
            relay(&flags(file.path().to_str().unwrap()))
        } else {
            let mut relay = start(&flags("-"), Stdio::piped());
            let mut input = relay.stdin.take().unwrap();
            input.write_all(text.as_bytes()).await.unwrap();
            relay
        };
        let servers = servers(relay).await;
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1].credential.as_deref(), Some("turn-password"));
        assert_eq!(*expected.get_or_insert_with(|| servers.clone()), servers);
    }
    std::fs::write(file.path(), "stun:a\nturn:b,turn-password").unwrap();
    let (code, errors) = ended(relay(&flags(file.path().to_str().unwrap()))).await;
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("line 2 of") && !errors.contains("turn-password"),
        "{errors}"
    );
}

#[tokio::test]
async fn who_is_refused_is_named_once_with_the_flag_that_would_allow_it() {
    let mut relay = relay(&["--listen", "127.0.0.1:0"]);
    let line = ready(&mut relay).await;
    let address = line.strip_prefix("listening http://").unwrap().to_owned();
    let url = format!("ws://{address}/ws");
    for _ in 0..3 {
        for (name, value) in [
            (header::ORIGIN, "https://pages.example.org"),
            (header::ORIGIN, "https://Pages.example.org:8443"),
            (header::ORIGIN, "null"),
            (header::HOST, "ahoy.example.org:3002"),
            (header::HOST, "evil host"),
        ] {
            let stream = TcpStream::connect(&address).await.unwrap();
            let opened = Client::open_with(stream, &url, &[(name, value)]).await;
            assert!(opened.is_err(), "{value}");
        }
    }
    signal(&relay, "TERM").await;
    let (code, errors) = ended(relay).await;
    assert_eq!(code, Some(0));
    for told in [
        "origin=https://pages.example.org\n",
        "origin=https://pages.example.org:8443\n",
        "origin=https://ahoy.example.org:3002\n",
    ] {
        assert_eq!(errors.matches(told).count(), 1, "{told} in {errors}");
    }
    assert!(
        !errors.contains("null") && !errors.contains("evil"),
        "{errors}"
    );
}

#[tokio::test]
async fn the_lobby_is_opened_with_a_warning_and_keeps_to_itself_what_is_said() {
    let mut relay = relay(&["--listen", "127.0.0.1:0", "--lobby", "--log", "trace"]);
    let line = ready(&mut relay).await;
    let address = line.strip_prefix("listening http://").unwrap().to_owned();
    let connect = async |path: &str| {
        let stream = TcpStream::connect(&address).await.unwrap();
        Client::open(stream, &format!("ws://{address}{path}"), Some("null")).await
    };
    let (mut one, mut other) = (connect("/").await.unwrap(), connect("/").await.unwrap());
    one.text(r#"{"type":"offer","name":"the-name","sdp":"the-text-of-an-offer"}"#)
        .await;
    let heard = timeout(PATIENCE, futures_util::StreamExt::next(&mut other.socket)).await;
    assert!(
        heard
            .unwrap()
            .unwrap()
            .unwrap()
            .to_string()
            .contains("the-text")
    );
    let mut socketio = connect("/socket.io/?EIO=4&transport=websocket")
        .await
        .unwrap();
    socketio.text("40").await;
    socketio
        .text(r#"42["send-offer",{"sdp":"the-text-of-another"}]"#)
        .await;
    // Twice, and it is told of once.
    for _ in 0..2 {
        assert!(
            connect("/socket.io/?EIO=3&transport=websocket")
                .await
                .is_err()
        );
    }
    assert!(connect("/ws").await.is_err());
    signal(&relay, "TERM").await;
    assert_eq!(one.closed().await, Some(CloseCode::Away));
    drop((one, other, socketio));
    let (code, errors) = ended(relay).await;
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        errors.matches("nothing in it is authenticated").count(),
        1,
        "{errors}"
    );
    assert_eq!(
        errors.matches("old client of Socket.IO").count(),
        1,
        "{errors}"
    );
    for said in ["the-text-of", "the-name"] {
        assert!(!errors.contains(said), "{said} in {errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

#[tokio::test]
async fn killed_and_started_again_everybody_comes_back_as_who_they_were() {
    let mut first = relay(&["--listen", "127.0.0.1:0"]);
    let line = ready(&mut first).await;
    let address = line.strip_prefix("listening http://").unwrap().to_owned();
    let url = format!("ws://{address}/ws");
    let connect = async || {
        let stream = TcpStream::connect(&address).await.unwrap();
        Client::open(stream, &url, None).await.unwrap()
    };
    let (mut host, mut guest, mut waiting) = (connect().await, connect().await, connect().await);
    for client in [&mut host, &mut guest, &mut waiting] {
        client.hello().await;
    }
    let room = host.create_knocking(1).await;
    let admit = |client: &Client<TcpStream>| ClientMessage::Admit {
        peer: client.peer.clone(),
        accept: true,
    };
    guest.knock(&room).await;
    host.knocked().await;
    host.send(&admit(&guest)).await;
    host.roster().await;
    guest.roster().await;
    waiting.knock(&room).await;
    host.knocked().await;

    signal(&first, "KILL").await;
    assert_eq!(ended(first).await.0, None);
    let mut second = relay(&["--listen", &address]);
    assert_eq!(ready(&mut second).await, line);
    // In whatever order: the guests find no room until its host has opened it again.
    let mut back = Vec::new();
    for before in [&guest, &waiting, &host] {
        let mut client = connect().await;
        assert!(!client.resume(&before.token, 3).await);
        assert_eq!(client.peer, before.peer);
        back.push(client);
    }
    let (mut host, mut waiting, mut guest) = (
        back.pop().unwrap(),
        back.pop().unwrap(),
        back.pop().unwrap(),
    );
    guest.send(&crate::client::join(&room)).await;
    assert_eq!(guest.error().await, ErrorCode::NotFound);
    assert_eq!(host.create_knocking(1).await, room);
    for client in [&mut guest, &mut waiting] {
        client.knock(&room).await;
        assert_eq!(host.knocked().await, client.peer);
        host.send(&admit(client)).await;
        host.roster().await;
        client.roster().await;
    }
    guest.roster().await;
    crate::client::talk(&mut host, &mut guest).await;
    crate::client::talk(&mut guest, &mut waiting).await;
    signal(&second, "TERM").await;
    drop((host, guest, waiting));
    assert_eq!(ended(second).await.0, Some(0));
}
