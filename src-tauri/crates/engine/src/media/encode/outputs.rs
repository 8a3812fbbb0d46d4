//! Who takes what an encoder makes, and what of it each gets. It holds no clock and no thread.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::Packets;
use crate::{
    frame::Bitrate,
    rate::{Place, RateMeter, Rung, Spread, large_target},
};

/// Pictures that wait for a peer at most: its pacer takes them at once, so more means that it is stuck.
/// Full: all up to the next key frame are lost for that peer.
const QUEUE: usize = 16;
/// What the small encoding may take at most of what the large one does: a quarter of the pixels, at twice the bits each.
const SMALL_SHARE: u64 = 2;
/// And at least this, in bits per second, whatever the large one does.
const SMALL_LEAST: u64 = 80_000;
/// What waits for somebody has to be late for so long before layers are made for that: they begin with a key frame for all,
/// and a burst passes by itself.
const LATE_FOR: Duration = Duration::from_millis(200);
/// Who is thought to take less than there is, but keeps up, is given so long to show that it can take all.
const DOUBTED_FOR: Duration = Duration::from_secs(1);
/// Spread over layers moving text takes so many times the bits.
const SPREAD_TAKES: u64 = 2;
/// Over so many pictures is counted what the large encoding takes.
const SMOOTH: u64 = 16;

/// What a peer and the encoder know of each other.
#[derive(Debug)]
pub(super) struct Slot {
    share: AtomicU64,
    small: AtomicBool,
    late: AtomicBool,
}

impl Slot {
    pub(super) fn set_share(&self, bits: u64) {
        self.share.store(bits, Ordering::Relaxed);
    }

    /// What waits for this peer takes so long that pictures have to be left out.
    pub(super) fn tell_late(&self) {
        self.late.store(true, Ordering::Relaxed);
    }

    pub(super) fn rung(&self) -> Rung {
        if self.small.load(Ordering::Relaxed) {
            Rung::Small
        } else {
            Rung::Large
        }
    }
}

#[derive(Debug)]
struct Output {
    packets: mpsc::Sender<Packets>,
    slot: Arc<Slot>,
    place: Place,
    /// The highest layer that it can decode now: it rises only with a picture of the lowest.
    layer: u8,
    needs_key: bool,
    /// Since when what waits for it has been late.
    late: Option<Instant>,
    /// Since when it has been thought to be in need of fewer pictures.
    doubted: Option<Instant>,
    /// The last picture that it got: another encoding's key frame must not lead it back.
    last: Option<Instant>,
}

/// What an encoding finds.
pub(super) struct Wanted {
    /// Bits per second to aim at.
    pub(super) target: u64,
    /// Somebody cannot begin without a key frame.
    pub(super) key: bool,
    /// Somebody has just changed over to the small encoding.
    pub(super) small: bool,
    /// Somebody cannot take all of its pictures, so that they are spread over layers.
    pub(super) spread: bool,
}

/// All who take what an encoder makes.
#[derive(Debug)]
pub(super) struct Outputs {
    list: Vec<Output>,
    /// Of the large encoding, and of the small one.
    spread: [Spread; 2],
    /// What the large encoding takes.
    meter: RateMeter,
    /// The same over some [`SMOOTH`] pictures, in bits per second; `None`: not known yet.
    taken: Option<u64>,
    /// What it took when it was last not spread.
    whole: Option<u64>,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            spread: [Rung::Large, Rung::Small].map(Spread::of),
            meter: RateMeter::default(),
            taken: None,
            whole: None,
        }
    }
}

impl Outputs {
    pub(super) fn add(&mut self, share: u64) -> (mpsc::Receiver<Packets>, Arc<Slot>) {
        let (sender, packets) = mpsc::channel(QUEUE);
        let slot = Arc::new(Slot {
            share: AtomicU64::new(share),
            small: AtomicBool::new(false),
            late: AtomicBool::new(false),
        });
        let place = Place::default();
        self.list.push(Output {
            packets: sender,
            slot: slot.clone(),
            layer: place.layer,
            place,
            needs_key: true,
            late: None,
            doubted: None,
            last: None,
        });
        (packets, slot)
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.forget_gone();
        self.list.is_empty()
    }

    fn forget_gone(&mut self) {
        self.list.retain(|output| !output.packets.is_closed());
    }

