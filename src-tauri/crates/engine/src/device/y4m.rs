//! YUV4MPEG2: a line of text, then pictures, each after a line of its own. What ffmpeg and Chromium's
//! fake camera read and write.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

use super::{
    DeviceError, VideoFormat, VideoSource,
    clock::{self, Pace},
    file_error, open_file,
};
use crate::{
    convert,
    frame::{Color, ColorRange, FramePool, VideoFrame},
};

/// The longest line; a file without line ends must not fill the memory.
const MAX_LINE: u64 = 1024;
const MAX_SIDE: u32 = 8192;
const MAX_FPS: u32 = 240;

/// What the first line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    width: u32,
    height: u32,
    /// Pictures ...
    frames: u32,
    /// ... in so many seconds.
    seconds: u32,
    mono: bool,
    range: ColorRange,
}

impl Header {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err("it is no Y4M file".into());
        }
        let mut header = Self {
            width: 0,
            height: 0,
            frames: 0,
            seconds: 0,
            mono: false,
            range: ColorRange::Limited,
        };
        for word in words.filter(|w| !w.is_empty()) {
            let mut letters = word.chars();
            let kind = letters.next();
            let value = letters.as_str();
            match kind {
                Some('W') => header.width = value.parse().unwrap_or(0),
                Some('H') => header.height = value.parse().unwrap_or(0),
                Some('F') => {
                    let (frames, seconds) = value.split_once(':').unwrap_or((value, "1"));
                    header.frames = frames.parse().unwrap_or(0);
                    header.seconds = seconds.parse().unwrap_or(0);
                }
                Some('C') => match value {
                    "420" | "420jpeg" | "420mpeg2" | "420paldv" => header.mono = false,
                    "mono" => header.mono = true,
                    other => return Err(format!("its colour format {other:.20} is not 4:2:0")),
                },
                Some('X') if value == "COLORRANGE=FULL" => header.range = ColorRange::Full,
                // Interlacing, the shape of pixels and comments do not matter here.
                _ => {}
            }
        }
        let sides = 2..=MAX_SIDE;
        if !sides.contains(&header.width) || !sides.contains(&header.height) {
            return Err("its size is missing or absurd".into());
        }
        if header.seconds == 0 || !(1..=MAX_FPS).contains(&header.rounded_fps()) {
            return Err("its rate is missing or absurd".into());
        }
        Ok(header)
    }

    fn rounded_fps(&self) -> u32 {
        let seconds = u64::from(self.seconds.max(1));
        u32::try_from((u64::from(self.frames) + seconds / 2) / seconds).unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> usize {
        let (width, height) = (self.width as usize, self.height as usize);
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        width * height + if self.mono { 0 } else { 2 * chroma }
    }
}

/// Brings the pictures of a file, over and over, at the file's rate.
#[derive(Debug)]
pub struct FilePicture {
    file: BufReader<File>,
    header: Header,
    first: u64,
    data: Vec<u8>,
    pace: Pace,
    pool: FramePool,
}

impl FilePicture {
    /// Opens a file and reads its first line.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let mut file = BufReader::new(open_file(path)?);
        let mut head = || {
            let line = line(&mut file).map_err(|e| e.to_string())?;
            let header = Header::parse(&line)?;
            let first = file.stream_position().map_err(|e| e.to_string())?;
            Ok((header, first))
        };
        let (header, first) = head().map_err(|detail: String| file_error(path, detail))?;
        let mut picture = Self {
            file,
            header,
            first,
            data: Vec::new(),
            pace: Pace::new(clock::now(), header.frames, header.seconds),
            pool: FramePool::new(),
        };
        // Whether there is a picture at all is better said now than in the middle of a call.
        picture
            .next()
            .and_then(|()| picture.rewind())
            .map_err(|error| file_error(path, error))?;
        Ok(picture)
    }

    /// The next picture's bytes into `data`; the first again after the last.
    fn next(&mut self) -> io::Result<()> {
        for _ in 0..2 {
            match self.frame() {
                // A last picture that is cut short ends the file, too.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.rewind()?,
                other => return other,
            }
        }
        Err(io::Error::new(
            ErrorKind::InvalidData,
            "it holds no whole picture",
        ))
    }

    fn frame(&mut self) -> io::Result<()> {
        let line = line(&mut self.file)?;
        if line != "FRAME" && !line.starts_with("FRAME ") {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is damaged"));
        }
        self.data.resize(self.header.bytes(), 0);
        self.file.read_exact(&mut self.data)
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.first)).map(|_| ())
    }
}

impl FilePicture {
    /// What the file says of its pictures.
    pub fn format(&self) -> VideoFormat {
        VideoFormat {
            width: self.header.width,
            height: self.header.height,
            fps: self.header.rounded_fps(),
        }
    }

