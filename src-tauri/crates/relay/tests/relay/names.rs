//! By which names a relay is spoken to, and which pages may open a socket.

use ahoy_relay::{Config, Identity};
use http::header;
use tokio_tungstenite::tungstenite::Error;

use crate::{
    client::{Client, Running},
    http::{ask, ask_raw},
    tls,
};

async fn named(relay: &Running, path: &str, host: &str) -> (String, String) {
    let whole = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    ask_raw(relay.tcp().await, &whole).await
}

#[tokio::test]
async fn pages_of_other_sites_open_no_socket() {
    let config = Config {
        public_urls: vec!["https://ahoy.example.org".parse().unwrap()],
        allowed_origins: vec!["http://localhost:1420".parse().unwrap()],
        ..Config::default()
    };
    let relay = Running::new(config).await;
    let own = format!("http://{}", relay.address);
    let url = format!("ws://{}/ws", relay.address);
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://ahoy.example.org", true),
        ("http://localhost:1420", true),
        (&own.replace("http:", "https:"), false),
        ("http://127.0.0.1", false),
        ("https://evil.example.org", false),
        ("https://ahoy.example.org:444", false),
        ("null", false),
    ] {
        match Client::open(relay.tcp().await, &url, Some(origin)).await {
            Ok(mut client) => {
                assert!(allowed, "{origin}");
                client.hello().await;
            }
            Err(Error::Http(response)) => {
                assert!(!allowed, "{origin}");
                assert_eq!(response.status(), 403);
                // The body is cut from what came with the head, which is all of it or nothing.
                let body = response.into_body().unwrap_or_default();
                assert!(
                    body.is_empty()
                        || String::from_utf8_lossy(&body).contains(r#""code":"denied""#)
                );
            }
            Err(error) => panic!("{origin}: {error}"),
        }
    }
    relay.stopped().await;
}

#[tokio::test]
async fn a_request_that_names_another_host_is_misdirected() {
    let config = Config {
        public_urls: vec![
            "https://ahoy.example.org".parse().unwrap(),
            "https://other.example.org:8443".parse().unwrap(),
        ],
        allowed_origins: vec!["http://pages.example.org".parse().unwrap()],
        ..Config::default()
    };
    let relay = Running::new(config).await;
    let own = relay.address.to_string();
    for (host, known) in [
        (own.as_str(), true),
        ("127.0.0.1", true),
        ("192.0.2.1:3002", true),
        ("[2001:db8::1]", true),
        ("localhost:3002", true),
        ("ahoy.example.org", true),
        ("AHOY.EXAMPLE.ORG:80", true),
        ("other.example.org", true),
        ("pages.example.org", true),
        ("evil.example.org", false),
        ("ahoy.example.org.evil.example.org", false),
        ("localhost.evil.example.org", false),
        ("x y", false),
        ("", false),
    ] {
        for path in ["/", "/r/abc", "/ws", "/nothing"] {
            let (head, body) = named(&relay, path, host).await;
            let refused = head.starts_with("http/1.1 421");
            assert_eq!(refused, !known, "{host} {path}: {head}");
            assert_eq!(body.contains("--public-url"), refused);
        }
        // Who looks whether it is well may call it anything.
        let (head, _) = named(&relay, "/healthz", host).await;
        assert!(head.starts_with("http/1.1 200"), "{host}: {head}");
    }
    // A socket as well.
    let url = format!("ws://{}/ws", relay.address);
    let open =
        async |host| Client::open_with(relay.tcp().await, &url, &[(header::HOST, host)]).await;
    match open("evil.example.org").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 421),
        other => panic!("not refused: {}", other.is_ok()),
    }
    open("ahoy.example.org").await.unwrap().hello().await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_request_names_one_host() {
    let relay = Running::new(Config::default()).await;
    let own = relay.address;
    for (whole, status) in [
        (
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            400,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\nConnection: close\r\n\r\n"),
            400,
        ),
        (
            format!(
                "GET http://evil.example.org/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"
            ),
            421,
        ),
        (
            format!(
                "GET http://{own}/ HTTP/1.1\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n"
            ),
            421,
        ),
        (
            format!("GET http://{own}/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"),
            200,
        ),
        // A program that speaks HTTP/1.0.
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), 200),
    ] {
        let (head, _) = ask_raw(relay.tcp().await, &whole).await;
        let answered = head.split(' ').nth(1).unwrap();
        assert_eq!(answered, status.to_string(), "{whole}{head}");
    }
    let (head, _) = ask(&relay, "GET / HTTP/1.1").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    relay.stopped().await;
}

#[tokio::test]
async fn the_names_of_its_certificate_are_a_relays_own() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["ahoy.example.org", "*.wild.example.org"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let config = Config {
        identity: Some(Identity::from_pem_files(&certificate, &key).unwrap()),
        ..Config::default()
    };
    let relay = Running::new(config).await;
    for (host, known) in [
        ("ahoy.example.org", true),
        ("a.wild.example.org:3002", true),
        ("localhost", true),
        ("evil.example.org", false),
    ] {
        let (stream, _) = tls::connect(relay.address).await;
        let url = format!("wss://{}/ws", relay.address);
        let opened = Client::open_with(stream, &url, &[(header::HOST, host)]).await;
        assert_eq!(opened.is_ok(), known, "{host}");
    }
    relay.stopped().await;
}
