//! Sources and sinks as they are written on a command line and in the environment. Pure.

use std::str::FromStr;

use super::{AudioSpec, ScreenSpec, SpeakerSpec, VideoFormat, VideoSpec};

/// A text that names no source or sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of {forms}")]
pub struct SpecError {
    text: String,
    forms: &'static str,
}

/// The largest side of a test picture, and the most pictures per second: what a mistyped zero must not
/// turn into gigabytes.
const MAX_SIDE: u32 = 7680;
const MAX_FPS: u32 = 240;

/// `KIND` or `KIND:REST`; an empty rest is a mistake, not a default.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once(':') {
        Some((_, "")) => None,
        Some((kind, rest)) => Some((kind, Some(rest))),
        None => Some((text, None)),
    }
}

impl FromStr for VideoFormat {
    type Err = SpecError;

    /// Reads `WxH@FPS`.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let read = || {
            let (size, fps) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            let number = |text: &str, max: u32| {
                text.parse()
                    .ok()
                    .filter(|number| (1..=max).contains(number))
            };
            Some(Self {
                width: number(width, MAX_SIDE)?,
                height: number(height, MAX_SIDE)?,
                fps: number(fps, MAX_FPS)?,
            })
        };
        read().ok_or_else(|| SpecError {
            text: text.to_owned(),
            forms: "WIDTHxHEIGHT@FPS",
        })
    }
}

impl FromStr for VideoSpec {
    type Err = SpecError;

    /// Reads `camera[:NAME]`, `screen[:N]`, `screen:window=TITLE`, `test[:WxH@FPS]`, `file:F.y4m` or `none`.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        match split(text) {
            Some(("camera", name)) => Ok(Self::Camera(name.map(str::to_owned))),
            Some(("screen", None)) => Ok(Self::Screen(ScreenSpec::Default)),
            Some(("screen", Some(screen))) => Ok(Self::Screen(screen.parse()?)),
            Some(("test", None)) => Ok(Self::Test(None)),
            Some(("test", Some(format))) => Ok(Self::Test(Some(format.parse()?))),
            Some(("file", Some(path))) => Ok(Self::File(path.into())),
            Some(("none", None)) => Ok(Self::None),
            _ => Err(SpecError {
                text: text.to_owned(),
                forms: "camera[:NAME], screen[:N|:window=TITLE], test[:WxH@FPS], file:F.y4m, none",
            }),
        }
    }
}

impl FromStr for ScreenSpec {
    type Err = SpecError;

    /// Reads a monitor's number, from 0, or `window=TITLE`.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let read = || match text.split_once('=') {
            Some(("window", title)) if !title.is_empty() => Some(Self::Window(title.to_owned())),
            Some(_) => None,
            None => text.parse().ok().map(Self::Monitor),
        };
        read().ok_or_else(|| SpecError {
            text: text.to_owned(),
            forms: "a monitor's number, window=TITLE",
        })
    }
}

impl FromStr for AudioSpec {
    type Err = SpecError;

    /// Reads `mic[:NAME]`, `system`, `test`, `file:F.wav` or `none`.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        match split(text) {
            Some(("mic", name)) => Ok(Self::Microphone(name.map(str::to_owned))),
            Some(("system", None)) => Ok(Self::System),
            Some(("test", None)) => Ok(Self::Test),
            Some(("file", Some(path))) => Ok(Self::File(path.into())),
            Some(("none", None)) => Ok(Self::None),
            _ => Err(SpecError {
                text: text.to_owned(),
                forms: "mic[:NAME], system, test, file:F.wav, none",
            }),
        }
    }
}

impl FromStr for SpeakerSpec {
    type Err = std::convert::Infallible;

    /// Reads `none` or a name; `default` is the system's default.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            "" | "default" => Self::Speaker(None),
            name => Self::Speaker(Some(name.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_read_as_it_is_documented() {
        let video = |text: &str| text.parse::<VideoSpec>();
        assert_eq!(video("camera"), Ok(VideoSpec::Camera(None)));
        assert_eq!(
            video("camera:A: B"),
            Ok(VideoSpec::Camera(Some("A: B".into())))
        );
        assert_eq!(video("test"), Ok(VideoSpec::Test(None)));
        let format = VideoFormat {
            width: 640,
            height: 360,
            fps: 15,
        };
        assert_eq!(video("test:640x360@15"), Ok(VideoSpec::Test(Some(format))));
        assert_eq!(
            video("file:/a:b.y4m"),
            Ok(VideoSpec::File("/a:b.y4m".into()))
        );
        assert_eq!(video("none"), Ok(VideoSpec::None));
        let screen = |text: &str| match video(text) {
            Ok(VideoSpec::Screen(screen)) => screen,
            other => panic!("{other:?}"),
        };
        assert_eq!(screen("screen"), ScreenSpec::Default);
        assert_eq!(screen("screen:1"), ScreenSpec::Monitor(1));
        assert_eq!(
            screen("screen:window=a=b: c"),
            ScreenSpec::Window("a=b: c".into())
        );
        let audio = |text: &str| text.parse::<AudioSpec>();
        assert_eq!(audio("mic"), Ok(AudioSpec::Microphone(None)));
        assert_eq!(audio("mic:X"), Ok(AudioSpec::Microphone(Some("X".into()))));
        assert_eq!(audio("system"), Ok(AudioSpec::System));
        assert_eq!(audio("test"), Ok(AudioSpec::Test));
        assert_eq!(audio("file:a.wav"), Ok(AudioSpec::File("a.wav".into())));
        assert_eq!("none".parse(), Ok(SpeakerSpec::None));
        assert_eq!("X".parse(), Ok(SpeakerSpec::Speaker(Some("X".into()))));
    }

    #[test]
    fn what_is_mistyped_is_refused() {
        for text in [
            "",
            "cam",
            "camera:",
            "test:",
            "test:640x360",
            "test:0x0@0",
            "test:99999x1@30",
            "file",
            "file:",
            "none:x",
            "test:640x360@-1",
            "screen:",
            "screen:-1",
            "screen:first",
            "screen:window=",
            "screen:window",
            "screen:title=x",
        ] {
            assert!(text.parse::<VideoSpec>().is_err(), "{text}");
        }
        for text in ["", "test:1", "system:1", "microphone", "file:", "none:x"] {
            assert!(text.parse::<AudioSpec>().is_err(), "{text}");
        }
    }
}
