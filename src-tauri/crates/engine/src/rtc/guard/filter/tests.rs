use std::time::Duration;

use proptest::prelude::*;

use super::{super::stun::tests as stun, *};

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
    Instant::now()
}

/// A connection whose socket is at port 1, whose peer is at port 2, and whose TURN server is at port 3.
fn filter(now: Instant) -> Filter {
    let mut filter = Filter::default();
    filter.set_credentials("ours", "password");
    filter.ssrcs().allow_payload_types(1 << 96);
    let check = stun::check("ours", 1, "password");
    let arrived = filter.arrived(now, at(1), at(2), &check);
    assert_eq!(arrived, Verdict::PassCheck);
    let allocate = stun::build(0x0003, [9; 12], &[], None);
    let left = filter.leaving(now, at(1), at(3), &allocate);
    assert_eq!(left, Departure::Now);
    filter
}

fn picture() -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend([0; 20]);
    packet
}

/// A Data indication with `data` of `peer`.
fn relayed(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let attributes: [(u16, &[u8]); 2] = [(0x12, &stun::peer(peer)), (0x13, data)];
    stun::build(0x0017, [8; 12], &attributes, None)
}

#[test]
fn what_a_server_relays_is_looked_at_as_what_comes_directly() {
    let now = start();
    let mut filter = filter(now);
    let stranger = Verdict::Refuse(Refusal::Stranger);
    let mut arrives = |from, datagram: &[u8]| filter.arrived(now, at(1), at(from), datagram);
    assert_eq!(arrives(2, &picture()), Verdict::Pass);
    assert_eq!(arrives(4, &picture()), stranger);
    // The same peer on another path has to prove itself there.
    assert_eq!(arrives(3, &relayed(at(2), &picture())), stranger);
    let check = stun::check("ours", 1, "password");
    assert_eq!(arrives(3, &relayed(at(2), &check)), Verdict::PassCheck);
    assert_eq!(arrives(3, &relayed(at(2), &picture())), Verdict::Pass);
    assert_eq!(arrives(3, &relayed(at(5), &picture())), stranger);
    let forged = stun::check("ours", 1, "guessed");
    let refused = Verdict::Refuse(Refusal::NotAuthentic);
    assert_eq!(arrives(3, &relayed(at(5), &forged)), refused);
    // Who is no server relays nothing.
    let unexpected = Verdict::Refuse(Refusal::Unexpected);
    assert_eq!(arrives(4, &relayed(at(2), &picture())), unexpected);
    let nested = relayed(at(3), &relayed(at(2), &picture()));
    assert_eq!(arrives(3, &nested), unexpected);
    // A channel, once it is bound.
    let channel = [&[0x40, 1, 0, 32][..], &picture()].concat();
    assert_eq!(arrives(4, &channel), stranger);
    let malformed = Verdict::Refuse(Refusal::Malformed);
    assert_eq!(arrives(3, &channel), malformed);
    let attributes: [(u16, &[u8]); 2] = [(0x0c, &[0x40, 1, 0, 0]), (0x12, &stun::peer(at(2)))];
    let bind = stun::build(0x0009, [7; 12], &attributes, None);
    filter.leaving(now, at(1), at(3), &bind);
    let mut arrives = |from, datagram: &[u8]| filter.arrived(now, at(1), at(from), datagram);
    assert_eq!(arrives(3, &channel), Verdict::Pass);
    assert_eq!(arrives(4, &channel), stranger);
    let dtls = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13]
        .into_iter()
        .chain([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9])
        .collect::<Vec<u8>>();
    assert_eq!(arrives(3, &relayed(at(2), &dtls)), Verdict::PassDtls);
    assert!(filter.refused().total() > 5);
    assert_eq!(filter.refused().count(Refusal::Unexpected), 2);
}

