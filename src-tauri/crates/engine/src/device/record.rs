//! Received pictures and sound into files: Y4M and WAV.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use hound::{WavSpec, WavWriter as HoundWriter};

use super::{DeviceError, file_error};
use crate::{
    convert::scale,
    frame::{AudioBlock, ColorRange, I420Buffer, SAMPLE_RATE, VideoFrame},
};

/// The longest stretch without a new picture that is filled by repeating the last one. A 720p picture is
/// 1.4 MB: a call on hold must not fill the disk. The file is shorter by what is beyond.
const MAX_STILL: Duration = Duration::from_secs(10);

/// Writes pictures as Y4M at a constant rate: by the time of each, the one before is repeated or
/// replaced, so that the file plays at the speed of the call.
///
/// The first picture says size and colour range; others are fitted into that size with black bars.
#[derive(Debug)]
pub struct Y4mWriter {
    file: BufWriter<File>,
    fps: u32,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    width: u32,
    height: u32,
    /// When slot 0 was.
    start: Instant,
    /// The slot that `last` has; it is not written yet.
    slot: u64,
    last: VideoFrame,
    fitted: I420Buffer,
}

impl Y4mWriter {
    /// Creates the file; `fps` pictures per second are written.
    pub fn create(path: &Path, fps: u32) -> Result<Self, DeviceError> {
        let file = File::create(path).map_err(|e| file_error(path, e))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            fps: fps.max(1),
            begun: None,
        })
    }

    /// Takes a picture; the one before it goes into the file as often as its time asks for.
    pub fn write(&mut self, frame: &VideoFrame) -> Result<(), DeviceError> {
        self.put(frame)
            .map_err(|e| DeviceError::File(e.to_string()))
    }

    fn put(&mut self, frame: &VideoFrame) -> io::Result<()> {
        let Some(begun) = &mut self.begun else {
            let (width, height) = (frame.width(), frame.height());
            let range = match frame.color.range {
                ColorRange::Limited => "LIMITED",
                ColorRange::Full => "FULL",
            };
            writeln!(
                self.file,
                "YUV4MPEG2 W{width} H{height} F{}:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE={range}",
                self.fps
            )?;
            self.begun = Some(Begun {
                width,
                height,
                start: frame.captured,
                slot: 0,
                last: frame.clone(),
                fitted: I420Buffer::new(width, height),
            });
            return Ok(());
        };
        let slots = |time: Duration| (time.as_secs_f64() * f64::from(self.fps)).round() as u64;
        let mut slot = slots(frame.captured.saturating_duration_since(begun.start));
        let most = slots(MAX_STILL);
        if slot > begun.slot + most {
            let beyond = slot - begun.slot - most;
            begun.start += Duration::from_secs_f64(beyond as f64 / f64::from(self.fps));
            slot -= beyond;
        }
        if slot > begun.slot {
            begun.write_last(&mut self.file, slot - begun.slot)?;
            begun.slot = slot;
        }
        begun.last = frame.clone();
        Ok(())
    }

    /// Writes what is held back. Dropping does the same, without saying whether it worked.
    pub fn finish(mut self) -> Result<(), DeviceError> {
        self.end().map_err(|e| DeviceError::File(e.to_string()))
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(mut begun) = self.begun.take() {
            begun.write_last(&mut self.file, 1)?;
        }
        self.file.flush()
    }
}

impl Drop for Y4mWriter {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "the recorded picture is not complete");
        }
    }
}

impl Begun {
    fn write_last(&mut self, file: &mut impl Write, times: u64) -> io::Result<()> {
        let same = (self.last.width(), self.last.height()) == (self.width, self.height);
        if !same {
            fit(&self.last.buffer, &mut self.fitted);
        }
        let picture = if same {
            &self.last.buffer
        } else {
            &self.fitted
        };
        for _ in 0..times {
            file.write_all(b"FRAME\n")?;
            write_planes(picture, file)?;
        }
        Ok(())
    }
}

fn write_planes(picture: &I420Buffer, file: &mut impl Write) -> io::Result<()> {
    let (width, strides) = (picture.width() as usize, picture.strides());
    for (index, plane) in picture.planes().into_iter().enumerate() {
        let row = if index == 0 { width } else { width.div_ceil(2) };
        for line in plane.chunks_exact(strides[index].max(1)) {
            file.write_all(&line[..row])?;
        }
    }
    Ok(())
}

/// Scales a picture into another one, keeping its shape, with black around it.
fn fit(picture: &I420Buffer, out: &mut I420Buffer) {
    let (width, height) = (u64::from(picture.width()), u64::from(picture.height()));
    let (room_width, room_height) = (u64::from(out.width()), u64::from(out.height()));
    let mut black = I420Buffer::new(out.width(), out.height());
    if width == 0 || height == 0 {
        std::mem::swap(out, &mut black);
        return;
    }
    let (to_width, to_height) = if width * room_height > height * room_width {
        (room_width, height * room_width / width)
    } else {
        (width * room_height / height, room_height)
    };
    let even = |side: u64, room: u64| (side.max(2) & !1).min(room) as u32;
    let mut scaled = I420Buffer::new(even(to_width, room_width), even(to_height, room_height));
    scale(picture, &mut scaled);
    let left = (((out.width() - scaled.width()) / 2) & !1) as usize;
    let top = (((out.height() - scaled.height()) / 2) & !1) as usize;
    let strides = [black.strides(), scaled.strides()];
    for (index, (to, from)) in black
        .planes_mut()
        .into_iter()
        .zip(scaled.planes())
        .enumerate()
    {
        let halve = usize::from(index > 0);
        for (row, line) in from.chunks_exact(strides[1][index].max(1)).enumerate() {
            let at = ((top >> halve) + row) * strides[0][index] + (left >> halve);
            if let Some(into) = to.get_mut(at..at + line.len()) {
                into.copy_from_slice(line);
            }
        }
    }
    std::mem::swap(out, &mut black);
}