    /// What is wanted of the only encoding that there is; `None`: nobody looks.
    pub(super) fn narrowest(&mut self) -> Option<Wanted> {
        self.forget_gone();
        let shares = self.list.iter();
        let target = shares
            .map(|output| output.slot.share.load(Ordering::Relaxed))
            .min()?;
        Some(Wanted {
            target,
            key: self.list.iter().any(|output| output.needs_key),
            small: false,
            spread: false,
        })
    }

    /// What is wanted of the large of two encodings; also decides who gets what. `None`: nobody looks.
    pub(super) fn large(&mut self, now: Instant) -> Option<Wanted> {
        self.forget_gone();
        let mut shares: Vec<u64> = self
            .list
            .iter()
            .map(|output| output.slot.share.load(Ordering::Relaxed))
            .collect();
        let target = large_target(&mut shares)?;
        // Before anything is known the first pictures show it.
        let taken = self.taken.unwrap_or(0);
        let mut small = false;
        for output in &mut self.list {
            let before = output.place.rung;
            let share = output.slot.share.load(Ordering::Relaxed);
            output.place.update(now, share, target, taken);
            if output.place.rung != before {
                output.needs_key = true;
                let is_small = output.place.rung == Rung::Small;
                output.slot.small.store(is_small, Ordering::Relaxed);
                // That was the way of the other encoding's pictures.
                output.slot.late.store(false, Ordering::Relaxed);
                small |= is_small;
            }
        }
        let key = |output: &Output| output.needs_key && output.place.rung == Rung::Large;
        Some(Wanted {
            target,
            key: self.list.iter().any(key),
            small,
            spread: self.is_spread(Rung::Large, now),
        })
    }

    /// What is wanted of the small encoding, beside a large one that aims at `large`; `None`: nobody needs it.
    pub(super) fn small(&mut self, now: Instant, large: u64) -> Option<Wanted> {
        let all = || {
            let all = self.list.iter();
            all.filter(|output| output.place.rung == Rung::Small && !output.packets.is_closed())
        };
        let shares = all().map(|output| output.slot.share.load(Ordering::Relaxed));
        let target = shares.min()?.min((large / SMALL_SHARE).max(SMALL_LEAST));
        let key = all().any(|output| output.needs_key);
        Some(Wanted {
            target,
            key,
            small: false,
            spread: self.is_spread(Rung::Small, now),
        })
    }

    /// Counts what the large encoding takes. Key frames are left out: each is followed by pictures that are as large as ever.
    fn count(&mut self, packets: &Packets) {
        if packets.key_frame {
            return;
        }
        let bytes = packets.payloads.iter().map(|payload| payload.data.len());
        self.meter
            .add(packets.captured, bytes.sum::<usize>() as u64);
        if let Some(rate) = self.meter.rate(packets.captured).map(Bitrate::as_bps) {
            let before = self.taken.unwrap_or(rate);
            self.taken = Some((before * (SMOOTH - 1) + rate) / SMOOTH);
        }
        if !self.spread[Rung::Large as usize].is_on() {
            self.whole = self.taken;
        }
    }

    /// What the large encoding would take if it were not spread.
    fn whole(&self) -> u64 {
        let taken = self.taken.unwrap_or(0);
        self.whole
            .map_or(taken / SPREAD_TAKES, |whole| whole.min(taken))
    }

    fn is_spread(&mut self, rung: Rung, now: Instant) -> bool {
        let whole = self.whole();
        let spread = &mut self.spread[rung as usize];
        let was = spread.is_on();
        let lasts = |since: Option<Instant>, patience| {
            since.is_some_and(|since| was || now.saturating_duration_since(since) >= patience)
        };
        let mut needed = false;
        for output in &mut self.list {
            if output.place.rung != rung {
                continue;
            }
            let since = |since: Option<Instant>, is: bool| is.then(|| since.unwrap_or(now));
            let slot = &output.slot;
            let is_late = slot.late.swap(false, Ordering::Relaxed);
            output.late = since(output.late, is_late);
            let share = slot.share.load(Ordering::Relaxed);
            let is_doubted = output.place.needs_fewer(share, whole);
            output.doubted = since(output.doubted, is_doubted);
            needed |= lasts(output.late, LATE_FOR) || lasts(output.doubted, DOUBTED_FOR);
        }
        let is = spread.update(now, needed);
        if rung == Rung::Large && was && !is {
            // It takes less from now on.
            (self.meter, self.taken) = (RateMeter::default(), self.whole);
        }
        is
    }

