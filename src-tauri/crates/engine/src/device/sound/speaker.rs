//! Sound to a device.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cpal::{Data, FromSample, OutputCallbackInfo, SampleFormat, SizedSample, traits::DeviceTrait};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{Shared, stream};
use crate::{
    convert::Resampler,
    device::{AudioSink, DeviceError, DeviceKind, STALLED_AFTER, clock, driver::DriverThread},
    frame::{AudioBlock, BLOCK_SAMPLES, SAMPLE_RATE},
};

const KIND: DeviceKind = DeviceKind::Speaker;

/// A speaker that takes 10 ms at a time and holds little more than two of them.
///
/// It is written on the thread that opened it.
pub struct Speaker {
    shared: Arc<Shared>,
    ring: Producer<f32>,
    rate: usize,
    resampler: Resampler,
    _thread: DriverThread,
}

impl Speaker {
    /// Opens a speaker by id or name; `None`: the system's default.
    pub fn open(wanted: Option<&str>) -> Result<Self, DeviceError> {
        let opened = stream::open(KIND, "speaker-driver", wanted, |device, setup| {
            let (ring, from) = RingBuffer::new(setup.ring());
            let mut output = Output {
                ring: from,
                channels: setup.channels(),
                shared: Arc::clone(&setup.shared),
                begun: false,
            };
            let stream = device.build_output_stream_raw(
                setup.config,
                setup.format,
                move |data, info| output.give(data, info),
                move |error| setup.shared.error(&error),
                Some(stream::OPEN_WITHIN),
            )?;
            Ok((stream, ring))
        })?;
        Ok(Self {
            resampler: stream::resampler(KIND, SAMPLE_RATE as usize, opened.rate)?,
            shared: opened.shared,
            ring: opened.ring,
            rate: opened.rate,
            _thread: opened.thread,
        })
    }

    /// Samples that the device wanted and that were not there.
    pub fn missing(&self) -> u64 {
        self.shared.gaps.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    /// What the ring holds before more is taken: two blocks, or one more than the device takes at once.
    fn enough(&self) -> usize {
        let block = self.rate / 100;
        let largest = self.shared.largest.load(Ordering::Relaxed) as usize;
        let most = self.ring.buffer().capacity().saturating_sub(2 * block);
        (2 * block).max(largest + block).min(most)
    }
}

impl AudioSink for Speaker {
    fn write(&mut self, block: &AudioBlock) -> Result<(), DeviceError> {
        let begun = clock::now();
        self.shared.check(KIND)?;
        while self.waiting() >= self.enough() {
            self.shared.wait(KIND, begun, STALLED_AFTER)?;
        }
        self.resampler.push(block);
        // In steps that any rate's 10 ms is made of, or nearly so.
        let mut part = [0.0; BLOCK_SAMPLES / 8];
        while self.resampler.pull(&mut part) {
            let (_, full) = self.ring.push_partial_slice(&part);
            if !full.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn delay(&self) -> Duration {
        let ring = Duration::from_secs(self.waiting() as u64) / self.rate.max(1) as u32;
        ring + Duration::from_micros(self.shared.delay_us.load(Ordering::Relaxed).into())
    }
}

/// The callback's side: nothing here waits, allocates or logs.
struct Output {
    ring: Consumer<f32>,
    channels: usize,
    shared: Arc<Shared>,
    begun: bool,
}

impl Output {
    fn give(&mut self, data: &mut Data, info: &OutputCallbackInfo) {
        let times = info.timestamp();
        let delay = times.playback.saturating_duration_since(times.callback);
        let delay = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX);
        self.shared.delay_us.store(delay, Ordering::Relaxed);
        match data.sample_format() {
            SampleFormat::F32 => self.spread::<f32>(data),
            SampleFormat::I16 => self.spread::<i16>(data),
            SampleFormat::I32 => self.spread::<i32>(data),
            SampleFormat::U8 => self.spread::<u8>(data),
            _ => {}
        }
        self.shared.user.unpark();
    }

    fn spread<S: SizedSample + FromSample<f32>>(&mut self, data: &mut Data) {
        let Some(samples) = data.as_slice_mut::<S>() else {
            return;
        };
        let frames = samples.len() / self.channels;
        self.shared
            .largest
            .fetch_max(u32::try_from(frames).unwrap_or(u32::MAX), Ordering::Relaxed);
        let here = self.ring.slots().min(frames);
        self.begun |= here > 0;
        if here < frames && self.begun {
            let missing = (frames - here) as u64;
            self.shared.gaps.fetch_add(missing, Ordering::Relaxed);
        }
        let mut ring = self.ring.read_chunk(here).ok().map(IntoIterator::into_iter);
        for frame in samples.chunks_mut(self.channels) {
            let sample = ring.as_mut().and_then(Iterator::next).unwrap_or(0.0);
            frame.fill(S::from_sample_(sample));
        }
    }
}

#[cfg(test)]
mod tests {
    use cpal::{OutputStreamTimestamp, StreamInstant};

    use super::*;

    fn ask<S: SizedSample>(output: &mut Output, samples: &mut [S]) {
        #[expect(unsafe_code, reason = "as the sound system makes it")]
        // SAFETY: pointer, length and format are those of the slice, which outlives the data.
        let mut data =
            unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), S::FORMAT) };
        let info = OutputCallbackInfo::new(OutputStreamTimestamp {
            callback: StreamInstant::from_millis(1000),
            playback: StreamInstant::from_millis(1012),
        });
        output.give(&mut data, &info);
    }

    #[test]
    fn one_channel_goes_to_all_and_what_is_missing_is_silence_and_counted() {
        let (mut into, ring) = RingBuffer::new(8);
        let shared = Shared::new();
        let mut output = Output {
            ring,
            channels: 2,
            shared: Arc::clone(&shared),
            begun: false,
        };
        let mut samples = [7.0f32; 4];
        ask(&mut output, &mut samples);
        assert_eq!(samples, [0.0; 4]);
        assert_eq!(
            shared.gaps.load(Ordering::Relaxed),
            0,
            "nothing was promised yet"
        );
        assert!(into.push_entire_slice(&[0.5, -0.5, 0.25]).is_ok());
        ask(&mut output, &mut samples);
        assert_eq!(samples, [0.5, 0.5, -0.5, -0.5]);
        let mut whole = [9i16; 6];
        ask(&mut output, &mut whole);
        assert_eq!(whole, [8192, 8192, 0, 0, 0, 0]);
        assert_eq!(shared.gaps.load(Ordering::Relaxed), 2);
        assert_eq!(shared.largest.load(Ordering::Relaxed), 3);
        assert_eq!(shared.delay_us.load(Ordering::Relaxed), 12_000);
    }
}
