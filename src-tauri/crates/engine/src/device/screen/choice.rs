//! What the user of a Wayland desktop has chosen, kept so that the desktop need not ask again.

use std::{fs, io, path::PathBuf};

/// The longest token that is read, in bytes; portals give names of some forty.
#[cfg(target_os = "linux")]
const MAX_BYTES: u64 = 4096;

/// Where the portal's restore token is kept: a file for its owner alone, since whoever has the token may be shown the screen
/// without a question. The portal gives out another with each share, and each serves once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortalChoice(Option<PathBuf>);

impl PortalChoice {
    /// In this file, whose folder need not exist yet. `None`: it is not kept, and the desktop asks each time.
    pub fn kept_at(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// Whether there is one, so that the desktop need not ask.
    pub fn is_made(&self) -> bool {
        self.0.as_ref().is_some_and(|file| file.is_file())
    }

    /// Has the desktop ask anew.
    pub fn forget(&self) {
        if let Some(file) = &self.0
            && let Err(error) = fs::remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} stays: {error}", file.display());
        }
    }

    /// The token for the portal.
    #[cfg(target_os = "linux")]
    pub(super) fn token(&self) -> Option<String> {
        use io::Read as _;

        let mut token = String::new();
        let file = fs::File::open(self.0.as_ref()?).ok()?;
        file.take(MAX_BYTES).read_to_string(&mut token).ok()?;
        Some(token).filter(|token| !token.is_empty())
    }

    /// Keeps what the portal has given out; none means that it will ask.
    #[cfg(target_os = "linux")]
    pub(super) fn keep(&self, token: Option<&str>) {
        // What was there has served.
        self.forget();
        if let (Some(file), Some(token)) = (&self.0, token)
            && let Err(error) = write(file, token)
        {
            tracing::warn!("{} is not kept: {error}", file.display());
        }
    }
}

#[cfg(target_os = "linux")]
fn write(file: &std::path::Path, token: &str) -> io::Result<()> {
    use io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(token.as_bytes())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_choice_lasts_for_its_owner_alone_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/yet/there");
        let choice = PortalChoice::kept_at(Some(path.clone()));
        assert_eq!((choice.is_made(), choice.token()), (false, None));
        for token in ["first", "second"] {
            choice.keep(Some(token));
            let again = PortalChoice::kept_at(Some(path.clone()));
            assert_eq!(again.token().as_deref(), Some(token));
            assert!(again.is_made());
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        choice.keep(None);
        assert!(!choice.is_made());
        choice.keep(Some("third"));
        choice.forget();
        choice.forget();
        assert_eq!((choice.is_made(), choice.token()), (false, None));
    }

    #[test]
    fn without_a_place_nothing_is_kept() {
        let choice = PortalChoice::default();
        choice.keep(Some("token"));
        assert_eq!((choice.is_made(), choice.token()), (false, None));
    }

    #[test]
    fn a_file_that_holds_no_token_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let choice = PortalChoice::kept_at(Some(path.clone()));
        for content in [&b""[..], &[0xff, 0xfe]] {
            fs::write(&path, content).unwrap();
            assert_eq!(choice.token(), None);
        }
        fs::write(&path, "x".repeat(1 << 20)).unwrap();
        assert!(choice.token().is_some_and(|token| token.len() == 4096));
    }
}
