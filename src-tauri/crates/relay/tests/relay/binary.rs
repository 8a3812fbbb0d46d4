//! `ahoy-relay` as a program: what it prints, and how it ends.

use std::{process::Stdio, time::Duration};

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::{Client, PATIENCE};

fn relay(flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ahoy-relay"))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Its first line.
async fn ready(relay: &mut Child) -> String {
    let mut lines = BufReader::new(relay.stdout.as_mut().unwrap()).lines();
    timeout(PATIENCE, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

async fn signal(relay: &Child, name: &str) {
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
async fn ended(mut relay: Child) -> (Option<i32>, String) {
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
        (&["--lobby"][..], 2, "--lobby is not built yet"),
        (
            &["--tls", "acme", "--domain", "x"],
            2,
            "--tls acme is not built yet",
        ),
        (&["--turn", "0.0.0.0:3478"], 2, "--turn is not built yet"),
        (&["--nats", "nats://x"], 2, "--nats is not built yet"),
        (&["--no-such-flag"], 2, "--no-such-flag"),
        (&["--listen", "nowhere"], 1, "cannot listen on nowhere"),
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
