//! What a browser, or a program that looks whether the relay is well, is answered.

use ahoy_relay::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::client::{PATIENCE, Running};

/// The head and the body of the answer.
pub(crate) async fn ask(relay: &Running, request: &str) -> (String, String) {
    ask_with(relay, request, "").await
}

/// The same, of a request that has a body.
pub(crate) async fn ask_with(relay: &Running, request: &str, body: &str) -> (String, String) {
    let length = match body.len() {
        0 => String::new(),
        length => format!("\r\nContent-Length: {length}"),
    };
    let whole = format!(
        "{request}\r\nHost: {}\r\nConnection: close{length}\r\n\r\n{body}",
        relay.address
    );
    ask_raw(relay.tcp().await, &whole).await
}

/// The same, of a request as it goes over the connection.
pub(crate) async fn ask_raw(mut stream: TcpStream, whole: &str) -> (String, String) {
    stream.write_all(whole.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn the_guest_page_comes_under_a_strict_policy() {
    let config = Config {
        public_urls: vec!["https://ahoy.example.org".parse().unwrap()],
        ..Config::default()
    };
    let relay = Running::new(config).await;
    for path in ["/", "/r/abcdefghijklmnopqrstuvwxyz", "/r/cut-in-half"] {
        let (head, body) = ask(&relay, &format!("GET {path} HTTP/1.1")).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(body.contains("<title>"), "{path}");
        for part in [
            "content-type: text/html; charset=utf-8",
            "cache-control: no-cache",
            "default-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            &format!(
                "connect-src 'self' wss://ahoy.example.org:443 ws://{};",
                relay.address
            ),
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "permissions-policy: camera=(self), microphone=(self), display-capture=(self)",
            "cross-origin-opener-policy: same-origin",
        ] {
            assert!(head.contains(part), "{path}: no {part} in {head}");
        }
        assert!(!head.contains("unsafe"));
    }
    relay.stopped().await;
}

#[tokio::test]
async fn what_stands_in_a_link_is_not_repeated() {
    let relay = Running::new(Config::default()).await;
    let (_, page) = ask(&relay, "GET / HTTP/1.1").await;
    for path in [
        "/r/<script>alert(1)</script>",
        "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/r/%22%3E%3Csvg%20onload=alert(1)%3E",
        "/r/%E2%80%AEalert(1)",
        &format!("/r/alert(1){}", "a".repeat(10_000)),
    ] {
        let (head, body) = ask(&relay, &format!("GET {path} HTTP/1.1")).await;
        let refused = ["400", "404", "414", "431"]
            .iter()
            .any(|status| head.starts_with(&format!("http/1.1 {status}")));
        assert!(refused || body == page, "{path:.40}: {head}");
        assert!(!head.contains("alert(1)") && !body.contains("alert(1)"));
    }
    relay.stopped().await;
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let relay = Running::new(Config::default()).await;
    let (head, _) = ask(&relay, "GET / HTTP/1.1").await;
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap()
        .to_owned();
    let (head, body) = ask(&relay, &format!("GET / HTTP/1.1\r\nIf-None-Match: {tag}")).await;
    assert!(
        head.starts_with("http/1.1 304") && body.is_empty(),
        "{head}"
    );
    relay.stopped().await;
}

#[tokio::test]
async fn it_says_that_it_is_well() {
    let relay = Running::new(Config::default()).await;
    let (head, body) = ask(&relay, "GET /healthz HTTP/1.1").await;
    assert!(
        head.starts_with("http/1.1 200") && body == "ok",
        "{head}\n{body}"
    );
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let relay = Running::new(Config::default()).await;
    for (request, status) in [
        ("GET /nothing HTTP/1.1", 404),
        ("GET /r/ HTTP/1.1", 404),
        ("GET /r/a/b HTTP/1.1", 404),
        ("GET /index.html HTTP/1.1", 404),
        ("GET /assets/nothing.js HTTP/1.1", 404),
        ("GET /assets/../index.html HTTP/1.1", 404),
        ("GET /assets/%2e%2e/index.html HTTP/1.1", 404),
        ("GET /assets/%2Fetc%2Fpasswd HTTP/1.1", 404),
        ("POST / HTTP/1.1", 405),
        ("GET /ws HTTP/1.1", 426),
        (
            "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
            426,
        ),
    ] {
        let (head, _) = ask(&relay, request).await;
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{request}: {head}"
        );
    }
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let relay = Running::new(Config::default()).await;
    for rubbish in [
        b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
        b"hello\r\n\r\n".to_vec(),
        vec![b'a'; 100_000],
    ] {
        let mut stream = relay.tcp().await;
        // It may be cut off before all is written.
        let _ = stream.write_all(&rubbish).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("it is held")
            .ok();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"));
    }
    relay.client().await.create(1).await;
    relay.stopped().await;
}
