use super::*;

const BODY: &str = r#"{"candidate":null}"#;

fn end(peer: &str, nonce: u8) -> End {
    End {
        peer: peer.parse().unwrap(),
        nonce: Nonce::new([nonce; 16]),
    }
}

/// The host and a guest of a room, each with its end.
struct Room {
    key: HostKey,
    host: Authenticator,
    guest: Authenticator,
    h: End,
    g: End,
}

impl Room {
    fn new() -> Self {
        let key = HostKey::from_bytes(&[9; 32]);
        let secret = Secret::new([5; 16]);
        Self {
            host: Authenticator::new(key.room(), &secret, Some(key.clone())),
            guest: Authenticator::new(key.room(), &secret, None),
            key,
            h: end("aaaaaaaaaaaaaaaa", 1),
            g: end("bbbbbbbbbbbbbbbb", 2),
        }
    }

    fn member(&self, end: &End, name: &str) -> Member {
        Member {
            peer: end.peer.clone(),
            name: name.to_owned(),
            nonce: end.nonce.clone(),
            mac: self.guest.prove_join(end, name),
            order: 1,
        }
    }
}

#[test]
fn only_what_was_sealed_opens() {
    let room = Room::new();
    let (h, g, public) = (&room.h, &room.g, room.key.public());
    let (body, sig) = room.host.seal(h, g, 1, [3; SEAL_NONCE_BYTES], BODY);
    let open = |from: &End, to: &End, seq, body: &str, sig: Option<&Signature>, key: &PublicKey| {
        let signal = SealedSignal {
            from,
            to,
            seq,
            body,
            sig,
        };
        room.guest.open(&signal, Some(key))
    };
    let good = sig.as_ref();
    assert_eq!(open(h, g, 1, &body, good, &public).as_deref(), Some(BODY));
    assert_eq!(open(h, g, 2, &body, good, &public), None, "another number");
    assert_eq!(open(g, h, 1, &body, good, &public), None, "sent back");
    let rejoined = end("bbbbbbbbbbbbbbbb", 3);
    assert_eq!(
        open(h, &rejoined, 1, &body, good, &public),
        None,
        "another join"
    );
    assert_eq!(open(h, g, 1, &body, None, &public), None, "not signed");
    let stranger = HostKey::from_bytes(&[8; 32]).public();
    assert_eq!(
        open(h, g, 1, &body, good, &stranger),
        None,
        "another room's key"
    );
    for at in 0..body.len() {
        let mut changed = body.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(open(h, g, 1, &changed, good, &public), None, "byte {at}");
    }
    for body in ["", "A", "AAAA", "{}", "é", &body[..40], &format!("{body}=")] {
        assert_eq!(open(h, g, 1, body, good, &public), None, "{body}");
    }
}

#[test]
fn a_signature_is_over_the_encrypted_body() {
    let room = Room::new();
    let (h, g) = (&room.h, &room.g);
    let (_, sig) = room.host.seal(h, g, 1, [3; SEAL_NONCE_BYTES], BODY);
    // Another member knows the secret, and can encrypt the same text in the host's name, but not sign it.
    let (body, _) = room.guest.seal(h, g, 1, [4; SEAL_NONCE_BYTES], BODY);
    let signal = SealedSignal {
        from: h,
        to: g,
        seq: 1,
        body: &body,
        sig: sig.as_ref(),
    };
    assert_eq!(room.guest.open(&signal, Some(&room.key.public())), None);
    assert_eq!(room.guest.open(&signal, None).as_deref(), Some(BODY));
}

#[test]
fn an_encrypted_body_shows_nothing_to_who_has_another_secret() {
    let room = Room::new();
    let address = r#"{"candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 5000 typ host"}}"#;
    let (body, _) = room
        .guest
        .seal(&room.g, &room.h, 1, [3; SEAL_NONCE_BYTES], address);
    let bytes = BASE64URL_NOPAD.decode(body.as_bytes()).unwrap();
    assert!(!bytes.windows(9).any(|part| part == b"192.0.2.1"));
    let other = Authenticator::new(room.key.room(), &Secret::new([6; 16]), None);
    let signal = SealedSignal {
        from: &room.g,
        to: &room.h,
        seq: 1,
        body: &body,
        sig: None,
    };
    assert_eq!(other.open(&signal, None), None);
    assert_eq!(room.host.open(&signal, None).as_deref(), Some(address));
}

