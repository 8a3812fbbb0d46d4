//! Sound from a device.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use cpal::{Data, Device, FromSample, SampleFormat, SizedSample, Stream, traits::DeviceTrait};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{
    Shared,
    stream::{self, Opened, Setup},
};
use crate::{
    convert::Resampler,
    device::{AudioSource, DeviceError, DeviceKind, clock, driver::DriverThread},
    frame::{AudioBlock, BLOCK_SAMPLES, SAMPLE_RATE},
};

const MICROPHONE: DeviceKind = DeviceKind::Microphone;
const SYSTEM: DeviceKind = DeviceKind::SystemSound;

/// More than this many blocks in the ring mean that the reader was held up: the oldest are left out, as
/// a listener had rather miss a moment than be late from then on.
const LATE_BLOCKS: usize = 20;

/// A microphone, mixed to one channel and resampled to 48 kHz.
///
/// It is read on the thread that opened it.
pub struct Microphone(Input);

/// What this computer plays, without what Ahoy itself plays, mixed to one channel at 48 kHz. On Windows and macOS Ahoy's
/// own sound is in it.
///
/// It is read on the thread that opened it.
pub struct SystemSound(Input);

/// A stream of sound that comes in.
struct Input {
    kind: DeviceKind,
    shared: Arc<Shared>,
    ring: Consumer<f32>,
    rate: usize,
    chunk: [f32; BLOCK_SAMPLES],
    resampler: Resampler,
    /// When sound came last.
    last: Instant,
    _thread: DriverThread,
}

impl Microphone {
    /// Opens a microphone by id or name; `None`: the system's default.
    pub fn open(wanted: Option<&str>) -> Result<Self, DeviceError> {
        let opened = stream::open(MICROPHONE, "mic-driver", wanted, build)?;
        Input::new(MICROPHONE, opened).map(Self)
    }

    /// Samples that were lost because they were not read in time.
    pub fn lost(&self) -> u64 {
        self.0.shared.gaps.load(Ordering::Relaxed)
    }
}

impl SystemSound {
    /// Opens what the default output plays, and follows where that is another one.
    pub fn open() -> Result<Self, DeviceError> {
        #[cfg(target_os = "linux")]
        let opened = super::system::open()?;
        // The system gives what an output plays to who opens it for input.
        #[cfg(not(target_os = "linux"))]
        let opened = stream::open(SYSTEM, "system-sound", None, build)?;
        Input::new(SYSTEM, opened).map(Self)
    }
}

fn build(device: &Device, setup: Setup) -> Result<(Stream, Consumer<f32>), cpal::Error> {
    let (into, ring) = RingBuffer::new(setup.ring());
    let mut input = Callback {
        ring: into,
        channels: setup.channels(),
        shared: Arc::clone(&setup.shared),
    };
    let stream = device.build_input_stream_raw(
        setup.config,
        setup.format,
        move |data, _| input.take(data),
        move |error| setup.shared.error(&error),
        Some(stream::OPEN_WITHIN),
    )?;
    Ok((stream, ring))
}

impl Input {
    fn new(kind: DeviceKind, opened: Opened<Consumer<f32>>) -> Result<Self, DeviceError> {
        Ok(Self {
            kind,
            resampler: stream::resampler(kind, opened.rate, SAMPLE_RATE as usize)?,
            shared: opened.shared,
            ring: opened.ring,
            rate: opened.rate,
            chunk: [0.0; BLOCK_SAMPLES],
            last: clock::now(),
            _thread: opened.thread,
        })
    }

    fn leave_out_old(&mut self) {
        let block = self.rate / 100;
        let late = self.ring.slots();
        if late > LATE_BLOCKS * block
            && let Ok(old) = self.ring.read_chunk(late - 2 * block)
        {
            self.shared
                .gaps
                .fetch_add(old.len() as u64, Ordering::Relaxed);
            old.commit_all();
        }
    }
}

impl AudioSource for Microphone {
    fn read(&mut self, block: &mut AudioBlock, within: Duration) -> Result<bool, DeviceError> {
        self.0.read(block, within)
    }
}

impl AudioSource for SystemSound {
    fn read(&mut self, block: &mut AudioBlock, within: Duration) -> Result<bool, DeviceError> {
        self.0.read(block, within)
    }
}

impl Input {
    fn read(&mut self, block: &mut AudioBlock, within: Duration) -> Result<bool, DeviceError> {
        let begun = clock::now();
        self.leave_out_old();
        loop {
            if self.resampler.pull(block) {
                return Ok(true);
            }
            let (read, _) = self.ring.pop_partial_slice(&mut self.chunk);
            if read.is_empty() {
                let now = clock::now();
                let left = within.saturating_sub(now.saturating_duration_since(begun));
                self.shared.wait(self.kind, self.last, left)?;
                if left.is_zero() {
                    return Ok(false);
                }
            } else {
                self.resampler.push(read);
                self.last = clock::now();
            }
        }
    }
}

/// The callback's side: nothing here waits, allocates or logs.
struct Callback {
    ring: Producer<f32>,
    channels: usize,
    shared: Arc<Shared>,
}

impl Callback {
    fn take(&mut self, data: &Data) {
        match data.sample_format() {
            SampleFormat::F32 => self.mix::<f32>(data),
            SampleFormat::I16 => self.mix::<i16>(data),
            SampleFormat::I32 => self.mix::<i32>(data),
            SampleFormat::U8 => self.mix::<u8>(data),
            _ => {}
        }
        self.shared.user.unpark();
    }

    fn mix<S: SizedSample>(&mut self, data: &Data)
    where
        f32: FromSample<S>,
    {
        let Some(samples) = data.as_slice::<S>() else {
            return;
        };
        let frames = samples.len() / self.channels;
        let room = frames.min(self.ring.slots());
        if room < frames {
            let lost = (frames - room) as u64;
            self.shared.gaps.fetch_add(lost, Ordering::Relaxed);
        }
        if let Ok(free) = self.ring.write_chunk_uninit(room) {
            let share = 1.0 / self.channels as f32;
            free.fill_from_iter(samples.chunks_exact(self.channels).map(|frame| {
                frame
                    .iter()
                    .map(|sample| f32::from_sample_(*sample))
                    .sum::<f32>()
                    * share
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data<S: SizedSample>(samples: &mut [S]) -> Data {
        #[expect(unsafe_code, reason = "as the sound system makes it")]
        // SAFETY: pointer, length and format are those of the slice, which outlives the data.
        unsafe {
            Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), S::FORMAT)
        }
    }

    #[test]
    fn channels_are_mixed_and_what_does_not_fit_is_counted() {
        let (into, mut ring) = RingBuffer::new(3);
        let mut input = Callback {
            ring: into,
            channels: 2,
            shared: Shared::new(),
        };
        input.take(&data(&mut [0.5f32, -0.25, 1.0, 1.0]));
        assert_eq!((ring.pop(), ring.pop()), (Ok(0.125), Ok(1.0)));
        input.take(&data(&mut [i16::MIN, 0, 0, 0, 16_384, 16_384, 1, 1, 2]));
        assert_eq!(
            (ring.pop(), ring.pop(), ring.pop()),
            (Ok(-0.5), Ok(0.0), Ok(0.5))
        );
        assert_eq!(input.shared.gaps.load(Ordering::Relaxed), 1);
        input.take(&data(&mut [128u8, 128]));
        assert_eq!(ring.pop(), Ok(0.0));
    }
}
