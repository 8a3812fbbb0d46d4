//! Who may open a socket: the window and nobody else. Pure.
//!
//! Any program of this machine and any page in any browser on it can reach a loopback port. A page is
//! told by its `Origin`, which it cannot forge; a name that was made to point to loopback by its `Host`;
//! a program by the token, which only the window was given.

use ahoy_contract::video::VideoHello;
use subtle::ConstantTimeEq as _;

use super::tracks::Track;

/// The origins of the app's own pages: Linux and macOS, then Windows and Android.
const ORIGINS: [&str; 3] = [
    "tauri://localhost",
    "http://tauri.localhost",
    "https://tauri.localhost",
];

/// The origin of the page while the window is served by Vite.
const DEV_ORIGIN: &str = "http://localhost:1420";

/// Why a socket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("its page is not the window")]
    Origin,
    #[error("it asked for another host")]
    Host,
    #[error("it asked for another path")]
    Path,
    #[error("its first message was none")]
    Message,
    #[error("it does not know the token")]
    Token,
    #[error("there is no such track")]
    Track,
}

/// The parts of an HTTP request that say who asks.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
}

/// Whether a request may become a socket; `port` is the one listened on, `dev` says that the window is
/// served by Vite.
pub(super) fn admit(asked: &Asked<'_>, port: u16, dev: bool) -> Result<(), Refusal> {
    let own = |origin: &str| ORIGINS.contains(&origin) || (dev && origin == DEV_ORIGIN);
    if !asked.origin.is_some_and(own) {
        return Err(Refusal::Origin);
    }
    if asked.host != Some(format!("127.0.0.1:{port}").as_str()) {
        return Err(Refusal::Host);
    }
    if asked.path != "/" {
        return Err(Refusal::Path);
    }
    Ok(())
}

/// Reads the first message.
pub(super) fn hello(text: &str, token: &str) -> Result<(VideoHello, Track), Refusal> {
    let hello: VideoHello = serde_json::from_str(text).map_err(|_| Refusal::Message)?;
    if !bool::from(hello.token.as_bytes().ct_eq(token.as_bytes())) {
        return Err(Refusal::Token);
    }
    let track = Track::parse(&hello.track).ok_or(Refusal::Track)?;
    Ok((hello, track))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_admit(host: &str, origin: Option<&str>, dev: bool) -> Result<(), Refusal> {
        let asked = Asked {
            path: "/",
            host: Some(host),
            origin,
        };
        admit(&asked, 4000, dev)
    }

    #[test]
    fn only_the_apps_own_pages_get_in() {
        let here = "127.0.0.1:4000";
        for origin in ORIGINS {
            assert_eq!(try_admit(here, Some(origin), false), Ok(()));
        }
        for origin in [
            "http://localhost:1420",
            "http://127.0.0.1:4000",
            "https://evil.example",
            "tauri://localhost.evil.example",
            "null",
            "",
        ] {
            assert_eq!(
                try_admit(here, Some(origin), false),
                Err(Refusal::Origin),
                "{origin}"
            );
        }
        assert_eq!(try_admit(here, None, false), Err(Refusal::Origin));
        assert_eq!(try_admit(here, Some(DEV_ORIGIN), true), Ok(()));
    }

    #[test]
    fn a_name_that_points_here_does_not_get_in() {
        for host in [
            "evil.example:4000",
            "localhost:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
        ] {
            assert_eq!(
                try_admit(host, Some("tauri://localhost"), false),
                Err(Refusal::Host)
            );
        }
    }

    #[test]
    fn the_first_message_holds_the_token_and_a_track() {
        let text = |token: &str, track: &str| {
            format!(r#"{{"token":"{token}","track":"{track}","width":10,"height":10}}"#)
        };
        assert_eq!(hello(&text("t", "self"), "t").unwrap().1, Track::Own);
        assert_eq!(hello(&text("x", "self"), "t"), Err(Refusal::Token));
        assert_eq!(hello(&text("", "self"), "t"), Err(Refusal::Token));
        assert_eq!(hello(&text("t", "other"), "t"), Err(Refusal::Track));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"token":"t","track":"self","width":-1,"height":10}"#,
        ] {
            assert_eq!(hello(bad, "t"), Err(Refusal::Message), "{bad}");
        }
    }
}
