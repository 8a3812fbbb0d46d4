//! Knows the paths on which the peer has proven itself, so that media is taken from nobody else.
//!
//! A path is known once a connectivity check with this end's password arrived on it (RFC 8445 §7.3), or a request that
//! this end sent on it was answered. A peer sends nothing but checks before that: it has no valid pair. Candidates that
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

/// The most paths that are known at once. Each check comes from one of the peer's addresses to one of the own ones.
const MAX_PATHS: usize = 128;

/// The most own credentials that are accepted: those of before an ICE restart may still be under way.
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
    paths: Vec<Path>,
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

    /// Returns whether the peer has proven itself on this path.
    pub(super) fn is_known(&mut self, path: &Path) -> bool {
        if self.paths.get(self.last) == Some(path) {
            return true;
        }
        let found = self.paths.iter().position(|known| known == path);
        self.last = found.unwrap_or(self.last);
        found.is_some()
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
        let is_known = self.is_known(path);
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
        self.learn(path)
    }

    /// Decides about a response. Returns whether it answers a connectivity check.
    ///
    /// # Errors
    /// It answers nothing that this end has sent there.
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
        let request = at.and_then(|at| self.requests.remove(at));
        let is_check = request.ok_or(Refusal::Unmatched)?.is_check;
        if is_check {
            self.learn(path)?;
        }
        Ok(is_check)
    }

    fn learn(&mut self, path: &Path) -> Result<(), Refusal> {
        if self.is_known(path) {
            return Ok(());
        }
        if self.paths.len() == MAX_PATHS {
            return Err(Refusal::TooMany);
        }
        self.paths.push(*path);
        Ok(())
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
mod tests {
    use std::net::SocketAddr;

    use super::{super::stun::tests as stun, *};

    fn path(port: u16) -> Path {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Path::direct(at(1), at(port))
    }

    fn now() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
        Instant::now()
    }

    fn filter() -> PacketFilter {
        let mut filter = PacketFilter::default();
        assert!(filter.set_credentials("ours", "password"));
        filter
    }

    #[test]
    fn a_path_is_known_from_the_first_authentic_check_on() {
        let mut filter = filter();
        let now = now();
        let mut arrives = |port, ufrag: &str, password: &str| {
            let check = stun::check(ufrag, 1, password);
            let message = Message::parse(&check).unwrap();
            let result = filter.request(now, &path(port), &message);
            (result, filter.is_known(&path(port)))
        };
        let refused = (Err(Refusal::NotAuthentic), false);
        assert_eq!(arrives(2, "ours", "guessed"), refused);
        assert_eq!(arrives(2, "others", "password"), refused);
        assert_eq!(arrives(2, "", "password"), refused);
        assert_eq!(arrives(2, "ours", "password"), (Ok(()), true));
        assert!(
            !filter.is_known(&path(3)),
            "another address is another path"
        );
        // Without a name, as from a STUN client, and without integrity.
        for attributes in [&[][..], &[(6, &b"ours:theirs"[..])]] {
            let request = stun::build(stun::BINDING_REQUEST, [1; 12], attributes, None);
            let message = Message::parse(&request).unwrap();
            let result = filter.request(now, &path(2), &message);
            assert_eq!(result, Err(Refusal::NotAuthentic));
        }
    }

    #[test]
    fn a_response_counts_once_and_only_from_where_it_was_asked_for() {
        let mut filter = filter();
        let now = now();
        let check = stun::check("theirs", 1, "their password");
        filter.requested(now, path(2), &Message::parse(&check).unwrap());
        let answer = stun::build(stun::BINDING_SUCCESS, [1; 12], &[], None);
        let answer = Message::parse(&answer).unwrap();
        let other = stun::build(stun::BINDING_SUCCESS, [2; 12], &[], None);
        let other = Message::parse(&other).unwrap();
        let unmatched = Err(Refusal::Unmatched);
        assert_eq!(filter.response(now, &path(3), &answer), unmatched);
        assert_eq!(filter.response(now, &path(2), &other), unmatched);
        assert!(!filter.is_known(&path(2)));
        assert_eq!(filter.response(now, &path(2), &answer), Ok(true));
        assert!(filter.is_known(&path(2)));
        assert_eq!(filter.response(now, &path(2), &answer), unmatched);
        // A STUN server is no peer.
        let request = stun::build(stun::BINDING_REQUEST, [3; 12], &[], None);
        filter.requested(now, path(4), &Message::parse(&request).unwrap());
        let answer = stun::build(stun::BINDING_SUCCESS, [3; 12], &[], None);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(filter.response(now, &path(4), &answer), Ok(false));
        assert!(!filter.is_known(&path(4)));
        // Nor does anybody wait for ever.
        filter.requested(now, path(4), &Message::parse(&request).unwrap());
        let late = now + RESPONSE_WITHIN + Duration::from_millis(1);
        assert_eq!(filter.response(late, &path(4), &answer), unmatched);
    }

    #[test]
    fn after_a_restart_each_path_has_to_be_checked_anew() {
        let mut filter = filter();
        let now = now();
        let old = stun::check("ours", 1, "password");
        let old = Message::parse(&old).unwrap();
        filter.request(now, &path(2), &old).unwrap();
        assert!(!filter.set_credentials("ours", "password"), "the same");
        assert!(filter.is_known(&path(2)));
        assert!(filter.set_credentials("again", "new password"));
        assert!(!filter.is_known(&path(2)));
        // One that was on its way is no forgery.
        assert_eq!(filter.request(now, &path(2), &old), Ok(()));
        let new = stun::check("again", 1, "new password");
        let new = Message::parse(&new).unwrap();
        assert_eq!(filter.request(now, &path(3), &new), Ok(()));
        let mixed = stun::check("again", 1, "password");
        let mixed = Message::parse(&mixed).unwrap();
        let refused = Err(Refusal::NotAuthentic);
        assert_eq!(filter.request(now, &path(4), &mixed), refused);
        for n in 0..MAX_CREDENTIALS {
            filter.set_credentials(&format!("later{n}"), "password");
        }
        assert_eq!(filter.request(now, &path(2), &old), refused);
    }

    #[test]
    fn paths_requests_and_the_work_for_strangers_are_bounded() {
        let mut filter = filter();
        let now = now();
        let check = stun::check("ours", 1, "password");
        let check = Message::parse(&check).unwrap();
        for port in 0..1_000 {
            let _ = filter.request(now, &path(port), &check);
            let request = stun::build(1, [port as u8; 12], &[], None);
            filter.requested(now, path(port), &Message::parse(&request).unwrap());
        }
        assert_eq!(filter.paths.len(), MAX_PATHS);
        assert!(filter.requests.len() <= MAX_REQUESTS);
        let forged = stun::check("ours", 1, "guessed");
        let forged = Message::parse(&forged).unwrap();
        let verified = (0..10_000)
            .filter(|_| filter.request(now, &path(2_000), &forged) == Err(Refusal::NotAuthentic));
        assert!(verified.count() <= MAX_VERIFIED as usize);
        // Who is known goes on, and a second later everybody does.
        assert_eq!(filter.request(now, &path(0), &check), Ok(()));
        let later = now + Duration::from_secs(1);
        let refused = filter.request(later, &path(2_000), &forged);
        assert_eq!(refused, Err(Refusal::NotAuthentic));
    }
}
