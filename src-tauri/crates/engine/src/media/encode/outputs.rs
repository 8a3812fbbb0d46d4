//! Who takes what an encoder makes, and what of it each gets. It holds no clock and no thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{Packets, taken::Taken};
use crate::rate::{Place, Rung, Spread, large_target};

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
const DOUBTED_FOR: Duration = Duration::from_secs(2);
/// So much of the time between two looks counts for both: what stands still shows nothing, and makes nobody late.
const LONGEST_STEP: Duration = Duration::from_millis(100);

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

    /// Whether what waits for this peer takes so long that pictures have to be left out.
    pub(super) fn set_late(&self, late: bool) {
        self.late.store(late, Ordering::Relaxed);
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
    /// For how long what waits for it has been late.
    late: Duration,
    /// For how long it has been thought to be in need of fewer pictures.
    doubted: Duration,
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
    /// When it was last looked who needs that, of each.
    looked: [Option<Instant>; 2],
    /// What the large encoding takes.
    taken: Taken,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            spread: [Rung::Large, Rung::Small].map(Spread::of),
            looked: [None; 2],
            taken: Taken::default(),
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
            late: Duration::ZERO,
            doubted: Duration::ZERO,
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
        if self.list.is_empty() {
            // The next audience has nothing to do with this one.
            *self = Self::default();
        }
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
        let taken = self.taken.now();
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

    /// When somebody may leave the small encoding who has to stay there yet; nothing else may wake who decides that.
    pub(super) fn next_move(&self, now: Instant) -> Option<Instant> {
        let stays = self.list.iter();
        stays
            .filter_map(|output| output.place.stays_until())
            .filter(|until| *until > now)
            .min()
    }

    /// What is wanted of the small encoding, beside a large one that aims at `large`; `None`: nobody needs it.
    pub(super) fn small(&mut self, now: Instant, large: u64) -> Option<Wanted> {
        let all = || {
            let all = self.list.iter();
            all.filter(|output| output.place.rung == Rung::Small && !output.packets.is_closed())
        };
        let shares = all().map(|output| output.slot.share.load(Ordering::Relaxed));
        let Some(narrowest) = shares.min() else {
            self.spread[Rung::Small as usize] = Spread::of(Rung::Small);
            return None;
        };
        let key = all().any(|output| output.needs_key);
        Some(Wanted {
            target: narrowest.min((large / SMALL_SHARE).max(SMALL_LEAST)),
            key,
            small: false,
            spread: self.is_spread(Rung::Small, now),
        })
    }

    fn is_spread(&mut self, rung: Rung, now: Instant) -> bool {
        let whole = self.taken.whole();
        let looked = self.looked[rung as usize].replace(now).unwrap_or(now);
        let step = now.saturating_duration_since(looked).min(LONGEST_STEP);
        let spread = &mut self.spread[rung as usize];
        let was = spread.is_on();
        let mut needed = false;
        for output in &mut self.list {
            if output.place.rung != rung {
                continue;
            }
            let share = output.slot.share.load(Ordering::Relaxed);
            let is_late = output.slot.late.load(Ordering::Relaxed);
            let is_doubted = output.place.needs_fewer(share, whole);
            for (is, lasted, patience) in [
                (is_late, &mut output.late, LATE_FOR),
                (is_doubted, &mut output.doubted, DOUBTED_FOR),
            ] {
                *lasted = if is { *lasted + step } else { Duration::ZERO };
                needed |= is && (was || *lasted >= patience);
            }
        }
        let is = spread.update(now, needed);
        if rung == Rung::Large && was && !is {
            self.taken.is_whole_again();
        }
        is
    }

    /// Hands a picture of an encoding to all who get that.
    pub(super) fn hand_out(&mut self, rung: Rung, packets: &Packets) {
        // Key frames are left out: each is followed by pictures that are as large as ever.
        if rung == Rung::Large && !packets.key_frame {
            let bytes = packets.payloads.iter().map(|payload| payload.data.len());
            let spread = self.spread[Rung::Large as usize].is_on();
            let bytes = bytes.sum::<usize>() as u64;
            self.taken.count(packets.captured, bytes, spread);
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

#[cfg(test)]
mod tests;
