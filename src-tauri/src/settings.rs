//! What the user has set, kept in one JSON file.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ahoy_contract::ui::{Language, RelayChoice, Theme};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::warn;

/// The version of the file's form. A file of another version is set aside.
const VERSION: u32 = 1;

const FILE: &str = "settings.json";
const SET_ASIDE: &str = "settings.broken.json";

/// The largest file that is read: ours have some hundred bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// What the user has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    version: u32,
    /// The name that others see.
    pub(crate) name: String,
    /// Colours.
    pub(crate) theme: Theme,
    /// The language of the window.
    pub(crate) language: Language,
    /// Guests wait until the user lets them in.
    pub(crate) ask_before_entry: bool,
    /// Which relay new calls use.
    pub(crate) relay: RelayChoice,
    /// The port of the built-in relay: the same each time, so that links stay good.
    pub(crate) relay_port: u16,
    /// The chosen camera's id; `None`: the system's default.
    pub(crate) camera: Option<String>,
    /// The chosen microphone's id, likewise.
    pub(crate) microphone: Option<String>,
    /// The chosen speaker's id, likewise.
    pub(crate) speaker: Option<String>,
}

/// The port that the built-in relay tries first: that of `ahoy-relay`.
const RELAY_PORT: u16 = 3002;

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            name: String::new(),
            theme: Theme::System,
            language: Language::System,
            ask_before_entry: false,
            relay: RelayChoice::ThisNetwork,
            relay_port: RELAY_PORT,
            camera: None,
            microphone: None,
            speaker: None,
        }
    }
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it holds more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("it is of version {0}")]
    Version(u32),
}

/// The file, in its folder.
#[derive(Debug, Clone)]
pub(crate) struct SettingsFile {
    folder: PathBuf,
}

impl SettingsFile {
    /// The file in this folder, which need not exist yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Reads the file. None gives the defaults; one that cannot be used is set aside, and the log says so.
    pub(crate) fn load(&self) -> Settings {
        let path = self.folder.join(FILE);
        match read(&path) {
            Ok(settings) => settings,
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Settings::default()
            }
            Err(error) => {
                let aside = self.folder.join(SET_ASIDE);
                warn!(
                    "{} is not used: {error}. It is kept as {SET_ASIDE}.",
                    path.display()
                );
                if let Err(error) = fs::rename(&path, aside) {
                    warn!("{} cannot be set aside: {error}", path.display());
                }
                Settings::default()
            }
        }
    }

    /// Writes the file: whole or not at all.
    pub(crate) fn save(&self, settings: &Settings) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer_pretty(&mut file, settings)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(FILE))?;
        Ok(())
    }
}

fn read(path: &Path) -> Result<Settings, Unreadable> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    // Read as an object first: serde would take a list for a struct too.
    let fields: Map<String, Value> = serde_json::from_slice(&fs::read(path)?)?;
    let settings = Settings::deserialize(Value::Object(fields))?;
    if settings.version == VERSION {
        Ok(settings)
    } else {
        Err(Unreadable::Version(settings.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(&folder.path().join("not/yet/there"));
        assert_eq!(file.load(), Settings::default());
        let settings = Settings {
            name: "Ada".into(),
            theme: Theme::Dark,
            relay: RelayChoice::Server {
                url: "https://example.org".into(),
            },
            camera: Some("cam".into()),
            ..Settings::default()
        };
        file.save(&settings).unwrap();
        assert_eq!(file.load(), settings);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(folder.path());
        let path = folder.path().join(FILE);
        let aside = folder.path().join(SET_ASIDE);
        for broken in [
            "",
            "{",
            "[]",
            r#"{"version":99}"#,
            r#"{"relay":{"type":"moon"}}"#,
            &" ".repeat(MAX_BYTES as usize + 1),
        ] {
            fs::write(&path, broken).unwrap();
            assert_eq!(file.load(), Settings::default(), "{broken:.20}");
            assert!(!path.exists());
            assert_eq!(fs::read_to_string(&aside).unwrap(), broken);
        }
    }

    #[test]
    fn what_is_not_in_the_file_is_as_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(folder.path());
        fs::write(
            folder.path().join(FILE),
            r#"{"version":1,"name":"Ada","new":1}"#,
        )
        .unwrap();
        let settings = file.load();
        assert_eq!((settings.name.as_str(), settings.relay_port), ("Ada", 3002));
    }
}
