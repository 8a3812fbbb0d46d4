use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
    Instant::now()
}

fn at(ip: [u8; 4], port: u16) -> SocketAddr {
    (ip, port).into()
}

/// A path between two networks.
fn path(n: u16) -> Path {
    Path::direct(at([192, 0, 2, 1], 1), at([198, 51, 100, 1], n))
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs the pacer as the library and the connection's task do: each `tick` all `paths` are offered, in between what is
/// due leaves. Returns when each left.
fn run(
    pacer: &mut CheckPacer,
    start: Instant,
    lasts: Duration,
    paths: &[Path],
) -> Vec<(Duration, Path)> {
    let mut left = Vec::new();
    for step in 0..lasts.as_millis() as u64 {
        let now = start + ms(step);
        if step % 20 == 0 {
            for path in paths {
                if pacer.offer(now, *path, b"check") == Paced::Now {
                    left.push((ms(step), *path));
                }
            }
        }
        while let Some((path, datagram)) = pacer.poll(now) {
            assert_eq!(datagram, b"check");
            left.push((ms(step), path));
        }
        if let Some(next) = pacer.next_due(now) {
            assert!(next > now, "it would have left");
        }
    }
    left
}

/// The most that left within any second.
fn most_in_a_second(left: &[(Duration, Path)]) -> usize {
    let within = |from: Duration| {
        let all = left.iter();
        all.filter(|(at, _)| *at >= from && *at < from + SECOND)
            .count()
    };
    left.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
}

#[test]
fn however_many_addresses_are_named_few_checks_leave() {
    let paths: Vec<Path> = (0..1_000).map(path).collect();
    let mut pacer = CheckPacer::default();
    let left = run(&mut pacer, start(), ms(10_000), &paths);
    assert!(most_in_a_second(&left) <= PER_SECOND, "{}", left.len());
    assert!(left.len() > 100, "{}", left.len());
    let apart = left.windows(2).map(|two| two[1].0 - two[0].0).min();
    assert!(apart >= Some(TA), "{apart:?}");
}

#[test]
fn each_path_has_its_turn_and_waits_for_its_rto() {
    let paths: Vec<Path> = (0..10).map(path).collect();
    let mut pacer = CheckPacer::default();
    let left = run(&mut pacer, start(), ms(4_000), &paths);
    for (n, path) in paths.iter().enumerate() {
        let times: Vec<_> = left.iter().filter(|(_, of)| of == path).collect();
        assert_eq!(times[0].0, TA * n as u32, "in the library's order");
        assert!(times.len() >= 5, "{times:?}");
        let apart = times.windows(2).map(|two| two[1].0 - two[0].0).min();
        assert!(apart >= Some(MIN_RTO), "{apart:?}");
    }
}

#[test]
fn what_the_peer_asks_for_goes_first_and_needs_no_rto() {
    let paths: Vec<Path> = (0..300).map(path).collect();
    let mut pacer = CheckPacer::default();
    let begin = start();
    run(&mut pacer, begin, ms(2_000), &paths);
    let now = begin + ms(2_000);
    pacer.asked(now, path(299));
    let left = run(&mut pacer, now, ms(100), &paths);
    let (at, first) = left[0];
    assert_eq!(first, path(299));
    assert!(at <= TA, "{at:?}");
    let again = left.iter().filter(|(_, of)| *of == path(299)).count();
    assert_eq!(again, 1, "one for each time that it is asked for");
}

#[test]
fn a_path_that_has_answered_is_not_delayed_by_others() {
    let paths: Vec<Path> = (0..300).map(path).collect();
    let mut pacer = CheckPacer::default();
    let begin = start();
    run(&mut pacer, begin, ms(500), &paths);
    let now = begin + ms(500);
    pacer.answered(now, path(7));
    assert_eq!(pacer.offer(now, path(7), b"keep-alive"), Paced::Now);
    // Nor does it make room for more than its own.
    assert_eq!(pacer.offer(now + ms(1), path(7), b"again"), Paced::Dropped);
    let (own, others) = (path(7), [&paths[..7], &paths[8..]].concat());
    let mut left = Vec::new();
    for step in 1..=25 {
        let at = ms(200) * step;
        assert_eq!(pacer.offer(now + at, own, b"keep-alive"), Paced::Now);
        left.push((at, own));
        let between = run(&mut pacer, now + at + ms(1), ms(199), &others);
        left.extend(
            between
                .into_iter()
                .map(|(after, of)| (at + ms(1) + after, of)),
        );
    }
    // It counts with the others.
    assert!(most_in_a_second(&left) <= PER_SECOND);
    // After half a minute without an answer it is one among the others.
    let late = now + CONSENT + ms(1);
    assert_eq!(pacer.offer(late, path(7), b"check"), Paced::Held);
}

#[test]
fn new_paths_find_room_beside_old_ones() {
    let old: Vec<Path> = (0..60).map(path).collect();
    let mut pacer = CheckPacer::default();
    let begin = start();
    run(&mut pacer, begin, ms(5_000), &old);
    let all: Vec<Path> = old.into_iter().chain([path(500)]).collect();
    let left = run(&mut pacer, begin + ms(5_000), ms(1_000), &all);
    let first = left.iter().find(|(_, of)| *of == path(500)).unwrap();
    assert!(first.0 <= ms(10), "{first:?}");
}

#[test]
fn addresses_of_one_network_are_tried_first() {
    let near = Path::direct(at([192, 0, 2, 1], 1), at([192, 0, 2, 9], 9));
    let mut paths: Vec<Path> = (0..30).map(path).collect();
    paths.push(near);
    let mut pacer = CheckPacer::default();
    let left = run(&mut pacer, start(), ms(100), &paths);
    assert_eq!(left[0].1, near);
}

#[test]
fn a_check_that_nobody_wants_any_more_is_not_sent() {
    let mut pacer = CheckPacer::default();
    let begin = start();
    for n in 0..3 {
        assert_eq!(pacer.offer(begin, path(n), b"check"), Paced::Held);
    }
    assert_eq!(pacer.poll(begin).unwrap().0, path(0));
    assert!(pacer.is_holding());
    assert_eq!(pacer.next_due(begin), Some(begin + TA));
    // The library has found a pair and makes no more.
    assert!(pacer.poll(begin + STALE + ms(1)).is_none());
    assert!(!pacer.is_holding());
    assert_eq!(pacer.next_due(begin + STALE + ms(1)), None);
    pacer.offer(begin, path(0), b"check");
    pacer.clear();
    assert!(!pacer.is_holding());
}

proptest! {
    #[test]
    fn in_no_order_of_events_do_more_leave(events in prop::collection::vec((0..4u8, 0..700u16, 0..40u64), 0..400)) {
        let mut pacer = CheckPacer::default();
        let begin = start();
        let mut now = begin;
        let mut left = Vec::new();
        for (what, n, passed) in events {
            now += ms(passed);
            match what {
                0 => pacer.asked(now, path(n)),
                1 if n < 3 => pacer.answered(now, path(n)),
                _ => {
                    let _ = pacer.offer(now, path(n), b"check");
                }
            }
            if let Some((path, _)) = pacer.poll(now) {
                left.push((now - begin, path));
            }
            prop_assert!(pacer.entries.len() <= MAX_PATHS && pacer.sent.len() <= PER_SECOND);
        }
        prop_assert!(most_in_a_second(&left) <= PER_SECOND);
    }
}

#[test]
fn however_many_addresses_answer_few_checks_leave() {
    let paths: Vec<Path> = (0..100).map(path).collect();
    let mut pacer = CheckPacer::default();
    for path in &paths {
        pacer.answered(start(), *path);
    }
    let left = run(&mut pacer, start(), ms(3_000), &paths);
    assert!(most_in_a_second(&left) <= PER_SECOND, "{}", left.len());
    assert!(left.len() > 60, "{}", left.len());
}