#[test]
fn requests_of_others_and_indications_are_refused() {
    let now = start();
    let mut filter = filter(now);
    for kind in [0x0003, 0x0011, 0x0016] {
        let datagram = stun::build(kind, [1; 12], &[], Some("password"));
        let arrived = filter.arrived(now, at(1), at(2), &datagram);
        assert_eq!(arrived, Verdict::Refuse(Refusal::Unexpected), "{kind:#x}");
    }
    let answer = stun::build(0x0103, [9; 12], &[], None);
    let unmatched = Verdict::Refuse(Refusal::Unmatched);
    assert_eq!(filter.arrived(now, at(1), at(2), &answer), unmatched);
    assert_eq!(filter.arrived(now, at(1), at(3), &answer), Verdict::Pass);
    assert_eq!(filter.arrived(now, at(1), at(3), &answer), unmatched);
}

#[test]
fn checks_through_a_server_wait_with_the_others_and_are_answered_there() {
    let now = start();
    let mut filter = filter(now);
    let check = stun::check("theirs", 5, "their password");
    let attributes: [(u16, &[u8]); 2] = [(0x12, &stun::peer(at(6))), (0x13, &check)];
    let indication = stun::build(0x0016, [4; 12], &attributes, None);
    let left = filter.leaving(now, at(1), at(3), &indication);
    assert_eq!(left, Departure::Held);
    let (path, datagram) = filter.next_check(now).unwrap();
    assert_eq!(path.destination(), at(3));
    assert_eq!(datagram, indication);
    filter.set_remote_credentials("theirs", "their password");
    let answer = stun::build(stun::BINDING_SUCCESS, [5; 12], &[], Some("their password"));
    let direct = filter.arrived(now, at(1), at(6), &answer);
    assert_eq!(direct, Verdict::Refuse(Refusal::Unmatched));
    let arrived = filter.arrived(now, at(1), at(3), &relayed(at(6), &answer));
    assert_eq!(arrived, Verdict::Pass);
    // It has answered: keep-alives are not held, and its media is taken.
    let later = now + Duration::from_secs(1);
    let left = filter.leaving(later, at(1), at(3), &indication);
    assert_eq!(left, Departure::Now);
    let media = relayed(at(6), &picture());
    assert_eq!(filter.arrived(now, at(1), at(3), &media), Verdict::Pass);
    // What carries no check is not held.
    let attributes: [(u16, &[u8]); 2] = [(0x12, &stun::peer(at(7))), (0x13, &picture())];
    let indication = stun::build(0x0016, [4; 12], &attributes, None);
    let left = filter.leaving(now, at(1), at(3), &indication);
    assert_eq!(left, Departure::Now);
    assert_eq!(filter.refused().checks_made, 2);
    assert_eq!(filter.refused().checks_sent, 2);
}

#[test]
fn a_restart_forgets_paths_and_keeps_servers() {
    let now = start();
    let mut filter = filter(now);
    filter.set_credentials("ours", "password");
    let passes = filter.arrived(now, at(1), at(2), &picture());
    assert_eq!(passes, Verdict::Pass, "nothing is new");
    filter.set_credentials("again", "another password");
    let refused = filter.arrived(now, at(1), at(2), &picture());
    assert_eq!(refused, Verdict::Refuse(Refusal::Stranger));
    let check = stun::check("ours", 1, "password");
    // Where offers cross, the library keeps its sockets, and with them its allocations.
    let relayed = filter.arrived(now, at(1), at(3), &relayed(at(2), &check));
    assert_eq!(relayed, Verdict::PassCheck);
}

proptest! {
    #[test]
    fn no_datagrams_make_it_panic(
        datagrams in prop::collection::vec((0..4u16, any::<bool>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..120)), 0..60),
    ) {
        let mut now = start();
        let mut filter = filter(now);
        for (port, arrives, first, mut datagram) in datagrams {
            now += Duration::from_millis(u64::from(first));
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            // Half of them are STUN in form.
            if datagram.len() >= 20 && first < 128 {
                datagram.truncate(datagram.len() / 4 * 4);
                datagram[0] &= 1;
                let length = (datagram.len() - 20) as u16;
                datagram[2..4].copy_from_slice(&length.to_be_bytes());
                datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            if arrives {
                let _ = filter.arrived(now, at(1), at(port), &datagram);
                let _ = filter.arrived(now, at(1), at(3), &relayed(at(2), &datagram));
            } else {
                let _ = filter.leaving(now, at(1), at(port), &datagram);
            }
            let _ = filter.next_check(now);
            let _ = filter.next_due(now);
        }
    }
}
