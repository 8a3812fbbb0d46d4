use std::net::SocketAddr;

use super::{super::stun::tests as stun, *};

fn path(port: u16) -> Path {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Path::direct(at(1), at(port))
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
    Instant::now()
}

fn filter() -> PacketFilter {
    let mut filter = PacketFilter::default();
    assert!(filter.set_credentials("ours", "password"));
    filter.set_remote_credentials("theirs", "their password");
    filter
}

#[test]
fn a_path_is_known_from_the_first_authentic_check_on() {
    let mut filter = filter();
    let now = now();
    let mut arrives = |port, ufrag: &str, password: &str| {
        let check = stun::check(ufrag, 1, password);
        let message = Message::parse(&check).unwrap();
        let result = filter.request(now, &path(port), &message);
        (result, filter.is_known(now, &path(port)))
    };
    let refused = (Err(Refusal::NotAuthentic), false);
    assert_eq!(arrives(2, "ours", "guessed"), refused);
    assert_eq!(arrives(2, "others", "password"), refused);
    assert_eq!(arrives(2, "", "password"), refused);
    assert_eq!(arrives(2, "ours", "password"), (Ok(()), true));
    assert!(
        !filter.is_known(now, &path(3)),
        "another address is another path"
    );
    // Without a name, as from a STUN client, and without integrity.
    for attributes in [&[][..], &[(6, &b"ours:theirs"[..])]] {
        let request = stun::build(stun::BINDING_REQUEST, [1; 12], attributes, None);
        let message = Message::parse(&request).unwrap();
        let result = filter.request(now, &path(2), &message);
        assert_eq!(result, Err(Refusal::NotAuthentic));
    }
}

#[test]
fn a_response_counts_once_and_only_from_where_it_was_asked_for() {
    let mut filter = filter();
    let now = now();
    let check = stun::check("theirs", 1, "their password");
    filter.requested(now, path(2), &Message::parse(&check).unwrap());
    let theirs = Some("their password");
    let answer = stun::build(stun::BINDING_SUCCESS, [1; 12], &[], theirs);
    let answer = Message::parse(&answer).unwrap();
    let other = stun::build(stun::BINDING_SUCCESS, [2; 12], &[], theirs);
    let other = Message::parse(&other).unwrap();
    let unmatched = Err(Refusal::Unmatched);
    assert_eq!(filter.response(now, &path(3), &answer), unmatched);
    assert_eq!(filter.response(now, &path(2), &other), unmatched);
    // Whoever was named answers, and does not know the peer: a STUN server, or a browser in another call.
    for (kind, password) in [
        (stun::BINDING_SUCCESS, None),
        (stun::BINDING_SUCCESS, Some("password")),
        (stun::BINDING_ERROR, None),
        (stun::BINDING_ERROR, theirs),
    ] {
        let forged = stun::build(kind, [1; 12], &[], password);
        let forged = Message::parse(&forged).unwrap();
        assert!(filter.response(now, &path(2), &forged).is_err());
    }
    assert!(!filter.is_known(now, &path(2)));
    assert_eq!(filter.response(now, &path(2), &answer), Ok(true));
    assert!(filter.is_known(now, &path(2)));
    assert_eq!(filter.response(now, &path(2), &answer), unmatched);
    // A STUN server is no peer.
    let request = stun::build(stun::BINDING_REQUEST, [3; 12], &[], None);
    filter.requested(now, path(4), &Message::parse(&request).unwrap());
    let answer = stun::build(stun::BINDING_SUCCESS, [3; 12], &[], None);
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(filter.response(now, &path(4), &answer), Ok(false));
    assert!(!filter.is_known(now, &path(4)));
    // Nor does anybody wait for ever.
    filter.requested(now, path(4), &Message::parse(&request).unwrap());
    let late = now + RESPONSE_WITHIN + Duration::from_millis(1);
    assert_eq!(filter.response(late, &path(4), &answer), unmatched);
}

#[test]
fn after_a_restart_each_path_has_to_be_checked_anew() {
    let mut filter = filter();
    let now = now();
    let old = stun::check("ours", 1, "password");
    let old = Message::parse(&old).unwrap();
    filter.request(now, &path(2), &old).unwrap();
    assert!(!filter.set_credentials("ours", "password"), "the same");
    assert!(filter.is_known(now, &path(2)));
    assert!(filter.set_credentials("again", "new password"));
    assert!(!filter.is_known(now, &path(2)));
    // One that was on its way is no forgery.
    assert_eq!(filter.request(now, &path(2), &old), Ok(()));
    let new = stun::check("again", 1, "new password");
    let new = Message::parse(&new).unwrap();
    assert_eq!(filter.request(now, &path(3), &new), Ok(()));
    let mixed = stun::check("again", 1, "password");
    let mixed = Message::parse(&mixed).unwrap();
    let refused = Err(Refusal::NotAuthentic);
    assert_eq!(filter.request(now, &path(4), &mixed), refused);
    for n in 0..MAX_CREDENTIALS {
        filter.set_credentials(&format!("later{n}"), "password");
    }
    assert_eq!(filter.request(now, &path(2), &old), refused);
}

#[test]
fn paths_requests_and_the_work_for_strangers_are_bounded() {
    let mut filter = filter();
    let now = now();
    let check = stun::check("ours", 1, "password");
    let check = Message::parse(&check).unwrap();
    for port in 0..1_000 {
        let _ = filter.request(now, &path(port), &check);
        let request = stun::build(1, [port as u8; 12], &[], None);
        filter.requested(now, path(port), &Message::parse(&request).unwrap());
    }
    assert_eq!(filter.paths.len(), MAX_PATHS);
    assert!(filter.requests.len() <= MAX_REQUESTS);
    let forged = stun::check("ours", 1, "guessed");
    let forged = Message::parse(&forged).unwrap();
    let verified = (0..10_000)
        .filter(|_| filter.request(now, &path(2_000), &forged) == Err(Refusal::NotAuthentic));
    assert!(verified.count() <= MAX_VERIFIED as usize);
    // Who is known goes on, and a second later everybody does.
    assert_eq!(filter.request(now, &path(999), &check), Ok(()));
    let later = now + Duration::from_secs(1);
    let refused = filter.request(later, &path(2_000), &forged);
    assert_eq!(refused, Err(Refusal::NotAuthentic));
}

#[test]
fn a_new_path_takes_the_place_of_that_which_was_not_used_for_the_longest_time() {
    let mut filter = filter();
    let now = now();
    let check = stun::check("ours", 1, "password");
    let check = Message::parse(&check).unwrap();
    let after = |n: u16| now + Duration::from_millis(n.into());
    for n in 0..500 {
        filter.request(after(n), &path(n), &check).unwrap();
        // Media comes on the first one all the time.
        assert!(filter.is_known(after(n), &path(0)), "{n}");
    }
    assert!(filter.is_known(after(500), &path(499)));
    assert!(!filter.is_known(after(500), &path(1)));
    assert_eq!(filter.paths.len(), MAX_PATHS);
}
