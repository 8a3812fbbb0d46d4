use std::time::Duration;

use super::*;
use crate::packet::Payload;

fn packets(at: Instant, layer: u8, key_frame: bool) -> Packets {
    Packets {
        payloads: Arc::new([]),
        rtp_time: 0,
        captured: at,
        key_frame,
        layer: Some(layer),
        width: 16,
        height: 16,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
fn start() -> Instant {
    Instant::now()
}

const FRAME: Duration = Duration::from_millis(33);
const PATTERN: [u8; 4] = [0, 2, 1, 2];

/// The layers that come through of two groups of pictures.
fn got(packets: &mut mpsc::Receiver<Packets>) -> Vec<u8> {
    std::iter::from_fn(|| packets.try_recv().ok())
        .filter_map(|packets| packets.layer)
        .collect()
}

/// Of an encoding that takes all that it may.
fn busy() -> Outputs {
    Outputs {
        taken: Taken::of(1_000),
        ..Outputs::default()
    }
}

#[test]
fn a_narrow_viewer_loses_pictures_and_the_others_none() {
    let (mut outputs, start) = (busy(), start());
    let mut viewers: Vec<_> = [1_000, 1_000, 700, 500]
        .into_iter()
        .map(|share| outputs.add(share))
        .collect();
    // Three of four can take 700.
    assert_eq!(outputs.large(start).unwrap().target, 700);
    viewers[2].1.set_share(1_000);
    assert_eq!(outputs.large(start).unwrap().target, 1_000);
    for n in 0..8 {
        let at = start + FRAME * n;
        outputs.hand_out(Rung::Large, &packets(at, PATTERN[n as usize % 4], n == 0));
    }
    let all = viewers.iter_mut().map(|(packets, _)| got(packets));
    let all: Vec<_> = all.collect();
    assert_eq!(all[0], [0, 2, 1, 2, 0, 2, 1, 2]);
    assert_eq!(all[3], [0, 0]);
}

#[test]
fn a_layer_is_taken_up_with_a_picture_of_the_lowest() {
    let (mut outputs, start) = (busy(), start());
    let (mut narrow, slot) = outputs.add(500);
    let _wide = [outputs.add(1_000), outputs.add(1_000), outputs.add(1_000)];
    outputs.large(start).unwrap();
    for n in 0..8 {
        if n == 2 {
            slot.set_share(2_000);
            outputs.large(start).unwrap();
        }
        let at = start + FRAME * n;
        outputs.hand_out(Rung::Large, &packets(at, PATTERN[n as usize % 4], n == 0));
    }
    assert_eq!(got(&mut narrow), [0, 0, 2, 1, 2]);
}

#[test]
fn who_can_take_what_the_encoding_takes_gets_all_of_it() {
    let (mut outputs, start) = (Outputs::default(), start());
    let (mut narrow, _slot) = outputs.add(500_000);
    let _wide = [(); 3].map(|()| outputs.add(1_000_000));
    let mut show = |range: std::ops::Range<u32>, size: usize| {
        for n in range {
            let at = start + FRAME * n;
            assert_eq!(outputs.large(at).unwrap().target, 1_000_000);
            let size = if n == 0 { 12_500 } else { size };
            let picture = Packets {
                payloads: Arc::new([Payload {
                    data: vec![0; size].into(),
                    marker: true,
                }]),
                ..packets(at, PATTERN[n as usize % 4], n == 0)
            };
            outputs.hand_out(Rung::Large, &picture);
        }
        got(&mut narrow)
    };
    // A key frame of 100 kbit, then 10 kbit a picture, 300 kbit/s; then nothing for a second, and again so.
    let all = [0, 2, 1, 2].repeat(4);
    for first in [0, 16, 60, 76] {
        assert_eq!(show(first..first + 16, 1_250), all, "{first}");
    }
    // Four times that, which is more than it can take.
    for first in (92..188).step_by(16) {
        show(first..first + 16, 5_000);
    }
    assert_eq!(show(188..204, 5_000), [0; 4]);
}

/// Goes on with ten pictures a second; gives the seconds at whose end they are spread.
fn spread_in(outputs: &mut Outputs, start: Instant, seconds: std::ops::Range<u32>) -> Vec<u32> {
    let mut at = |tenth: u32| {
        let wanted = outputs.large(start + Duration::from_millis(100) * tenth);
        wanted.unwrap().spread
    };
    seconds
        .filter(|second| (0..10).fold(false, |_, tenth| at(10 * second + tenth)))
        .collect()
}

#[test]
fn pictures_are_spread_over_layers_only_while_somebody_cannot_take_all() {
    let (mut outputs, start) = (busy(), start());
    let mut viewers: Vec<_> = (0..4).map(|_| outputs.add(1_000)).collect();
    let mut all = |seconds| spread_in(&mut outputs, start, seconds);
    assert_eq!(all(0..3), [0; 0]);
    // It is thought to take less, and has two seconds to show the contrary.
    viewers[0].1.set_share(700);
    assert_eq!(all(3..8), [4, 5, 6, 7]);
    viewers[0].1.set_share(2_000);
    assert_eq!(all(8..20), [8, 9, 10, 11]);
    viewers[0].1.set_share(700);
    assert_eq!(all(20..21), [0; 0]);
    viewers[0].1.set_share(2_000);
    assert_eq!(all(21..30), [0; 0], "it did");
    viewers[0].1.set_share(700);
    // Who is gone needs nothing.
    assert_eq!(all(30..33), [31, 32]);
    viewers.remove(0);
    assert_eq!(all(33..60), (33..42).collect::<Vec<_>>());
    // Nor do those who were there before.
    viewers[0].1.set_share(700);
    assert_eq!(all(60..63), [61, 62]);
    viewers.clear();
    assert!(outputs.is_empty());
    let _next = outputs.add(1_000);
    assert_eq!(spread_in(&mut outputs, start, 63..65), [0; 0]);
}

#[test]
fn what_stands_still_shows_nothing_of_who_looks_on() {
    let (mut outputs, start) = (busy(), start());
    let _viewers = [1_000, 1_000, 700].map(|share| outputs.add(share));
    let mut looks = (0..30).map(|n| {
        let at = start + Duration::from_secs(30 * (n / 5)) + FRAME * n as u32;
        outputs.large(at).unwrap().spread
    });
    assert!(looks.all(|spread| !spread));
}

#[test]
fn who_is_late_for_a_moment_makes_no_layers() {
    let (mut outputs, start) = (busy(), start());
    let viewers = [(); 3].map(|()| outputs.add(1_000));
    let mut spread = |n: u32| outputs.large(start + FRAME * n).unwrap().spread;
    let late = &viewers[1].1;
    for n in 0..20 {
        late.set_late(true);
        assert!(!spread(2 * n), "it may pass by itself");
        late.set_late(false);
        assert!(!spread(2 * n + 1), "it has");
    }
    // Before a pause of ten seconds.
    late.set_late(true);
    assert!(!spread(40) && !spread(340));
    late.set_late(false);
    assert!(!spread(341));
    late.set_late(true);
    for n in 0..8 {
        assert_eq!(spread(342 + n), n > 5, "{n}");
    }
}

#[test]
fn who_has_just_come_takes_the_large_one_while_what_is_shown_stands_still() {
    let (mut outputs, start) = (Outputs::default(), start());
    let _wide = outputs.add(6_000_000);
    outputs.large(start).unwrap();
    assert_eq!(outputs.next_move(start), None);
    let (_packets, slot) = outputs.add(1_000_000);
    outputs.large(start).unwrap();
    assert_eq!(slot.rung(), Rung::Small);
    slot.set_share(6_000_000);
    let until = outputs.next_move(start).unwrap();
    assert_eq!(until, start + Duration::from_secs(1));
    assert!(outputs.large(until).unwrap().key);
    assert_eq!((slot.rung(), outputs.next_move(until)), (Rung::Large, None));
}

#[test]
fn who_could_take_all_of_what_is_not_spread_does_not_keep_it_spread() {
    let (mut outputs, start) = (Outputs::default(), start());
    let (_packets, slot) = outputs.add(1_500_000);
    let _wide = [(); 3].map(|()| outputs.add(3_000_000));
    // 1 Mbit/s, or three times that while it is spread.
    let mut spread = Vec::new();
    for n in 0..900_u32 {
        let at = start + FRAME * n;
        slot.set_late((60..90).contains(&n));
        let is = outputs.large(at).unwrap().spread;
        if is {
            spread.push(n);
        }
        let picture = Packets {
            payloads: Arc::new([Payload {
                data: vec![0; if is { 12_400 } else { 4_100 }].into(),
                marker: true,
            }]),
            ..packets(at, if is { PATTERN[n as usize % 4] } else { 0 }, n == 0)
        };
        outputs.hand_out(Rung::Large, &picture);
    }
    let (first, last) = (spread[0], spread[spread.len() - 1]);
    assert!((66..70).contains(&first), "{first}");
    // Five seconds after it was last late, and never again.
    assert!((235..245).contains(&last), "{last}");
    assert_eq!(spread.len() as u32, last - first + 1);
}

#[test]
fn who_changes_over_begins_with_a_key_frame_that_is_no_older() {
    let (mut outputs, start) = (Outputs::default(), start());
    let (mut narrow, slot) = outputs.add(1_000);
    let _wide = outputs.add(1_000);
    assert!(outputs.small(start, 1_000).is_none(), "nobody needs it");
    outputs.large(start).unwrap();
    outputs.hand_out(Rung::Large, &packets(start + FRAME, 0, true));
    slot.set_share(100);
    assert!(outputs.large(start + FRAME).unwrap().small);
    let wanted = outputs.small(start, 1_000).unwrap();
    assert!(wanted.key && wanted.target == 100);
    assert_eq!(slot.rung(), Rung::Small);
    outputs.hand_out(Rung::Large, &packets(start + FRAME * 2, 2, false));
    outputs.hand_out(Rung::Small, &packets(start, 0, true));
    outputs.hand_out(Rung::Small, &packets(start + FRAME * 2, 2, false));
    assert_eq!(got(&mut narrow).len(), 1, "only what came before");
    outputs.hand_out(Rung::Small, &packets(start + FRAME * 3, 0, true));
    outputs.hand_out(Rung::Small, &packets(start + FRAME * 4, 2, false));
    assert_eq!(got(&mut narrow), [0, 2]);
    drop(narrow);
    assert!(outputs.small(start, 1_000).is_none());
}

#[test]
fn who_is_stuck_waits_for_a_key_frame_and_holds_up_nobody() {
    let (mut outputs, start) = (Outputs::default(), start());
    let (mut stuck, _) = outputs.add(1_000);
    let (mut other, _) = outputs.add(1_000);
    outputs.large(start).unwrap();
    let mut seen = 0;
    for n in 0..40 {
        let at = start + FRAME * n;
        outputs.hand_out(Rung::Large, &packets(at, PATTERN[n as usize % 4], n == 0));
        seen += got(&mut other).len();
    }
    assert_eq!((got(&mut stuck).len(), seen), (QUEUE, 40));
    assert!(outputs.large(start).unwrap().key);
    outputs.hand_out(Rung::Large, &packets(start + FRAME * 40, 2, false));
    outputs.hand_out(Rung::Large, &packets(start + FRAME * 41, 0, true));
    assert_eq!(got(&mut stuck), [0]);
}
