//! What the relay answers over HTTP: the guest page, `/healthz`, and the way into a socket at `/ws`.

mod site;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::{borrow::Cow, sync::Arc};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use ahoy_contract::ErrorCode;

pub(crate) use self::site::{HEALTH, Site};
use crate::{
    connection::{Purpose, Upgrading},
    origin::Origin,
    request::Refusal,
    rooms::text_of,
};

/// The guest page, as `build.rs` found it.
#[derive(RustEmbed)]
#[folder = "$AHOY_GUEST_PAGE"]
struct Guest;

/// What every answer carries. The page asks for nothing from elsewhere and may not be framed; where it
/// came from is told to nobody, for the address is half of a link.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self)",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The names of Vite's files below `assets/` hold a hash of what is in them.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// All that the relay answers to requests that name it.
fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/r/{room}", get(page))
        .route("/assets/{*path}", get(asset))
        .route(HEALTH, get(|| async { plain(StatusCode::OK, "ok") }))
        .route("/ws", get(socket))
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "There is nothing here.\n") })
        .with_state(site)
}

// Any text may stand for the room: the page tells a person what is wrong with the link.
async fn page(
    State(site): State<Arc<Site>>,
    Extension(upgrading): Extension<Upgrading>,
    headers: HeaderMap,
) -> Response {
    let Some(file) = Guest::get("index.html") else {
        return plain(StatusCode::NOT_FOUND, "This relay has no guest page.\n");
    };
    let own = site.own_origins(&headers, upgrading.reached().secure);
    let mut response = answer(&headers, "text/html; charset=utf-8", ASK_AGAIN, file);
    if let Ok(policy) = HeaderValue::try_from(policy(&own)) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match Guest::get(&format!("assets/{path}")) {
        Some(file) => {
            let kind = file.metadata.mimetype().to_owned();
            answer(&headers, &kind, FOREVER, file)
        }
        None => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    }
}

async fn socket(
    State(site): State<Arc<Site>>,
    Extension(upgrading): Extension<Upgrading>,
    mut request: Request<Body>,
) -> Response {
    if !site.may_open(request.headers(), upgrading.reached()) {
        let sentence = "Pages of other sites may not open a socket here.";
        let refusal = Refusal::new(ErrorCode::Denied, sentence);
        return refused(StatusCode::FORBIDDEN, &refusal);
    }
    match create_response_with_body(&request, Body::empty) {
        Ok(response) => {
            let names = site.names(request.headers(), upgrading.reached());
            let purpose = Purpose::Native(Box::new(names));
            upgrading.set(hyper::upgrade::on(&mut request), purpose);
            response
        }
        Err(_) => {
            let mut response = plain(
                StatusCode::UPGRADE_REQUIRED,
                "This address speaks WebSocket only.\n",
            );
            set(&mut response, header::UPGRADE, "websocket");
            response
        }
    }
}

// 'self' covers the sockets of the page's own origin in new browsers only; older ones want them named.
fn policy(own: &[Origin]) -> String {
    let mut sockets = String::new();
    for origin in own {
        sockets.push(' ');
        sockets.push_str(&origin.socket_source());
    }
    format!(
        "default-src 'self'; connect-src 'self'{sockets}; img-src 'self' data: blob:; \
         media-src 'self' blob: mediastream:; worker-src 'self' blob:; object-src 'none'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}

fn answer(request: &HeaderMap, kind: &str, keep: &'static str, file: EmbeddedFile) -> Response {
    let tag = format!(
        "\"{}\"",
        data_encoding::HEXLOWER.encode(&file.metadata.sha256_hash()[..16])
    );
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|given| given.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match file.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        Body::from(body).into_response()
    };
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::CACHE_CONTROL, keep);
    set(&mut response, header::ETAG, &tag);
    finish(response)
}

/// A refusal as the body of an answer.
pub(crate) fn refused(status: StatusCode, refusal: &Refusal) -> Response {
    let mut response = plain(status, text_of(&refusal.to_message()).to_string());
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = (status, text.into()).into_response();
    set(
        &mut response,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    set(&mut response, header::CACHE_CONTROL, "no-store");
    finish(response)
}

fn finish(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