    /// Waits until the next picture is due.
    fn picture(&mut self) -> Result<VideoFrame, DeviceError> {
        self.next()
            .map_err(|error| DeviceError::File(error.to_string()))?;
        let Header {
            width,
            height,
            mono,
            range,
            ..
        } = self.header;
        let buffer = self
            .pool
            .make(width, height, |out| {
                if mono {
                    let [luma, u, v] = out.planes_mut();
                    luma.copy_from_slice(&self.data);
                    u.fill(128);
                    v.fill(128);
                    Ok(())
                } else {
                    convert::i420(&self.data, out)
                }
            })
            .map_err(|error| DeviceError::File(error.to_string()))?;
        self.pace.wait();
        Ok(VideoFrame {
            buffer,
            color: Color {
                range,
                ..Color::default()
            },
            captured: clock::now(),
        })
    }
}

impl VideoSource for FilePicture {
    fn read(&mut self, _within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        self.picture().map(Some)
    }
}

/// One line without its end.
fn line(file: &mut BufReader<File>) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn two_pictures(head: &str, bytes: usize) -> Vec<u8> {
        let mut file = format!("YUV4MPEG2 {head}\n").into_bytes();
        for value in [50, 60] {
            file.extend(b"FRAME Ip\n");
            file.extend(vec![value; bytes]);
        }
        file
    }

    #[test]
    fn pictures_come_over_and_over_at_the_rate_of_the_file() {
        let file = file(&two_pictures(
            "W5 H3 F100:1 Ip A1:1 C420jpeg XYSCSS=420JPEG",
            27,
        ));
        let mut source = FilePicture::open(file.path()).unwrap();
        assert_eq!(
            source.format(),
            VideoFormat {
                width: 5,
                height: 3,
                fps: 100
            }
        );
        let begin = clock::now();
        let shown: Vec<u8> = (0..5)
            .map(|_| source.picture().unwrap().buffer.planes()[0][0])
            .collect();
        assert_eq!(shown, [50, 60, 50, 60, 50]);
        assert!(begin.elapsed().as_millis() >= 35);
    }

    #[test]
    fn what_others_write_is_understood() {
        for (head, bytes) in [
            ("W4 H4 F30000:1001 C420mpeg2", 24),
            ("W4 H4 F25:1 C420paldv", 24),
            ("W4 H4 F25", 24),
            ("W4 H4 F30:1 Cmono XCOLORRANGE=FULL", 16),
        ] {
            let file = file(&two_pictures(head, bytes));
            let frame = FilePicture::open(file.path()).unwrap().picture().unwrap();
            let chroma = if head.contains("mono") { 128 } else { 50 };
            assert_eq!(frame.buffer.planes()[0][15], 50);
            assert_eq!(frame.buffer.planes()[2][3], chroma);
            assert_eq!(frame.color.range == ColorRange::Full, head.contains("FULL"));
        }
    }

    #[test]
    fn a_last_picture_that_is_cut_short_is_left_out() {
        let mut bytes = two_pictures("W4 H4 F200:1", 24);
        bytes.truncate(bytes.len() - 5);
        let file = file(&bytes);
        let mut source = FilePicture::open(file.path()).unwrap();
        for _ in 0..3 {
            assert_eq!(source.picture().unwrap().buffer.planes()[0][0], 50);
        }
    }

    #[test]
    fn hostile_files_are_errors() {
        let cases: Vec<Vec<u8>> = vec![
            vec![],
            b"RIFF".to_vec(),
            vec![b'Y'; 5000],
            b"YUV4MPEG2 W4 H4 F30:1\n".to_vec(),
            two_pictures("W4 H4 F30:0", 24),
            two_pictures("W4 H4 F0:1", 24),
            two_pictures("W4 H4", 24),
            two_pictures("W-4 H4 F30:1", 24),
            two_pictures("W4294967295 H4294967295 F30:1", 24),
            two_pictures("W100000 H100000 F30:1", 24),
            two_pictures("W4 H4 F30:1 C444", 48),
            two_pictures("W4 H4 F30:1 C420p10", 48),
            two_pictures("W8000 H8000 F30:1", 24),
            [b"YUV4MPEG2 W4 H4 F30:1\nFRAMX\n".to_vec(), vec![0; 24]].concat(),
            [
                b"YUV4MPEG2 W4 H4 F30:1 X\xff\xfe\nFRAME\n".to_vec(),
                vec![0; 24],
            ]
            .concat(),
        ];
        for bytes in cases {
            let file = file(&bytes);
            let error = FilePicture::open(file.path()).unwrap_err();
            assert!(matches!(error, DeviceError::File(_)), "{error}");
        }
        assert!(FilePicture::open(Path::new("/nowhere/at/all.y4m")).is_err());
        assert!(FilePicture::open(Path::new("/")).is_err());
    }
}
