//! What the environment asks for: for tests, and for machines without devices.

use std::{env, ffi::OsString, path::PathBuf};

use ahoy_contract::ui::RelayChoice;
use ahoy_engine::device::{AudioSpec, PortalChoice, SpeakerSpec, VideoSpec};
use directories::ProjectDirs;

use crate::server::Server;

/// A variable that holds something else than it may.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// The value is none of the allowed ones.
    #[error("{name}: {reason}")]
    Value {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no place to keep anything.
    #[error("there is no home folder: set AHOY_HOME")]
    NoHome,
}

/// What the environment asks for.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Where settings are kept.
    pub(crate) config_folder: PathBuf,
    /// Where the relay's identity is kept.
    pub(crate) data_folder: PathBuf,
    /// The source of pictures instead of the chosen camera.
    pub(crate) video: Option<VideoSpec>,
    /// The source of sound instead of the chosen microphone.
    pub(crate) audio: Option<AudioSpec>,
    /// The speaker instead of the chosen one.
    pub(crate) speaker: Option<SpeakerSpec>,
    /// The relay instead of the chosen one.
    pub(crate) relay: Option<RelayChoice>,
}

impl Environment {
    /// Reads the process's environment.
    pub(crate) fn read() -> Result<Self, EnvironmentError> {
        Self::of(|name| env::var_os(name))
    }

    /// Where it is kept what the user of a Wayland desktop has chosen to show: for its owner's eyes only.
    pub(crate) fn screen_choice(&self) -> PortalChoice {
        PortalChoice::kept_at(Some(self.data_folder.join("screen-choice")))
    }

    fn of(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let (config_folder, data_folder) = match get("AHOY_HOME") {
            Some(home) => (PathBuf::from(&home), PathBuf::from(home)),
            None => {
                let folders =
                    ProjectDirs::from("org", "Ahoy", "ahoy").ok_or(EnvironmentError::NoHome)?;
                (
                    folders.config_dir().to_owned(),
                    folders.data_dir().to_owned(),
                )
            }
        };
        let text = |name: &'static str| match get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(fault(name)("it is not UTF-8")),
        };
        Ok(Self {
            config_folder,
            data_folder,
            video: read("AHOY_VIDEO", text("AHOY_VIDEO")?, str::parse)?,
            audio: read("AHOY_AUDIO", text("AHOY_AUDIO")?, str::parse)?,
            speaker: read("AHOY_SPEAKER", text("AHOY_SPEAKER")?, str::parse)?,
            relay: read("AHOY_RELAY", text("AHOY_RELAY")?, relay)?,
        })
    }
}

fn fault<E: std::fmt::Display>(name: &'static str) -> impl Fn(E) -> EnvironmentError {
    move |error| EnvironmentError::Value {
        name,
        reason: error.to_string(),
    }
}

fn read<T, E: std::fmt::Display>(
    name: &'static str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, EnvironmentError> {
    text.map(|text| parse(&text).map_err(fault(name)))
        .transpose()
}

/// `this_network`, `this_computer` or the address of a server.
fn relay(text: &str) -> Result<RelayChoice, ahoy_contract::LinkError> {
    Ok(match text {
        "this_network" => RelayChoice::ThisNetwork,
        "this_computer" => RelayChoice::ThisComputer,
        url => RelayChoice::Server {
            url: url.parse::<Server>()?.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn nothing_set_changes_nothing() {
        let read = of(&[("AHOY_HOME", "/tmp/x")]).unwrap();
        assert_eq!(read.config_folder, PathBuf::from("/tmp/x"));
        assert_eq!(read.data_folder, PathBuf::from("/tmp/x"));
        assert_eq!(
            (read.video, read.audio, read.speaker, read.relay),
            (None, None, None, None)
        );
    }

    #[test]
    fn what_is_set_is_read_as_ahoy_call_reads_its_flags() {
        let read = of(&[
            ("AHOY_HOME", "/tmp/x"),
            ("AHOY_VIDEO", "test"),
            ("AHOY_AUDIO", "file:a.wav"),
            ("AHOY_SPEAKER", "none"),
            ("AHOY_RELAY", "https://example.org/"),
        ])
        .unwrap();
        assert_eq!(read.video, Some(VideoSpec::Test(None)));
        assert_eq!(read.audio, Some(AudioSpec::File("a.wav".into())));
        assert_eq!(read.speaker, Some(SpeakerSpec::None));
        let url = "https://example.org".into();
        assert_eq!(read.relay, Some(RelayChoice::Server { url }));
    }

    #[test]
    fn a_mistake_is_named() {
        for (name, value) in [
            ("AHOY_VIDEO", "tset"),
            ("AHOY_AUDIO", ""),
            ("AHOY_RELAY", "here"),
        ] {
            let error = of(&[("AHOY_HOME", "/tmp/x"), (name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
