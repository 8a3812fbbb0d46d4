//! Looks up the names of STUN and TURN servers.
//!
//! The library asks for a name on the connection's own task, where a slow answer would stop all media. So names are
//! looked up beside it, from the opening of a connection on and before each ICE restart, for the network may be another
//! one then; and the library is told at once what is known by then.

use std::{io, net::SocketAddr, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tracing::debug;

use super::servers::Host;

/// How long gathering waits for names, counted from the beginning of the look-up.
const WITHIN: Duration = Duration::from_secs(1);

/// How long an answer is good for; where there was none the name is asked for again sooner.
const GOOD_FOR: Duration = Duration::from_secs(60);
const FAILED_FOR: Duration = Duration::from_secs(2);

/// An answer that is older than this is not used after a change of the network.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// The most names that are remembered. The oldest that was answered makes room; while all are looked up, others are not.
const MAX_NAMES: usize = 32;

/// All addresses of a name; `None`: they are not known yet.
type Answer = watch::Receiver<Option<Vec<SocketAddr>>>;

/// The names that were asked for by any connection. A look-up cannot be stopped, and takes a thread meanwhile: so there
/// is never more than one for a name, however many connections want it.
static NAMES: Mutex<Vec<Name>> = Mutex::new(Vec::new());

struct Name {
    name: String,
    since: Instant,
    answer: Answer,
}

impl Name {
    /// Returns whether its answer can be used, or is still to come. An answer is good for `longest` at most.
    fn is_good(&self, longest: Duration) -> bool {
        let good_for = match &*self.answer.borrow() {
            // Unless the runtime of the one that asked is gone.
            None => return self.is_pending(),
            Some(found) if found.is_empty() => FAILED_FOR,
            Some(_) => longest,
        };
        self.since.elapsed() < good_for
    }

    fn is_pending(&self) -> bool {
        self.answer.has_changed().is_ok() && self.answer.borrow().is_none()
    }
}

/// Looks a name up, unless there is an answer that is not older than `longest`.
fn look_up(name: &str, longest: Duration) -> Answer {
    let mut names = NAMES.lock();
    names.retain(|known| {
        known.is_good(if known.name == name {
            longest
        } else {
            GOOD_FOR
        })
    });
    if let Some(known) = names.iter().find(|known| known.name == name) {
        return known.answer.clone();
    }
    let (tell, answer) = watch::channel(None);
    if names.len() == MAX_NAMES {
        let Some(answered) = names.iter().position(|known| !known.is_pending()) else {
            debug!("too many names of servers for ICE are looked up");
            tell.send_replace(Some(Vec::new()));
            return answer;
        };
        names.remove(answered);
    }
    names.push(Name {
        name: name.to_owned(),
        since: Instant::now(),
        answer: answer.clone(),
    });
    let name = name.to_owned();
    // It ends by itself when the system gives up.
    tokio::spawn(async move {
        let found = tokio::net::lookup_host(&name).await;
        let found: io::Result<Vec<SocketAddr>> = found.map(Iterator::collect);
        if let Err(error) = &found {
            debug!(%error, "the name of a server for ICE is not known");
        }
        tell.send_replace(Some(found.unwrap_or_default()));
    });
    answer
}

/// The hosts of a connection's servers.
#[derive(Debug)]
pub(super) struct Names(Mutex<Hosts>);

#[derive(Debug)]
struct Hosts {
    known: Vec<(Host, Known)>,
    /// When gathering goes on without the names that are not known.
    until: Instant,
}

#[derive(Debug)]
enum Known {
    Address(SocketAddr),
    Name(Answer),
}

impl Names {
    /// Begins to look up the names among these.
    pub(super) fn look_up(hosts: Vec<Host>) -> Self {
        let known = |host: Host| {
            let known = match host.name.parse() {
                Ok(address) => Known::Address(address),
                Err(_) => Known::Name(look_up(&host.name, GOOD_FOR)),
            };
            (host, known)
        };
        Self(Mutex::new(Hosts {
            known: hosts.into_iter().map(known).collect(),
            until: Instant::now() + WITHIN,
        }))
    }

    /// Begins to look up the names again.
    pub(super) fn look_up_again(&self) {
        let mut hosts = self.0.lock();
        hosts.until = Instant::now() + WITHIN;
        for (host, known) in &mut hosts.known {
            if let Known::Name(answer) = known {
                *answer = look_up(&host.name, FRESH_FOR);
            }
        }
    }

    /// Waits until all names are known, or have taken too long.
    pub(super) async fn ready(&self) {
        let (answers, until): (Vec<Answer>, Instant) = {
            let hosts = self.0.lock();
            let names = hosts.known.iter().filter_map(|(_, known)| match known {
                Known::Name(answer) => Some(answer.clone()),
                Known::Address(_) => None,
            });
            (names.collect(), hosts.until)
        };
        for mut answer in answers {
            let answered = timeout_at(until, answer.wait_for(Option::is_some)).await;
            if answered.is_err() {
                debug!("the names of servers for ICE take too long");
                return;
            }
        }
    }

    /// The addresses that are known of a host.
    ///
    /// # Errors
    /// None is known, or none is allowed.
    pub(super) fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let hosts = self.0.lock();
        let of_name = hosts.known.iter().filter(|(host, _)| host.name == name);
        let mut found = Vec::new();
        for (host, known) in of_name {
            let allowed = |address: &&SocketAddr| host.allows(address.ip());
            match known {
                Known::Address(address) => found.extend([address].into_iter().filter(allowed)),
                Known::Name(answer) => {
                    found.extend(answer.borrow().iter().flatten().filter(allowed));
                }
            }
        }
        if found.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, allows_loopback: bool) -> Host {
        Host {
            name: name.to_owned(),
            allows_loopback,
        }
    }

    #[tokio::test]
    async fn a_name_is_known_in_time_and_an_address_at_once() {
        let hosts = vec![
            host("localhost:3478", true),
            host("localhost:3479", false),
            host("192.0.2.1:9", false),
            host("[2001:db8::1]:9", false),
            host("nobody.invalid:3478", false),
        ];
        let names = Names::look_up(hosts);
        let at_once = names.addresses("192.0.2.1:9").unwrap();
        let expected: SocketAddr = "192.0.2.1:9".parse().unwrap();
        assert_eq!(at_once, [expected]);
        assert!(names.addresses("[2001:db8::1]:9").is_ok());
        let begin = Instant::now();
        names.ready().await;
        assert!(begin.elapsed() < WITHIN * 3);
        let local = names.addresses("localhost:3478").unwrap();
        assert!(local.iter().all(|address| address.ip().is_loopback()));
        // A name that leads to this computer, of a server that must not be there.
        assert!(names.addresses("localhost:3479").is_err());
        assert!(names.addresses("other:1").is_err());
    }

    #[tokio::test]
    async fn a_name_without_an_answer_is_waited_for_no_longer_than_that() {
        let (_tell, answer) = watch::channel(None);
        let within = Duration::from_millis(100);
        let names = Names(Mutex::new(Hosts {
            known: vec![(host("slow:1", false), Known::Name(answer))],
            until: Instant::now() + within,
        }));
        let begin = Instant::now();
        names.ready().await;
        assert!(begin.elapsed() >= within);
        assert!(names.addresses("slow:1").is_err());
    }

    #[tokio::test]
    async fn a_name_that_was_not_known_is_looked_up_again_for_a_restart() {
        let (tell, answer) = watch::channel(Some(Vec::new()));
        let names = Names(Mutex::new(Hosts {
            known: vec![(host("localhost:9", true), Known::Name(answer))],
            until: Instant::now(),
        }));
        drop(tell);
        names.ready().await;
        assert!(names.addresses("localhost:9").is_err());
        names.look_up_again();
        names.ready().await;
        assert!(names.addresses("localhost:9").is_ok());
    }
}