/// Writes sound as WAV: 16 bits, mono, 48 kHz.
pub struct WavWriter {
    writer: HoundWriter<BufWriter<File>>,
    blocks: u32,
}

impl WavWriter {
    /// Creates the file.
    pub fn create(path: &Path) -> Result<Self, DeviceError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        HoundWriter::create(path, spec)
            .map(|writer| Self { writer, blocks: 0 })
            .map_err(|e| file_error(path, e))
    }

    /// Appends 10 ms.
    pub fn write(&mut self, block: &AudioBlock) -> Result<(), DeviceError> {
        let mut put = || {
            for sample in block {
                self.writer
                    .write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
            }
            self.blocks += 1;
            // The header says the length: what was written so far plays even if the end never comes.
            if self.blocks.is_multiple_of(100) {
                self.writer.flush()?;
            }
            Ok(())
        };
        put().map_err(|e: hound::Error| DeviceError::File(e.to_string()))
    }

    /// Writes what is held back. Dropping does the same, without saying whether it worked.
    pub fn finish(self) -> Result<(), DeviceError> {
        self.writer
            .finalize()
            .map_err(|e| DeviceError::File(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{VideoSource, clock, y4m::FilePicture};
    use super::*;
    use crate::frame::Color;

    fn frame(width: u32, height: u32, luma: u8, at: Instant) -> VideoFrame {
        let mut buffer = I420Buffer::new(width, height);
        buffer.planes_mut()[0].fill(luma);
        VideoFrame::new(buffer, Color::default(), at)
    }

    fn recorded(frames: impl IntoIterator<Item = (u32, u32, u8, u64)>) -> (Vec<u8>, u64) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let start = clock::now();
        let mut writer = Y4mWriter::create(file.path(), 100).unwrap();
        for (width, height, luma, ms) in frames {
            let at = start + Duration::from_millis(ms);
            writer.write(&frame(width, height, luma, at)).unwrap();
        }
        writer.finish().unwrap();
        let mut source = FilePicture::open(file.path()).unwrap();
        let format = source.format();
        let picture = format.width * format.height * 3 / 2 + 6;
        let bytes = file.path().metadata().unwrap().len();
        let head = bytes % u64::from(picture);
        let count = (bytes - head) / u64::from(picture);
        let shown = (0..count.min(40))
            .map(|_| {
                let middle = (format.height / 2 * format.width + format.width / 2) as usize;
                source
                    .read(Duration::ZERO)
                    .unwrap()
                    .unwrap()
                    .buffer
                    .planes()[0][middle]
            })
            .collect();
        (shown, count)
    }

    #[test]
    fn the_file_keeps_the_speed_of_the_call() {
        // 100 a second in the file; these come at 0, 31, 42, 44 and 70 ms.
        let (shown, _) = recorded(
            [(1, 0), (2, 31), (3, 42), (4, 44), (5, 70)].map(|(luma, ms)| (64, 32, luma, ms)),
        );
        assert_eq!(shown, [1, 1, 1, 2, 4, 4, 4, 5]);
    }

    #[test]
    fn other_sizes_are_fitted_into_the_first() {
        let (shown, count) = recorded([(64, 32, 100, 0), (32, 32, 150, 10), (128, 64, 200, 20)]);
        assert_eq!((shown, count), (vec![100, 150, 200], 3));
        let mut out = I420Buffer::new(64, 32);
        fit(&frame(32, 32, 150, clock::now()).buffer, &mut out);
        assert_eq!(&out.planes()[0][64 * 16..][14..18], [16, 16, 150, 150]);
        assert_eq!(&out.planes()[0][64 * 16..][46..50], [150, 150, 16, 16]);
        for (width, height) in [(1, 1), (1, 500), (500, 1), (3, 3), (65, 33)] {
            fit(&frame(width, height, 90, clock::now()).buffer, &mut out);
            fit(
                &frame(64, 32, 90, clock::now()).buffer,
                &mut I420Buffer::new(width, height),
            );
        }
    }

    #[test]
    fn a_long_still_does_not_fill_the_disk() {
        let (_, count) = recorded([
            (16, 16, 1, 0),
            (16, 16, 2, 3_600_000),
            (16, 16, 3, 3_600_010),
        ]);
        assert_eq!(count, 1002);
    }

    #[test]
    fn a_file_that_cannot_be_created_is_an_error() {
        assert!(Y4mWriter::create(Path::new("/nowhere/f.y4m"), 30).is_err());
        assert!(WavWriter::create(Path::new("/nowhere/f.wav")).is_err());
    }

    #[test]
    fn sound_is_written_and_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = WavWriter::create(file.path()).unwrap();
        for n in 0..150 {
            let value = if n < 149 { 0.5 } else { 7.0 };
            writer.write(&[value; 480]).unwrap();
        }
        writer.finish().unwrap();
        let reader = hound::WavReader::open(file.path()).unwrap();
        assert_eq!(reader.duration(), 150 * 480);
        let samples: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
        assert_eq!((samples[0], samples[samples.len() - 1]), (16_384, 32_767));
    }
}
