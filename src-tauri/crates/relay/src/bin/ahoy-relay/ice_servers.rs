//! STUN and TURN servers as an operator writes them: as arguments, or in a file, for others on the same computer can
//! read arguments.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use ahoy_contract::wire::IceServer;

/// The most bytes of a file that is read.
const MAX_BYTES: u64 = 64 * 1024;
/// The file name that stands for standard input.
const STDIN: &str = "-";

/// Reads `URL[,USER,PASSWORD]`. RFC 7064 and RFC 7065: no slashes, and TURN is never without a user. No error repeats
/// what it was given.
pub(crate) fn ice_server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let (username, credential) = (parts.next(), parts.next());
    let (scheme, rest) = url
        .split_once(':')
        .ok_or("it must begin with stun: or turn:")?;
    if rest.is_empty() || rest.starts_with('/') {
        return Err("a host must follow the first colon".to_owned());
    }
    match (scheme, username, credential) {
        ("stun" | "stuns", None, None) | ("turn" | "turns", Some(_), Some(_)) => Ok(IceServer {
            urls: vec![url.to_owned()],
            username: username.map(str::to_owned),
            credential: credential.map(str::to_owned),
        }),
        ("stun" | "stuns", ..) => Err("a STUN server takes no user and password".to_owned()),
        ("turn" | "turns", ..) => {
            Err("a TURN server needs a user and a password: URL,USER,PASSWORD".to_owned())
        }
        _ => Err("it must begin with stun:, stuns:, turn: or turns:".to_owned()),
    }
}

/// Reads the servers of a file, `-` for standard input: one on each line. Empty lines and those that begin with `#` are
/// passed over.
///
/// # Errors
/// A sentence that names the file and the line, and nothing of what stands there.
pub(crate) fn read(path: &Path) -> Result<Vec<IceServer>, String> {
    let (name, text) = if path.as_os_str() == STDIN {
        ("standard input".to_owned(), text_of(io::stdin().lock()))
    } else {
        let text = File::open(path).and_then(text_of);
        (path.display().to_string(), text)
    };
    let text = text.map_err(|error| format!("{name} cannot be read: {error}."))?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            ice_server(line).map_err(|error| format!("line {} of {name}: {error}.", index + 1))
        })
        .collect()
}

fn text_of(file: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_BYTES {
        let message = format!("it has more than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_file_names_a_server_on_each_line() {
        let file = file(
            "# the first\n\nstun:stun.example.org\r\n  turn:turn.example.org:3478?transport=udp,user,pass,word \n",
        );
        let servers = read(file.path()).unwrap();
        let turn = &servers[1];
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0].urls, ["stun:stun.example.org"]);
        assert_eq!(turn.urls, ["turn:turn.example.org:3478?transport=udp"]);
        assert_eq!(turn.username.as_deref(), Some("user"));
        assert_eq!(turn.credential.as_deref(), Some("pass,word"));
    }

    #[test]
    fn an_error_names_the_line_and_no_secret() {
        for (text, part) in [
            ("stun:a\nturn:b,secret", "line 2 of"),
            ("turn:b\n", "line 1 of"),
            ("#\n\nhttp:x,user,secret", "line 3 of"),
            ("stun:b,user,secret", "takes no user"),
            ("secret", "must begin with"),
            ("secret:/x", "a host must follow"),
            (&"#".repeat(70_000), "more than"),
        ] {
            let file = file(text);
            let error = read(file.path()).unwrap_err();
            assert!(error.contains(part) && !error.contains("secret"), "{error}");
        }
        let error = read(Path::new("/does/not/exist")).unwrap_err();
        assert!(error.contains("/does/not/exist cannot be read"), "{error}");
    }
}
