//! The sessions of Socket.IO, and what each holds.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, OnceLock},
};

use ahoy_contract::wire::MAX_MESSAGE_BYTES;
use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use http::StatusCode;
use serde::Deserialize;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{event, lock};
use crate::{
    address::Counted,
    config::Limits,
    flow::Flow,
    lobby::{Place, refuse},
};

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: TaskTracker,
    /// The ids of those that began without a WebSocket.
    ids: Arc<Mutex<HashSet<String>>>,
}

/// What a session holds from its first request to its end: the request carries it.
#[derive(Debug)]
pub(super) struct Session {
    /// How much it may say.
    pub(super) flow: Mutex<Flow>,
    id: OnceLock<String>,
    ids: Arc<Mutex<HashSet<String>>>,
    _one_of_all: TaskTrackerToken,
    _place: Place,
    /// Where it has no socket, it counts as one.
    _counted: Option<Counted>,
}

impl Sessions {
    /// A new session.
    pub(super) fn begin(&self, limits: &Limits, place: Place, counted: Option<Counted>) -> Session {
        Session {
            flow: Mutex::new(event::flow(limits, 1)),
            id: OnceLock::new(),
            ids: self.ids.clone(),
            _one_of_all: self.all.token(),
            _place: place,
            _counted: counted,
        }
    }

    /// No more begin. Gives the ids of those that have to be ended: the others end with their WebSocket.
    pub(super) fn end(&self) -> HashSet<String> {
        self.all.close();
        mem::take(&mut *lock(&self.ids))
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&self) {
        self.all.wait().await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            lock(&self.ids).remove(id);
        }
    }
}

/// Notes a session's id, which stands in the answer to its first request.
pub(super) async fn name(session: &Session, response: Response) -> Response {
    #[derive(Deserialize)]
    struct Open {
        sid: String,
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_MESSAGE_BYTES).await else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "");
    };
    if let Some(Ok(open)) = body.strip_prefix(b"0").map(serde_json::from_slice::<Open>) {
        lock(&session.ids).insert(open.sid.clone());
        // It had none before.
        let _ = session.id.set(open.sid);
    }
    Response::from_parts(parts, Body::from(body))
}