    /// Hands a picture of an encoding to all who get that.
    pub(super) fn hand_out(&mut self, rung: Rung, packets: &Packets) {
        if rung == Rung::Large {
            self.count(packets);
        }
        for output in &mut self.list {
            if output.place.rung == rung {
                output.take(packets);
            }
        }
    }
}

impl Output {
    fn take(&mut self, packets: &Packets) {
        if self.needs_key && !packets.key_frame
            || self.last.is_some_and(|last| packets.captured <= last)
        {
            return;
        }
        if let Some(layer) = packets.layer {
            self.layer = if layer == 0 {
                self.place.layer
            } else {
                self.layer.min(self.place.layer)
            };
            if layer > self.layer {
                return;
            }
        }
        match self.packets.try_send(packets.clone()) {
            Ok(()) => {
                self.needs_key = false;
                self.last = Some(packets.captured);
            }
            Err(TrySendError::Full(_)) => self.needs_key = true,
            Err(TrySendError::Closed(_)) => {}
        }
    }
}

/// As many pictures as an encoding may be behind the other.
const RECENT: usize = 16;

/// The numbers of the pictures, the same in both encodings.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u16,
    recent: VecDeque<(Instant, u16)>,
}

impl Numbers {
    pub(super) fn new(first: u16) -> Self {
        Self {
            next: first,
            recent: VecDeque::with_capacity(RECENT),
        }
    }

    /// The number of the picture that was captured at this moment.
    pub(super) fn of(&mut self, captured: Instant) -> u16 {
        let known = self.recent.iter().find(|(at, _)| *at == captured);
        if let Some((_, number)) = known {
            return *number;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((captured, number));
        number
    }
}

#[cfg(test)]
mod tests {
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
            taken: Some(1_000_000),
            whole: Some(1_000_000),
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

    /// Goes through seconds of two pictures each; gives those at whose end pictures are spread.
    fn spread_in(outputs: &mut Outputs, start: Instant, seconds: std::ops::Range<u32>) -> Vec<u32> {
        let mut at = |half: u32| {
            let wanted = outputs.large(start + Duration::from_millis(500) * half);
            wanted.unwrap().spread
        };
        seconds
            .filter(|second| {
                at(2 * second);
                at(2 * second + 1)
            })
            .collect()
    }

    #[test]
    fn pictures_are_spread_over_layers_only_while_somebody_cannot_take_all() {
        let (mut outputs, start) = (busy(), start());
        let mut viewers: Vec<_> = (0..4).map(|_| outputs.add(1_000)).collect();
        let mut all = |seconds| spread_in(&mut outputs, start, seconds);
        assert_eq!(all(0..3), [0; 0]);
        // It is thought to take less, and has a second to show the contrary.
        viewers[0].1.set_share(700);
        assert_eq!(all(3..8), [4, 5, 6, 7]);
        viewers[0].1.set_share(2_000);
        assert_eq!(all(8..20), [8, 9, 10, 11]);
        viewers[0].1.set_share(700);
        assert_eq!(all(20..21), [0; 0]);
        viewers[0].1.set_share(2_000);
        assert_eq!(all(21..30), [0; 0], "it did");
        // Who is gone needs nothing.
        viewers[0].1.set_share(700);
        assert_eq!(all(30..33), [31, 32]);
        viewers.remove(0);
        assert_eq!(all(33..60), (33..42).collect::<Vec<_>>());
    }

    #[test]
    fn who_is_late_for_a_moment_makes_no_layers() {
        let (mut outputs, start) = (busy(), start());
        let viewers = [(); 3].map(|()| outputs.add(1_000));
        let mut spread = |n: u32| outputs.large(start + FRAME * n).unwrap().spread;
        for n in 0..20 {
            viewers[1].1.tell_late();
            assert!(!spread(2 * n), "it may pass by itself");
            assert!(!spread(2 * n + 1), "it has");
        }
        for n in 0..7 {
            viewers[1].1.tell_late();
            assert_eq!(spread(40 + n), n > 6, "{n}");
        }
        viewers[1].1.tell_late();
        assert!(spread(47));
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
            if (60..90).contains(&n) {
                slot.tell_late();
            }
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

    #[test]
    fn a_picture_has_one_number_in_both_encodings() {
        let (mut numbers, start) = (Numbers::new(u16::MAX), start());
        let first = numbers.of(start);
        assert_eq!(numbers.of(start + FRAME), first.wrapping_add(1));
        assert_eq!(numbers.of(start), first);
        assert_eq!(numbers.of(start + FRAME * 2), first.wrapping_add(2));
    }
}
