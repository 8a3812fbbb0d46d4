//! YUV4MPEG2 files with 4:2:0 pictures: what `--record` writes and Chromium's fake camera reads.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use ahoy_engine::frame::I420Buffer;
use anyhow::{Context as _, Result, ensure};

/// The luma plane of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Luma {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Row by row, without padding.
    pub pixels: Vec<u8>,
}

impl Luma {
    /// That of a picture of the engine.
    pub fn of(picture: &I420Buffer) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let rows = picture.planes()[0].chunks(picture.strides()[0]);
        let rows: Vec<_> = rows.map(|row| &row[..width]).collect();
        Self {
            width,
            height,
            pixels: rows.concat(),
        }
    }
}

/// A picture as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Brightness.
    pub luma: Luma,
    /// Both colour planes, one after the other.
    pub chroma: Vec<u8>,
}

fn chroma_len(width: usize, height: usize) -> usize {
    2 * width.div_ceil(2) * height.div_ceil(2)
}

/// Reads up to `most` pictures of a file; one that is cut off at the end is left out.
///
/// # Errors
/// The file is none of this kind.
pub fn read(path: &Path, most: usize) -> Result<Vec<Picture>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut file = BufReader::new(file);
    let mut head = String::new();
    file.read_line(&mut head)?;
    let (width, height) = size(&head)?;
    pictures(&mut file, width, height, most)
}

/// The size of the pictures that a file's first line announces.
fn size(head: &str) -> Result<(usize, usize)> {
    ensure!(head.starts_with("YUV4MPEG2 "), "no YUV4MPEG2 file");
    let number = |tag: char| -> Result<usize> {
        head.split_whitespace()
            .find_map(|word| word.strip_prefix(tag)?.parse().ok())
            .with_context(|| format!("no {tag} in {head:?}"))
    };
    Ok((number('W')?, number('H')?))
}

fn pictures(
    file: &mut BufReader<File>,
    width: usize,
    height: usize,
    most: usize,
) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    let mut line = String::new();
    while pictures.len() < most {
        line.clear();
        if file.read_line(&mut line)? == 0 {
            break;
        }
        ensure!(line.starts_with("FRAME"), "no frame where one should be");
        let mut pixels = vec![0; width * height];
        let mut chroma = vec![0; chroma_len(width, height)];
        if file.read_exact(&mut pixels).is_err() || file.read_exact(&mut chroma).is_err() {
            break;
        }
        let luma = Luma {
            width,
            height,
            pixels,
        };
        pictures.push(Picture { luma, chroma });
    }
    Ok(pictures)
}

/// Reads the last `most` pictures of a file that may be too large to be read whole.
///
/// # Errors
/// The file is none of this kind.
pub fn last(path: &Path, most: usize) -> Result<Vec<Picture>> {
    const FRAME: &str = "FRAME\n";
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let mut head = String::new();
    file.read_line(&mut head)?;
    let (width, height) = size(&head)?;
    let each = (FRAME.len() + width * height + chroma_len(width, height)) as u64;
    let count = (length - head.len() as u64) / each;
    let first = head.len() as u64 + count.saturating_sub(most as u64) * each;
    file.seek(SeekFrom::Start(first))?;
    pictures(&mut file, width, height, most)
}

/// Writes a file of pictures, all of one size, 30 a second.
///
/// # Errors
/// The file cannot be written, or the pictures differ in size.
pub fn write(path: &Path, pictures: &[Picture]) -> Result<()> {
    let first = pictures.first().context("no pictures")?;
    let (width, height) = (first.luma.width, first.luma.height);
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg")?;
    for picture in pictures {
        let size = (picture.luma.width, picture.luma.height);
        ensure!(size == (width, height), "pictures of two sizes");
        file.write_all(b"FRAME\n")?;
        file.write_all(&picture.luma.pixels)?;
        file.write_all(&picture.chroma)?;
    }
    Ok(file.flush()?)
}

/// A picture of one brightness, without colour.
pub fn grey(width: usize, height: usize, luma: u8) -> Picture {
    Picture {
        luma: Luma {
            width,
            height,
            pixels: vec![luma; width * height],
        },
        chroma: vec![128; chroma_len(width, height)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let pictures = [grey(6, 4, 20), grey(6, 4, 200)];
        write(&path, &pictures).unwrap();
        assert_eq!(read(&path, 9).unwrap(), pictures);
        assert_eq!(read(&path, 1).unwrap().len(), 1);
        assert_eq!(last(&path, 1).unwrap(), pictures[1..]);
        assert_eq!(last(&path, 9).unwrap(), pictures);
    }

    #[test]
    fn a_last_picture_that_is_cut_off_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        write(&path, &[grey(6, 4, 20), grey(6, 4, 200)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert_eq!(read(&path, 9).unwrap().len(), 1);
    }
}
