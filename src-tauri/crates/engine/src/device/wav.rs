//! WAV files as a microphone.

use std::{fs::File, io::BufReader, path::Path, time::Duration};

use hound::{SampleFormat, WavReader};

use super::{
    AudioSource, DeviceError,
    clock::{self, Pace},
    file_error, open_file,
};
use crate::{
    convert::Resampler,
    frame::{AudioBlock, SAMPLE_RATE},
};

/// Brings a file's sound, over and over, at its pace: channels mixed, resampled to 48 kHz.
pub struct FileSound {
    reader: WavReader<BufReader<File>>,
    /// Full scale of whole-number samples.
    scale: f32,
    /// Samples of all channels in 10 ms.
    chunk: usize,
    samples: Vec<f32>,
    resampler: Resampler,
    pace: Pace,
}

impl FileSound {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let file = BufReader::new(open_file(path)?);
        let reader = WavReader::new(file).map_err(|e| file_error(path, e))?;
        let spec = reader.spec();
        let resampler = Resampler::new(spec.sample_rate, spec.channels.into(), SAMPLE_RATE)
            .map_err(|e| file_error(path, e))?;
        if reader.duration() == 0 {
            return Err(file_error(path, "it holds no sound"));
        }
        let scale = match spec.sample_format {
            SampleFormat::Float => 1.0,
            SampleFormat::Int => 2f32.powi(i32::from(spec.bits_per_sample) - 1),
        };
        Ok(Self {
            reader,
            scale,
            chunk: (spec.sample_rate as usize / 100).max(1) * usize::from(spec.channels),
            samples: Vec::new(),
            resampler,
            pace: Pace::new(clock::now(), 100, 1),
        })
    }

    /// Feeds the resampler with the next 10 ms; from the beginning again at the end.
    fn feed(&mut self) -> Result<(), hound::Error> {
        self.samples.clear();
        self.read_chunk()?;
        if self.samples.is_empty() {
            self.reader.seek(0)?;
            self.read_chunk()?;
            if self.samples.is_empty() {
                return Err(hound::Error::FormatError("it holds no sound"));
            }
        }
        self.resampler.push(&self.samples);
        Ok(())
    }

    fn read_chunk(&mut self) -> Result<(), hound::Error> {
        match self.reader.spec().sample_format {
            SampleFormat::Float => {
                for sample in self.reader.samples::<f32>().take(self.chunk) {
                    self.samples.push(sample?.clamp(-1.0, 1.0));
                }
            }
            SampleFormat::Int => {
                for sample in self.reader.samples::<i32>().take(self.chunk) {
                    self.samples.push(sample? as f32 / self.scale);
                }
            }
        }
        Ok(())
    }
}

impl AudioSource for FileSound {
    fn read(&mut self, block: &mut AudioBlock, _within: Duration) -> Result<bool, DeviceError> {
        while !self.resampler.pull(block) {
            self.feed()
                .map_err(|error| DeviceError::File(error.to_string()))?;
        }
        self.pace.wait();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use hound::{WavSpec, WavWriter};

    use super::*;
    use crate::frame::BLOCK_SAMPLES;

    /// The root mean square in dB below full scale.
    fn level(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).log10()
    }

    fn tone(spec: WavSpec, frames: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = WavWriter::create(file.path(), spec).unwrap();
        for n in 0..frames {
            let t = n as f32 / spec.sample_rate as f32;
            let value = 0.5 * (std::f32::consts::TAU * 500.0 * t).sin();
            for _ in 0..spec.channels {
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value).unwrap(),
                    SampleFormat::Int => {
                        let full = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
                        writer.write_sample((value * full) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        file
    }

    #[test]
    fn all_kinds_of_files_play_at_their_level_and_over_again() {
        for (rate, channels, bits, sample_format) in [
            (48_000, 1, 16, SampleFormat::Int),
            (44_100, 2, 24, SampleFormat::Int),
            (8_000, 1, 8, SampleFormat::Int),
            (16_000, 2, 32, SampleFormat::Float),
        ] {
            let spec = WavSpec {
                channels,
                sample_rate: rate,
                bits_per_sample: bits,
                sample_format,
            };
            let file = tone(spec, rate / 10);
            let mut sound = FileSound::open(file.path()).unwrap();
            let mut heard = Vec::new();
            let mut block = [0.0; BLOCK_SAMPLES];
            for _ in 0..25 {
                assert!(sound.read(&mut block, Duration::ZERO).unwrap());
                heard.extend_from_slice(&block);
            }
            let heard = level(&heard[4800..]);
            assert!((heard + 9.03).abs() < 0.5, "{rate} Hz: {heard} dB");
        }
    }

    #[test]
    fn hostile_files_are_errors() {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let empty = tone(spec, 0);
        assert!(FileSound::open(empty.path()).is_err());

        let whole = std::fs::read(tone(spec, 100).path()).unwrap();
        for bytes in [&b""[..], b"RIFF", b"YUV4MPEG2", &whole[..20], &whole[..44]] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            if let Ok(mut sound) = FileSound::open(file.path()) {
                let mut block = [0.0; BLOCK_SAMPLES];
                assert!((0..30).any(|_| sound.read(&mut block, Duration::ZERO).is_err()));
            }
        }
        assert!(FileSound::open(Path::new("/nowhere/at/all.wav")).is_err());
    }
}
