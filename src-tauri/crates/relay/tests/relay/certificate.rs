//! `ahoy-relay` and its certificate: it is exchanged without a restart.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use ahoy_contract::id::Pin;
use ahoy_relay::Identity;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::{
    binary::{ready, relay, signal, start},
    client::{Client, PATIENCE},
    tls,
};

/// A relay, its address, and what it logs.
pub(crate) struct Logged {
    relay: Child,
    pub(crate) address: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
}

impl Logged {
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        let mut relay = relay(&[&listen[..], flags].concat());
        let line = ready(&mut relay).await;
        let (_, address) = line.split_once("://").unwrap();
        Self {
            address: address.parse().unwrap(),
            log: BufReader::new(relay.stderr.take().unwrap()).lines(),
            relay,
        }
    }

    /// Waits for a line with this part in it.
    pub(crate) async fn logs(&mut self, part: &str) -> String {
        loop {
            let line = timeout(PATIENCE, self.log.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("it does not log: {part}"));
            let line = line.unwrap().expect("it has ended");
            if line.contains(part) {
                return line;
            }
        }
    }

    async fn connect(&self) -> (Client<TlsStream<TcpStream>>, Pin) {
        let (stream, pin) = tls::connect(self.address).await;
        let url = format!("wss://{}/ws", self.address);
        let mut client = Client::open(stream, &url, None).await.unwrap();
        client.hello().await;
        (client, pin)
    }

    /// Stops it; gives what it has logged besides, but for the word that it stops.
    pub(crate) async fn rest(&mut self) -> String {
        signal(&self.relay, "TERM").await;
        let mut rest = Vec::new();
        while let Some(line) = timeout(PATIENCE, self.log.next_line())
            .await
            .unwrap()
            .unwrap()
        {
            if !line.ends_with("stopped") {
                rest.push(line);
            }
        }
        rest.join("\n")
    }

    async fn stop(mut self) {
        signal(&self.relay, "TERM").await;
        let status = timeout(PATIENCE, self.relay.wait()).await;
        assert_eq!(status.unwrap().unwrap().code(), Some(0));
    }
}

/// Makes a certificate in a folder of its own; gives the text of its two files, and its pin.
fn made() -> ([Vec<u8>; 2], Pin) {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::self_signed(folder.path(), &[]).unwrap();
    let file = |name| std::fs::read(folder.path().join(name)).unwrap();
    let texts = ["relay-cert.pem", "relay-key.pem"].map(file);
    (texts, identity.pin().clone())
}

fn write(folder: &Path, texts: &[Vec<u8>; 2]) {
    for (name, text) in ["cert.pem", "key.pem"].into_iter().zip(texts) {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

#[tokio::test]
async fn new_files_are_read_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, first_pin) = made();
    write(folder.path(), &first);
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let flags = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let mut relay = Logged::start(&flags).await;
    let (mut client, pin) = relay.connect().await;
    assert_eq!(pin, first_pin);

    // When it is told to, and when it sees them.
    let (second, second_pin) = made();
    write(folder.path(), &second);
    signal(&relay.relay, "HUP").await;
    let line = relay.logs("read anew").await;
    assert!(line.contains(&second_pin.to_text()), "{line}");
    assert_eq!(relay.connect().await.1, second_pin);

    let (third, third_pin) = made();
    write(folder.path(), &third);
    let line = relay.logs("read anew").await;
    assert!(line.contains(&third_pin.to_text()), "{line}");
    assert_eq!(relay.connect().await.1, third_pin);

    // What cannot be used is told of, and the one before stays.
    for broken in [
        [b"rubbish".to_vec(), third[1].clone()],
        [first[0].clone(), second[1].clone()],
    ] {
        write(folder.path(), &broken);
        relay.logs("the certificate stays as it was").await;
        assert_eq!(relay.connect().await.1, third_pin);
    }
    std::fs::remove_file(&key).unwrap();
    signal(&relay.relay, "HUP").await;
    relay.logs("key.pem cannot be read").await;
    assert_eq!(relay.connect().await.1, third_pin);
    write(folder.path(), &first);
    relay.logs("read anew").await;
    assert_eq!(relay.connect().await.1, first_pin);
    // Nobody was thrown out for it.
    client.create(1).await;
    drop(client);
    relay.stop().await;
}

#[tokio::test]
async fn to_be_told_so_ends_no_relay() {
    let mut plain = Logged::start(&[]).await;
    for _ in 0..3 {
        signal(&plain.relay, "HUP").await;
        plain.logs("there is no certificate").await;
    }
    plain.stop().await;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut own = Logged::start(&["--tls", "self-signed", "--data-dir", folder]).await;
    let (_, pin) = own.connect().await;
    signal(&own.relay, "HUP").await;
    let line = own.logs("read anew").await;
    assert!(line.contains(&pin.to_text()), "{line}");
    assert_eq!(own.connect().await.1, pin);
    own.stop().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_holds_up_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write(folder.path(), &made().0);
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let flags = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let mut relay = Logged::start(&flags).await;
    // A pipe that nobody writes to.
    std::fs::remove_file(&key).unwrap();
    let made = Command::new("mkfifo").arg(&key).status().await.unwrap();
    assert!(made.success());
    signal(&relay.relay, "HUP").await;
    // That it reads shows when it is told to once more.
    tokio::time::sleep(Duration::from_millis(100)).await;
    signal(&relay.relay, "HUP").await;
    relay.logs("still being read").await;
    relay.connect().await;
    relay.stop().await;
}

/// Waits until a process handles SIGHUP, the signal of number 1; for a second where the system does not tell.
async fn handles_hangups(relay: &Child) {
    let path = format!("/proc/{}/status", relay.id().unwrap());
    let handles = |status: String| {
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(caught.unwrap().trim(), 16).unwrap() & 1 == 1
    };
    let wait = async {
        while !std::fs::read_to_string(&path).is_ok_and(handles) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = if cfg!(target_os = "linux") {
        PATIENCE
    } else {
        Duration::from_secs(1)
    };
    let waited = timeout(patience, wait).await;
    assert!(
        waited.is_ok() || !cfg!(target_os = "linux"),
        "it never does"
    );
}

#[tokio::test]
async fn to_be_told_so_ends_no_relay_that_still_waits_for_its_input() {
    let flags = ["--listen", "127.0.0.1:0", "--ice-server-file", "-"];
    let mut relay = start(&flags, Stdio::piped());
    handles_hangups(&relay).await;
    signal(&relay, "HUP").await;
    let mut input = relay.stdin.take().unwrap();
    input.write_all(b"stun:a\n").await.unwrap();
    drop(input);
    assert!(ready(&mut relay).await.starts_with("listening"));
    signal(&relay, "TERM").await;
    let status = timeout(PATIENCE, relay.wait()).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(0));
}