#[test]
fn a_join_is_proven_for_one_room_id_nonce_and_name() {
    let room = Room::new();
    let ada = room.member(&room.g, "Ada");
    assert!(room.host.verify_join(&ada));
    let changed = |change: fn(&mut Member)| {
        let mut member = ada.clone();
        change(&mut member);
        room.host.verify_join(&member)
    };
    assert!(!changed(|member| member.name = "Eve".into()));
    assert!(!changed(|member| member.nonce = Nonce::new([7; 16])));
    assert!(!changed(
        |member| member.peer = "cccccccccccccccc".parse().unwrap()
    ));
    assert!(!changed(|member| member.mac = Mac::new([0; 32])));
    assert!(
        changed(|member| member.order = 9),
        "the order is the relay's"
    );
    let other = Authenticator::new(room.key.room(), &Secret::new([6; 16]), None);
    assert!(!other.verify_join(&ada));
}

#[test]
fn the_proof_of_a_host_is_good_for_one_challenge_relay_kind_and_nonce() {
    let key = HostKey::from_bytes(&[1; 32]);
    let verifying = VerifyingKey::from_bytes(key.public().as_bytes()).unwrap();
    let (challenge, nonce) = (Nonce::new([4; 16]), Nonce::new([2; 16]));
    let (here, call) = ("https://relay.example", RoomKind::Call);
    let proof = key.prove(&challenge, here, call, &nonce);
    let proof = ed25519_dalek::Signature::from_bytes(proof.as_bytes());
    let good = |challenge: &Nonce, relay: &str, kind, nonce: &Nonce| {
        let bytes = create_bytes(challenge, relay, kind, nonce);
        verifying.verify_strict(&bytes, &proof).is_ok()
    };
    assert!(good(&challenge, here, call, &nonce));
    assert!(!good(&nonce, here, call, &nonce));
    assert!(!good(&challenge, "https://evil.example", call, &nonce));
    assert!(!good(&challenge, here, RoomKind::Broadcast, &nonce));
    assert!(!good(&challenge, here, call, &challenge));
}

/// The page's twin of this code is held against the same file.
#[test]
fn the_shared_vectors_hold() {
    let file = include_str!("../../../../contract/vectors/signals.json");
    let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let bytes = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
    };
    let end = |value: &serde_json::Value| End {
        peer: text(&value["peer"]).parse().unwrap(),
        nonce: text(&value["nonce"]).parse().unwrap(),
    };
    let key = HostKey::from_bytes(&bytes(&vectors["host_seed"]).try_into().unwrap());
    assert_eq!(key.public().to_text(), text(&vectors["host_key"]));
    assert_eq!(key.room().as_str(), text(&vectors["room"]));
    let create = &vectors["create"];
    let kind = serde_json::from_value(create["kind"].clone()).unwrap();
    let proof = key.prove(
        &text(&create["challenge"]).parse().unwrap(),
        &text(&create["relay"]),
        kind,
        &text(&create["nonce"]).parse().unwrap(),
    );
    assert_eq!(proof.to_text(), text(&create["proof"]));
    let secret: Secret = text(&vectors["secret"]).parse().unwrap();
    let host = Authenticator::new(key.room(), &secret, Some(key.clone()));
    for join in vectors["joins"].as_array().unwrap() {
        let mac = host.prove_join(&end(join), &text(&join["name"]));
        assert_eq!(mac.to_text(), text(&join["mac"]), "{}", join["name"]);
    }
    for signal in vectors["signals"].as_array().unwrap() {
        let (from, to) = (end(&signal["from"]), end(&signal["to"]));
        let seq = signal["seq"].as_u64().unwrap();
        let nonce = bytes(&signal["seal_nonce"]).try_into().unwrap();
        let (body, sig) = host.seal(&from, &to, seq, nonce, &text(&signal["text"]));
        assert_eq!(body, text(&signal["body"]), "{}", signal["name"]);
        if let Some(expected) = signal["sig"].as_str() {
            assert_eq!(sig.unwrap().to_text(), expected, "{}", signal["name"]);
        }
    }
}
