//! PURE. What lets pages of all sites read an answer (the Fetch standard, §3.2).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The headers of an answer to a request that has these. There is nothing here that only some may see.
pub(super) fn headers(asked: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(origin) = asked.get(header::ORIGIN) {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        set(header::VARY, HeaderValue::from_static("Origin"));
        set(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        set(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        );
    }
    headers
}
