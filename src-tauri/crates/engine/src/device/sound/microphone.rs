//! Sound from a device.

use std::sync::{Arc, atomic::Ordering};

use cpal::{Data, FromSample, SampleFormat, SizedSample, traits::DeviceTrait};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{Shared, deadline, device_error, host, keep};
use crate::{
    convert::Resampler,
    device::{AudioSource, DeviceError, DeviceKind, driver::DriverThread},
    frame::{AudioBlock, BLOCK_SAMPLES, SAMPLE_RATE},
};

const KIND: DeviceKind = DeviceKind::Microphone;

/// The ring holds this much, in samples a second over this: half a second. When it is full what is new is lost.
const RING_PART: usize = 2;

/// More than this many blocks in the ring mean that the reader was held up: the oldest are left out, as
/// a listener had rather miss a moment than be late from then on.
const LATE_BLOCKS: usize = 20;

/// A microphone, mixed to one channel and resampled to 48 kHz.
///
/// It is read on the thread that opened it.
pub struct Microphone {
    shared: Arc<Shared>,
    ring: Consumer<f32>,
    rate: usize,
    chunk: [f32; BLOCK_SAMPLES],
    resampler: Resampler,
    _stream: DriverThread,
}

impl Microphone {
    /// Opens a microphone by id or name; `None`: the system's default.
    pub fn open(wanted: Option<&str>) -> Result<Self, DeviceError> {
        let shared = Shared::new();
        let (wanted, seen) = (wanted.map(str::to_owned), Arc::clone(&shared));
        let open = move || {
            let device = host::find(KIND, wanted.as_deref())?;
            let (config, format) = host::settings(&device, KIND)?;
            let rate = config.sample_rate as usize;
            let (into, ring) = RingBuffer::new(rate / RING_PART);
            let mut input = Input {
                ring: into,
                channels: usize::from(config.channels),
                shared: Arc::clone(&seen),
            };
            let stream = device
                .build_input_stream_raw(
                    config,
                    format,
                    move |data, _| input.take(data),
                    move |error| seen.error(&error),
                    Some(super::OPEN_WITHIN),
                )
                .map_err(|error| device_error(KIND, &error))?;
            Ok((stream, (ring, rate)))
        };
        let (stream, (ring, rate)) = keep(KIND, "mic-driver", open)?;
        let resampler = u32::try_from(rate)
            .ok()
            .and_then(|rate| Resampler::new(rate, 1, SAMPLE_RATE).ok())
            .ok_or_else(|| DeviceError::Failed(KIND, format!("{rate} samples a second")))?;
        Ok(Self {
            shared,
            ring,
            rate,
            chunk: [0.0; BLOCK_SAMPLES],
            resampler,
            _stream: stream,
        })
    }

    /// Samples that were lost because they were not read in time.
    pub fn lost(&self) -> u64 {
        self.shared.gaps.load(Ordering::Relaxed)
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
    fn read(&mut self, block: &mut AudioBlock) -> Result<(), DeviceError> {
        let deadline = deadline();
        self.leave_out_old();
        loop {
            if self.resampler.pull(block) {
                return Ok(());
            }
            let (read, _) = self.ring.pop_partial_slice(&mut self.chunk);
            if read.is_empty() {
                self.shared.wait(KIND, deadline)?;
            } else {
                self.resampler.push(read);
            }
        }
    }
}

/// The callback's side: nothing here waits, allocates or logs.
struct Input {
    ring: Producer<f32>,
    channels: usize,
    shared: Arc<Shared>,
}

impl Input {
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
        let mut input = Input {
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
