//! What the app keeps between its runs, each in one JSON file that is read and written whole.

use std::{
    fs,
    io::{self, Write as _},
    marker::PhantomData,
    path::{Path, PathBuf},
};

use ahoy_contract::ErrorCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tracing::warn;

/// The largest file that is read: ours have some kilobytes at most.
const MAX_BYTES: u64 = 256 * 1024;

/// What is kept in a file.
pub(crate) trait Kept: Serialize + DeserializeOwned + Default {
    /// The file's name.
    const FILE: &'static str;
    /// The name of a file that could not be used.
    const SET_ASIDE: &'static str;
    /// The version of the file's form. A file of another version is set aside.
    const VERSION: u32;
    /// What the window says of a damaged file.
    const UNREADABLE: ErrorCode;
    /// What the window says of a file of another version.
    const OTHER_VERSION: ErrorCode;

    /// The version that the file said.
    fn version(&self) -> u32;
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not ours.
    #[error("it holds more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is damaged.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// An older or a newer Ahoy wrote it.
    #[error("it is of version {0}")]
    Version(u32),
}

/// A file in its folder.
#[derive(Debug, Clone)]
pub(crate) struct KeptFile<T> {
    folder: PathBuf,
    holds: PhantomData<fn() -> T>,
}

impl<T: Kept> KeptFile<T> {
    /// The file in this folder, which need not exist yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            holds: PhantomData,
        }
    }

    /// Reads the file; none gives the defaults. One that cannot be used gives them too, is set aside, and why
    /// comes with them.
    pub(crate) fn load(&self) -> (T, Option<Unreadable>) {
        let path = self.folder.join(T::FILE);
        match read(&path) {
            Ok(kept) => (kept, None),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                (T::default(), None)
            }
            Err(error) => {
                let aside = self.folder.join(T::SET_ASIDE);
                warn!(
                    "{} is not used: {error}. It is kept as {}.",
                    path.display(),
                    T::SET_ASIDE
                );
                make_room(&self.folder, T::SET_ASIDE);
                if let Err(error) = fs::rename(&path, aside) {
                    warn!("{} cannot be set aside: {error}", path.display());
                }
                (T::default(), Some(error))
            }
        }
    }

    /// Writes the file: whole or not at all, and for the user's eyes only.
    pub(crate) fn save(&self, kept: &T) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // A temporary file may be read by its owner alone, and stays like that under its new name.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer_pretty(&mut file, kept)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(T::FILE))?;
        Ok(())
    }
}

/// Files that were set aside before and are kept under numbers; the last number is given again and again.
const KEPT_ASIDE: u32 = 99;

/// What was set aside before keeps its content under another name, so that nothing is lost.
fn make_room(folder: &Path, name: &str) {
    let aside = folder.join(name);
    if !aside.exists() {
        return;
    }
    let stem = name.trim_end_matches(".json");
    let numbered = |number| folder.join(format!("{stem}.{number}.json"));
    let free = (1..KEPT_ASIDE).map(numbered).find(|path| !path.exists());
    let older = free.unwrap_or_else(|| numbered(KEPT_ASIDE));
    if let Err(error) = fs::rename(&aside, older) {
        warn!("{} cannot be kept: {error}", aside.display());
    }
}

fn read<T: Kept>(path: &Path) -> Result<T, Unreadable> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    // Read as an object first: serde would take a list for a struct too.
    let fields: Map<String, Value> = serde_json::from_slice(&fs::read(path)?)?;
    // The version counts before the rest, which may be of another form.
    let version = fields.get("version").and_then(Value::as_u64);
    if let Some(version) = version
        && version != u64::from(T::VERSION)
    {
        return Err(Unreadable::Version(
            u32::try_from(version).unwrap_or(u32::MAX),
        ));
    }
    let kept = T::deserialize(Value::Object(fields))?;
    if kept.version() == T::VERSION {
        Ok(kept)
    } else {
        Err(Unreadable::Version(kept.version()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use ahoy_contract::ui::{RelayCall, RelayChoice, RelayShape, Theme};

    #[test]
    fn what_was_kept_is_there_after_a_restart_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/yet/there");
        let file = KeptFile::<Settings>::new(&folder);
        assert!(matches!(file.load(), (settings, None) if settings == Settings::default()));
        let mut settings = Settings::default();
        settings.name = "Ada".into();
        settings.theme = Theme::Dark;
        settings.relay = RelayChoice::Server {
            url: "https://example.org".into(),
        };
        settings.camera = Some("cam".into());
        settings.last_relay = Some(RelayCall {
            url: "ws://192.0.2.1:3002/".into(),
            shape: RelayShape::Both,
        });
        file.save(&settings).unwrap();
        assert!(matches!(file.load(), (loaded, None) if loaded == settings));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.join(Settings::FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_kept_aside_and_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeptFile::<Settings>::new(folder.path());
        let path = folder.path().join(Settings::FILE);
        let aside = folder.path().join(Settings::SET_ASIDE);
        let mut before = None;
        for broken in [
            "",
            "{",
            "[]",
            "\u{0}\u{1}",
            r#"{"version":99}"#,
            r#"{"version":99,"name":{"new":"form"}}"#,
            r#"{"relay":{"type":"moon"}}"#,
            &" ".repeat(MAX_BYTES as usize + 1),
        ] {
            fs::write(&path, broken).unwrap();
            let (settings, fault) = file.load();
            assert_eq!(settings, Settings::default(), "{broken:.20}");
            assert_eq!(
                matches!(fault, Some(Unreadable::Version(99))),
                broken.contains("99"),
                "{broken:.20}"
            );
            assert!(fault.is_some() && !path.exists());
            assert_eq!(fs::read_to_string(&aside).unwrap(), broken);
            let older = folder.path().join("settings.broken.1.json");
            assert_eq!(fs::read_to_string(&older).ok(), before);
            before = Some(broken.to_owned());
            let _ = fs::remove_file(older);
        }
    }

    #[test]
    fn what_is_not_in_the_file_is_as_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeptFile::<Settings>::new(folder.path());
        fs::write(
            folder.path().join(Settings::FILE),
            r#"{"version":1,"name":"Ada","new":1}"#,
        )
        .unwrap();
        let (settings, fault) = file.load();
        assert_eq!((settings.name.as_str(), settings.relay_port), ("Ada", 3002));
        assert!(settings.last_relay.is_none() && fault.is_none());
    }
}
