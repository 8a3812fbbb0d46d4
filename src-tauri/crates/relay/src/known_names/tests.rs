//! Names, known and unknown.

use super::*;

fn names(public: &[&str], allowed: &[&str]) -> KnownNames {
    let urls =
        |texts: &[&str]| -> Vec<Url> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    KnownNames::new(&urls(public), &urls(allowed))
}

fn plain(local: &str) -> Reached<'static> {
    Reached {
        secure: false,
        local: SocketAddr::new(local.parse().unwrap(), 3002),
        certificate: &[],
        pin: None,
    }
}

#[test]
fn without_a_word_of_its_operator_a_relay_knows_no_names() {
    let known = names(&[], &[]);
    for (host, is_known) in [
        ("127.0.0.1:3002", true),
        ("127.0.0.1", true),
        ("[::1]:3002", true),
        ("192.0.2.1", true),
        ("[2001:db8::1]", true),
        ("localhost:3002", true),
        ("LOCALHOST.", true),
        ("ahoy.localhost:3002", true),
        ("evil.example.org:3002", false),
        ("localhost.example.org", false),
        ("notlocalhost", false),
        ("127.0.0.1.example.org", false),
        ("", false),
        ("a b", false),
        ("user@127.0.0.1", false),
        ("127.0.0.1/x", false),
        ("127.0.0.1:99999", false),
    ] {
        assert_eq!(known.knows(host, plain("127.0.0.1")), is_known, "{host}");
    }
}

#[test]
fn what_the_operator_and_the_certificate_name_is_known() {
    let known = names(
        &["https://Ahoy.example.org", "http://relay:3002"],
        &["https://pages.example.net:8443"],
    );
    let certificate = ["chat.example.com", "*.wild.example.com", "192.0.2.1"].map(str::to_owned);
    let reached = Reached {
        secure: true,
        certificate: &certificate,
        ..plain("192.0.2.7")
    };
    for (host, is_known) in [
        ("ahoy.example.org", true),
        ("AHOY.example.org.:8443", true),
        ("relay:3002", true),
        ("pages.example.net", true),
        ("chat.example.com:443", true),
        ("a.wild.example.com", true),
        ("a.b.wild.example.com", false),
        ("wild.example.com", false),
        (".wild.example.com", false),
        ("example.org", false),
        ("x.ahoy.example.org", false),
    ] {
        assert_eq!(known.knows(host, reached), is_known, "{host}");
    }
    assert!(!known.knows("chat.example.com", plain("192.0.2.7")));
}

#[test]
fn the_origins_of_a_relay_lead_to_no_other() {
    let known = names(
        &["https://ahoy.example.org"],
        &["https://pages.example.net"],
    );
    let own = "https://ahoy.example.org".to_owned();
    let certificate = ["192.0.2.1", "chat.example.com"].map(str::to_owned);
    for (host, reached, more) in [
        // Behind a proxy, which writes the host that it likes.
        (
            "127.0.0.1:3002",
            plain("127.0.0.1"),
            Some("http://127.0.0.1:3002"),
        ),
        ("ahoy.example.org", plain("127.0.0.1"), None),
        (
            "ahoy.example.org:3002",
            plain("127.0.0.1"),
            Some("http://ahoy.example.org:3002"),
        ),
        // A page's, which has another relay perhaps.
        ("pages.example.net:3002", plain("127.0.0.1"), None),
        // Another relay on the same computer.
        ("127.0.0.1:5000", plain("127.0.0.1"), None),
        ("localhost:5000", plain("127.0.0.1"), None),
        ("localhost", plain("127.0.0.1"), None),
        ("192.0.2.7", plain("192.0.2.7"), None),
        ("ahoy.example.org:5000", plain("127.0.0.1"), None),
        (
            "localhost:3002",
            plain("::1"),
            Some("http://localhost:3002"),
        ),
        ("localhost:3002", plain("192.0.2.7"), None),
        ("127.0.0.1:3002", plain("192.0.2.7"), None),
        ("192.0.2.66:3002", plain("192.0.2.7"), None),
        (
            "192.0.2.7:3002",
            plain("::ffff:192.0.2.7"),
            Some("http://192.0.2.7:3002"),
        ),
        ("evil.example.org:3002", plain("192.0.2.7"), None),
        ("", plain("192.0.2.7"), None),
    ] {
        let mut expected = vec![own.clone()];
        expected.extend(more.map(str::to_owned));
        assert_eq!(known.relay_origins(Some(host), reached), expected, "{host}");
    }
    let reached = Reached {
        secure: true,
        certificate: &certificate,
        ..plain("10.0.0.7")
    };
    for (host, more) in [
        ("ahoy.example.org:443", None),
        ("chat.example.com:443", Some("https://chat.example.com")),
        (
            "Chat.example.com:8443",
            Some("https://chat.example.com:8443"),
        ),
        // Its router forwards a port.
        ("192.0.2.1", Some("https://192.0.2.1")),
        ("192.0.2.2", None),
    ] {
        let mut expected = vec![own.clone()];
        expected.extend(more.map(str::to_owned));
        assert_eq!(known.relay_origins(Some(host), reached), expected, "{host}");
    }
    assert_eq!(known.relay_origins(None, reached), [own]);
}

#[test]
fn origins_are_written_as_links_write_them() {
    for text in [
        "https://example.org",
        "https://example.org:8443",
        "https://[fd00::1]:3002",
        "http://127.0.0.1:3002",
        "http://localhost",
    ] {
        let address = ahoy_contract::link::RelayAddress::parse(text).unwrap();
        let known = names(&[text], &[]);
        let origins = known.relay_origins(None, plain("127.0.0.1"));
        assert_eq!(origins, [address.origin()]);
    }
}

#[test]
fn proofs_may_name_the_relays_key_and_those_of_proxies_in_front() {
    let [own, proxy] = [1, 2].map(|byte| Pin::new([byte; 32]));
    let url = format!("https://ahoy.example.org#{}", proxy.to_text());
    let known = names(&[&url, "https://other.example.org#rubbish"], &[]);
    let reached = Reached {
        secure: true,
        pin: Some(&own),
        ..plain("192.0.2.7")
    };
    assert_eq!(
        known.names_in_proofs(Some("192.0.2.8"), reached),
        [
            "https://ahoy.example.org".to_owned(),
            "https://other.example.org".to_owned(),
            own.to_text(),
            proxy.to_text()
        ]
    );
}
