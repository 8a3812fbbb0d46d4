//! What nobody else on this computer shall read: links and passwords come from a file or from standard input too, because
//! every user can list the arguments of every program.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use ahoy_contract::{ErrorCode, UserError, wire::IceServer};

use super::args::Args;

/// The most that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The name that stands for standard input.
const STDIN: &str = "-";

/// What was given on the command line or elsewhere.
#[derive(Debug)]
pub(crate) struct Given {
    /// A link, or the address of a relay.
    pub(crate) url: String,
    /// Servers for ICE.
    pub(crate) ice_servers: Vec<IceServer>,
}

/// Reads what the command line names a place for; the rest is taken from it.
///
/// # Errors
/// [`File`](ErrorCode::File): something cannot be read, or is not what it should be.
pub(crate) fn read(args: &Args, stdin: &mut dyn BufRead) -> Result<Given, UserError> {
    let link = match (&args.link_file, args.url.as_deref()) {
        (Some(file), _) => Some(Source::of(file)),
        (None, Some(STDIN)) => Some(Source::Stdin),
        (None, _) => None,
    };
    let servers = args.ice_server_file.as_deref().map(Source::of);
    if matches!(
        (&link, &servers),
        (Some(Source::Stdin), Some(Source::Stdin))
    ) {
        return Err(fault(
            "The link and the servers for ICE cannot both be read from standard input.",
            "Read one of them from a file.",
        ));
    }
    let url = match link {
        Some(source) => link_of(&source, stdin)?,
        None => args
            .url
            .clone()
            .ok_or_else(|| fault("Give a link, or the address of a relay.", ""))?,
    };
    let mut ice_servers = args
        .ice_servers
        .iter()
        .map(|text| {
            ice_server(text).ok_or_else(|| {
                // Of a text that has another form nothing is repeated: any part of it may be the password.
                fault("--ice-server must begin with stun:, turn: or turns:.", "")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(source) = servers {
        ice_servers.extend(ice_servers_of(&source, stdin)?);
    }
    Ok(Given { url, ice_servers })
}

/// Reads `URL[,USER,PASSWORD]`.
fn ice_server(text: &str) -> Option<IceServer> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let known = ["stun:", "turn:", "turns:"];
    known
        .iter()
        .any(|scheme| url.starts_with(scheme))
        .then(|| IceServer {
            urls: vec![url.to_owned()],
            username: parts.next().map(str::to_owned),
            credential: parts.next().map(str::to_owned),
        })
}

/// The first line. From a terminal or a pipe no more than that is waited for.
fn link_of(source: &Source, stdin: &mut dyn BufRead) -> Result<String, UserError> {
    let line = source.read(stdin, |reader, bytes| {
        reader.take(MAX_BYTES + 1).read_until(b'\n', bytes)
    })?;
    let link = line.trim();
    if link.is_empty() {
        let message = format!("{source} holds no link in its first line.");
        return Err(fault(message, "It is to hold the link and nothing else."));
    }
    Ok(link.to_owned())
}

/// A server in each line; empty lines and those that begin with # are left out.
fn ice_servers_of(source: &Source, stdin: &mut dyn BufRead) -> Result<Vec<IceServer>, UserError> {
    let text = source.read(stdin, |reader, bytes| {
        reader.take(MAX_BYTES + 1).read_to_end(bytes)
    })?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| {
            ice_server(line).ok_or_else(|| {
                fault(
                    format!("{source}, line {}: this is no server for ICE.", at + 1),
                    "Each line is URL[,USER,PASSWORD], and the URL begins with stun:, turn: or turns:.",
                )
            })
        })
        .collect()
}

/// Where something is read from.
#[derive(Debug)]
enum Source {
    Stdin,
    File(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdin => f.write_str("Standard input"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Source {
    fn of(path: &Path) -> Self {
        if path == Path::new(STDIN) {
            Self::Stdin
        } else {
            Self::File(path.to_owned())
        }
    }

    /// What `read` puts into the buffer, which may be one byte more than is allowed.
    fn read(
        &self,
        stdin: &mut dyn BufRead,
        read: impl FnOnce(&mut dyn BufRead, &mut Vec<u8>) -> io::Result<usize>,
    ) -> Result<String, UserError> {
        let mut bytes = Vec::new();
        let done = match self {
            Self::Stdin => read(stdin, &mut bytes),
            Self::File(path) => {
                File::open(path).and_then(|file| read(&mut BufReader::new(file), &mut bytes))
            }
        };
        done.map_err(|error| fault(format!("{self} cannot be read: {error}."), ""))?;
        if bytes.len() as u64 > MAX_BYTES {
            let message = format!("{self} holds more than {} KiB.", MAX_BYTES / 1024);
            return Err(fault(message, "This may be another file than you meant."));
        }
        String::from_utf8(bytes).map_err(|_| {
            let hint = "This may be another file than you meant.";
            fault(format!("{self} is not text in UTF-8."), hint)
        })
    }
}

fn fault(message: impl Into<String>, hint: &str) -> UserError {
    UserError::new(ErrorCode::File, message, hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const LINK: &str = "http://127.0.0.1:1/r/aaaaaaaaaaaaaaaaaaaaaaaaaa#AAECAwQFBgcICQoLDA0ODw";

    fn given(line: &[&str], mut stdin: &[u8]) -> Result<Given, UserError> {
        let args = Args::try_parse_from(["ahoy-call"].iter().chain(line)).unwrap();
        read(&args, &mut stdin)
    }

    fn file(content: impl AsRef<[u8]>) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, content).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        (file, path)
    }

    #[test]
    fn a_link_is_the_first_line_of_a_file_or_of_standard_input() {
        let (_kept, path) = file(format!("  {LINK}\r\nsomething else\n"));
        for line in [&["-"][..], &["--link-file", "-"], &["--link-file", &path]] {
            let read = given(line, format!("{LINK}\nmore").as_bytes()).unwrap();
            assert_eq!(read.url, LINK, "{line:?}");
        }
        assert_eq!(given(&[LINK], b"other").unwrap().url, LINK);
    }

    #[test]
    fn no_more_than_the_line_is_taken_from_standard_input() {
        let args = Args::try_parse_from(["ahoy-call", "-"]).unwrap();
        let text = format!("{LINK}\nrest");
        let mut stdin = text.as_bytes();
        read(&args, &mut stdin).unwrap();
        assert_eq!(stdin, b"rest");
    }

    #[test]
    fn servers_come_from_a_file_beside_those_of_the_command_line() {
        let (_kept, path) = file("# ours\n\nturn:a.example,ada,pass,word\n stun:b.example \n");
        let read = given(
            &[
                LINK,
                "--ice-server",
                "stun:c.example",
                "--ice-server-file",
                &path,
            ],
            b"",
        )
        .unwrap();
        let urls: Vec<_> = read
            .ice_servers
            .iter()
            .map(|it| it.urls[0].as_str())
            .collect();
        assert_eq!(urls, ["stun:c.example", "turn:a.example", "stun:b.example"]);
        let turn = &read.ice_servers[1];
        assert_eq!(turn.username.as_deref(), Some("ada"));
        assert_eq!(turn.credential.as_deref(), Some("pass,word"));
        let read = given(&[LINK, "--ice-server-file", "-"], b"stun:d.example").unwrap();
        assert_eq!(read.ice_servers.len(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_said_in_a_sentence_that_repeats_no_password() {
        let (_empty, empty) = file("");
        let (_binary, binary) = file([0xff, 0xfe]);
        let (_large, large) = file(vec![b'a'; 64 * 1024 + 1]);
        let (_lines, lines) = file("stun:a.example\nword,turn:b.example,ada\n");
        let folder = std::env::temp_dir();
        let folder = folder.to_str().unwrap();
        for (line, word) in [
            (&["--link-file", "/not/there"][..], "cannot be read"),
            (&["--link-file", folder], "cannot be read"),
            (&["--link-file", &empty], "holds no link"),
            (&["-"], "holds no link"),
            (&["--link-file", &binary], "not text"),
            (&["--link-file", &large], "more than 64 KiB"),
            (&[LINK, "--ice-server-file", &large], "more than 64 KiB"),
            (&[LINK, "--ice-server-file", &lines], "line 2"),
            (&[LINK, "--ice-server", "word,turn:b.example"], "must begin"),
            (&["-", "--ice-server-file", "-"], "cannot both"),
        ] {
            let error = given(line, b"").unwrap_err();
            assert!(error.message.contains(word), "{line:?}: {error}");
            assert!(!error.to_string().contains("ada"), "{line:?}: {error}");
            assert!(!error.message.contains("word,"), "{line:?}: {error}");
        }
        let endless = vec![b'a'; 1024 * 1024];
        assert!(given(&["-"], &endless).is_err());
    }

    #[test]
    fn there_is_one_link() {
        for line in [&["ahoy-call"][..], &["ahoy-call", LINK, "--link-file", "x"]] {
            assert!(Args::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
