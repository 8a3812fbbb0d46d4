//! Knows the paths on which the peer has proven itself, so that media is taken from nobody else.
//!
//! A path is known once a connectivity check with this end's password arrived on it (RFC 8445 §7.3), or a check that
//! this end sent on it was answered with the peer's password (§7.2.5). A peer sends nothing but checks before that: it has no valid pair. Candidates that
//! were signalled and peer-reflexive ones, also of peers that hide behind `.local` names, become known alike.
//!
//! The library looks at the role of a check before it looks at its integrity, and at a relayed packet whatever server
//! it comes from. So what is not authentic, and what answers nothing, must not reach it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    Refusal,
    path::Path,
    stun::{Class, Key, Message, TransactionId, method},
};

/// The most paths that are known at once. Each check comes from one of the peer's addresses to one of the own ones. A
/// new one takes the place of that which was used the longest time ago.
const MAX_PATHS: usize = 128;

/// The most credentials of one end that are accepted: those of before an ICE restart may still be under way.
const MAX_CREDENTIALS: usize = 3;

/// The most requests that wait for their response. The oldest makes room.
const MAX_REQUESTS: usize = 512;

/// A response that takes longer answers nothing any more: a TURN request is repeated for 39.5 s (RFC 8489 §6.2.1).
const RESPONSE_WITHIN: Duration = Duration::from_secs(40);

/// The most checks of unknown senders whose integrity is computed, a second. One takes about a microsecond.
const MAX_VERIFIED: u32 = 4_000;

/// What this end says that checks are to be made with.
#[derive(Debug)]
struct Credentials {
    ufrag: Vec<u8>,
    key: Key,
}

#[derive(Debug)]
struct Request {
    id: TransactionId,
    path: Path,
    at: Instant,
    is_check: bool,
}

/// The paths, credentials and requests of a connection.
#[derive(Debug, Default)]
pub(super) struct PacketFilter {
    credentials: VecDeque<Credentials>,
    /// The peer's, with which it answers checks.
    remote: VecDeque<Credentials>,
    /// Each with when it was last used.
    paths: Vec<(Path, Instant)>,
    /// The place in `paths` of the path that the last packet came on.
    last: usize,
    requests: VecDeque<Request>,
    /// Since when unknown senders' checks are counted, and how many there were.
    verified: Option<(Instant, u32)>,
}

impl PacketFilter {
    /// Takes new credentials of this end. Returns whether they are new: then ICE restarts, on new sockets, and no path
    /// is known any more.
    pub(super) fn set_credentials(&mut self, ufrag: &str, password: &str) -> bool {
        let current = self.credentials.front();
        if current.is_some_and(|current| current.ufrag == ufrag.as_bytes()) {
            return false;
        }
        let Some(key) = Key::new(password) else {
            return false;
        };
        self.credentials.push_front(Credentials {
            ufrag: ufrag.as_bytes().to_vec(),
            key,
        });
        self.credentials.truncate(MAX_CREDENTIALS);
        self.paths.clear();
        self.requests.clear();
        true
    }

    /// Takes the credentials of the peer's description.
    pub(super) fn set_remote_credentials(&mut self, ufrag: &str, password: &str) {
        let current = self.remote.front();
        if current.is_some_and(|current| current.ufrag == ufrag.as_bytes()) {
            return;
        }
        let Some(key) = Key::new(password) else {
            return;
        };
        self.remote.push_front(Credentials {
            ufrag: ufrag.as_bytes().to_vec(),
            key,
        });
        self.remote.truncate(MAX_CREDENTIALS);
    }

    /// Returns whether the peer has proven itself on this path, which counts as used then.
    pub(super) fn is_known(&mut self, now: Instant, path: &Path) -> bool {
        if let Some((known, used)) = self.paths.get_mut(self.last)
            && known == path
        {
            *used = now;
            return true;
        }
        let Some(found) = self.paths.iter().position(|(known, _)| known == path) else {
            return false;
        };
        self.paths[found].1 = now;
        self.last = found;
        true
    }

    /// Notes a request that leaves on this path.
    pub(super) fn requested(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let id = message.transaction_id();
        if let Some(again) = self.requests.iter_mut().rev().find(|known| known.id == id) {
            again.at = now;
            return;
        }
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(Request {
            id,
            path,
            at: now,
            is_check: is_check(message),
        });
    }

    /// Decides about a Binding request.
    ///
    /// # Errors
    /// It was not made by somebody with the password, or comes from one address too many.
    pub(super) fn request(
        &mut self,
        now: Instant,
        path: &Path,
        message: &Message<'_>,
    ) -> Result<(), Refusal> {
        let is_known = self.is_known(now, path);
        let username = message.username().unwrap_or_default();
        let ufrag = username.split(|byte| *byte == b':').next();
        let of = |known: &&Credentials| ufrag == Some(&known.ufrag[..]);
        // Without the ufrag it costs nothing.
        if !self.credentials.iter().any(|known| of(&known)) {
            return Err(Refusal::NotAuthentic);
        }
        if !is_known && !self.may_verify(now) {
            return Err(Refusal::TooMany);
        }
        let mut credentials = self.credentials.iter().filter(of);
        if !credentials.any(|known| message.is_authentic(&known.key)) {
            return Err(Refusal::NotAuthentic);
        }
        self.learn(now, path);
        Ok(())
    }

    /// Decides about a response. Returns whether it answers a connectivity check.
    ///
    /// # Errors
    /// It answers nothing that this end has sent there; or it answers a check and is an error, for which the library has
    /// no use and whose author is not known, or was not made by somebody with the peer's password.
    pub(super) fn response(
        &mut self,
        now: Instant,
        path: &Path,
        message: &Message<'_>,
    ) -> Result<bool, Refusal> {
        let id = message.transaction_id();
        let awaited = |known: &Request| {
            known.id == id
                && known.path == *path
                && now.saturating_duration_since(known.at) <= RESPONSE_WITHIN
        };
        let at = self.requests.iter().rposition(awaited);
        let at = at.ok_or(Refusal::Unmatched)?;
        let is_check = self.requests[at].is_check;
        if is_check {
            if message.class() == Class::Error {
                return Err(Refusal::Unexpected);
            }
            let mut remote = self.remote.iter();
            if !remote.any(|known| message.is_authentic(&known.key)) {
                return Err(Refusal::NotAuthentic);
            }
            self.learn(now, path);
        }
        self.requests.remove(at);
        Ok(is_check)
    }

    fn learn(&mut self, now: Instant, path: &Path) {
        if self.is_known(now, path) {
            return;
        }
        if self.paths.len() == MAX_PATHS {
            let paths = self.paths.iter().enumerate();
            let oldest = paths.min_by_key(|(_, (_, used))| *used);
            if let Some((at, _)) = oldest {
                self.paths.swap_remove(at);
            }
        }
        self.paths.push((*path, now));
    }

    fn may_verify(&mut self, now: Instant) -> bool {
        let (since, count) = self.verified.get_or_insert((now, 0));
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= MAX_VERIFIED
    }
}

/// Returns whether a message is a connectivity check: a Binding request to a peer, with its name. One to a STUN server
/// has none.
pub(super) fn is_check(message: &Message<'_>) -> bool {
    message.class() == Class::Request
        && message.method() == method::BINDING
        && message.username().is_some()
}

#[cfg(test)]
mod tests;
