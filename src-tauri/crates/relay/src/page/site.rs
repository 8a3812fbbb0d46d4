//! Which requests are answered: those that name the relay, and sockets of pages that may open one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ahoy_contract::ErrorCode;
use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, Request, StatusCode, Version, header};
use tokio::time::Instant;
use tower_service::Service as _;
use tracing::warn;

use super::{refused, router};
use crate::{
    config::Config,
    connection::Names,
    known_names::{KnownNames, Reached},
    origin::Origin,
    request::Refusal,
    told::Told,
};

/// Where programs look whether the relay is well. They may call it anything: there is nothing else to learn here.
pub(crate) const HEALTH: &str = "/healthz";

/// What a relay answers over HTTP, and to whom.
#[derive(Debug)]
pub(crate) struct Site {
    known: KnownNames,
    /// Further origins whose pages may open sockets.
    allowed: Vec<Origin>,
    start: Instant,
    told: Mutex<Told>,
}

/// A request that cannot be answered by its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WrongHost {
    /// It names none, or several.
    None,
    /// It names one that is not known to be the relay's.
    Unknown,
}

impl Site {
    /// The site of a relay, and what answers its requests once [`check`](Self::check) has let them pass.
    pub(crate) fn new(config: &Config) -> (Arc<Self>, Router) {
        let site = Arc::new(Self {
            known: KnownNames::new(&config.public_urls, &config.allowed_origins),
            allowed: config
                .allowed_origins
                .iter()
                .filter_map(Origin::of)
                .collect(),
            start: Instant::now(),
            told: Mutex::default(),
        });
        (site.clone(), router(site))
    }

    /// Answers a request that came by such a connection.
    pub(crate) async fn answer(
        &self,
        mut router: Router,
        request: Request<Body>,
        reached: Reached<'_>,
    ) -> Response {
        let (status, sentence) = match self.check(&request, reached) {
            Ok(()) => {
                let Ok(response) = router.call(request).await;
                return response;
            }
            Err(WrongHost::None) => {
                let sentence = "A request names one host (RFC 9112 §3.2).";
                (StatusCode::BAD_REQUEST, sentence)
            }
            Err(WrongHost::Unknown) => {
                let sentence = "This relay does not know that it is reached by this name. If it is, start it with --public-url https://NAME.";
                (StatusCode::MISDIRECTED_REQUEST, sentence)
            }
        };
        refused(status, &Refusal::new(ErrorCode::Denied, sentence))
    }

    // Whether a request names a host that is the relay's (RFC 9110 §7.2 and §7.4).
    fn check(&self, request: &Request<Body>, reached: Reached<'_>) -> Result<(), WrongHost> {
        if request.uri().path() == HEALTH {
            return Ok(());
        }
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let named = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().map_err(|_| WrongHost::Unknown)?,
            // A program that speaks HTTP/1.0; browsers always name one.
            (None, None) if request.version() < Version::HTTP_11 => return Ok(()),
            _ => return Err(WrongHost::None),
        };
        // A request for a proxy names it twice.
        let authority = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        for host in [Some(named), authority].into_iter().flatten() {
            if !self.known.knows(host, reached) {
                self.tell_host(host);
                return Err(WrongHost::Unknown);
            }
        }
        Ok(())
    }

    /// Returns whether a page may open a socket. A request without an `Origin` is a program's; one of a page has a single
    /// origin, which must be known.
    pub(super) fn may_open(&self, headers: &HeaderMap, reached: Reached<'_>) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return true;
        };
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let own = self.own_origins(headers, reached.secure);
        let may = origins.next().is_none()
            && own
                .iter()
                .chain(&self.allowed)
                .any(|own| own.is_named_by(origin));
        if !may {
            self.tell_origin(origin, reached);
        }
        may
    }

    /// The relay as its operator names it, and as a request with these headers does.
    pub(super) fn own_origins(&self, headers: &HeaderMap, secure: bool) -> Vec<Origin> {
        self.known.page_origins(host_of(headers), secure)
    }

    /// Returns the names of the relay for a client whose request has these headers.
    pub(super) fn names(&self, headers: &HeaderMap, reached: Reached<'_>) -> Names {
        let host = host_of(headers);
        let origin = host.and_then(|host| Origin::of_host(host, reached.secure));
        let may_be_told = origin.is_some_and(|origin| may_be_told(&origin, reached));
        Names {
            in_proofs: self.known.names_in_proofs(host, reached).into(),
            to_tell: host.filter(|_| may_be_told).map(Into::into),
        }
    }

    fn tell_host(&self, host: &str) {
        // Only what is a host is repeated.
        let Some(origin) = Origin::of_host(host, true) else {
            return;
        };
        if self.is_new(&format!("host {origin}")) {
            warn!(
                %origin,
                "a request by another name was refused: if others reach the relay there, start it with --public-url and this origin"
            );
        }
    }

    fn tell_origin(&self, origin: &str, reached: Reached<'_>) {
        let Some(origin) = Origin::read(origin) else {
            return;
        };
        if !may_be_told(&origin, reached) {
            // The address of another computer may be a person's: the operator finds it in the browser.
            if self.is_new("origin of an address") {
                warn!(
                    "a page at an IP address that is not the relay's was refused a socket: if others reach the relay there, start it with --public-url and the page's origin"
                );
            }
        } else if self.is_new(&format!("origin {origin}")) {
            warn!(
                %origin,
                "a page of another site was refused a socket: if others reach the relay there, start it with --public-url and this origin"
            );
        }
    }

    /// Tells the log, once, that a proof named none of the relay's addresses. `host` is what the request for the socket named.
    pub(crate) fn tell_proof(&self, host: Option<&str>) {
        if self.is_new(&format!("proof {}", host.unwrap_or_default())) {
            warn!(
                host,
                "a room was not opened: the proof names none of this relay's addresses. If others reach the relay at one that it does not know, start it with --public-url https://NAME[:PORT], and with #PIN behind that where a proxy in front has a certificate of its own making"
            );
        }
    }

    fn is_new(&self, what: &str) -> bool {
        let now: Duration = self.start.elapsed();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.is_new(now, what)
    }
}

// Whether an origin may stand in the log: an IP address only where it is the relay's own.
fn may_be_told(origin: &Origin, reached: Reached<'_>) -> bool {
    origin
        .address()
        .is_none_or(|address| address.is_loopback() || address == reached.local.ip().to_canonical())
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}
