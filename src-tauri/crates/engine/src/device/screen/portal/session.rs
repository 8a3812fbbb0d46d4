//! The agreement with the desktop.

use std::{os::fd::OwnedFd, pin::Pin, sync::Arc, time::Duration};

use ashpd::{
    Error,
    desktop::{
        PersistMode, ResponseError, Session as PortalSession,
        screencast::{CursorMode, Screencast, SelectSourcesOptions, SourceType},
    },
    zbus::Connection,
};
use futures_util::{FutureExt as _, StreamExt as _};

use super::{KIND, unsupported};
use crate::device::{DeviceError, clock, screen::PortalChoice};

/// How often it is looked whether the desktop has answered.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long the desktop may take to end a session.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Ends with the session.
type Closed = Pin<Box<dyn Future<Output = ()>>>;

/// A session of the portal; the share ends with it.
pub(super) struct Session {
    session: Arc<PortalSession<Screencast>>,
    /// `None`: it has ended.
    closed: Option<Closed>,
}

impl Session {
    /// Has the desktop ask what is shown; gives the number of its stream, and the connection to get it by.
    pub(super) fn start(
        choice: &PortalChoice,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(Self, u32, OwnedFd), DeviceError> {
        let token = choice.token();
        let start = async {
            let connection = Connection::session().await?;
            let portal = Screencast::with_connection(connection).await?;
            let session = Arc::new(portal.create_session(Default::default()).await?);
            // What a portal has not got it may refuse as a whole.
            let sources = portal.available_source_types().await?;
            let cursors = portal.available_cursor_modes().await.unwrap_or_default();
            let with_pointer = cursors.contains(CursorMode::Embedded);
            let wanted = SelectSourcesOptions::default()
                .set_sources(sources & (SourceType::Monitor | SourceType::Window))
                .set_cursor_mode(with_pointer.then_some(CursorMode::Embedded))
                .set_multiple(false)
                .set_persist_mode(PersistMode::ExplicitlyRevoked)
                .set_restore_token(token.as_deref());
            portal.select_sources(&session, wanted).await?.response()?;
            let chosen = portal
                .start(&session, None, Default::default())
                .await?
                .response()?;
            let remote = portal
                .open_pipe_wire_remote(&session, Default::default())
                .await?;
            let closed = Some(closed(Arc::clone(&session)));
            Ok::<_, Error>((Self { session, closed }, chosen, remote))
        };
        let mut start = std::pin::pin!(start);
        let (session, chosen, remote) = loop {
            match start.as_mut().now_or_never() {
                Some(answer) => break answer.map_err(device_error)?,
                None if go_on() => std::thread::sleep(LOOK_EVERY),
                None => return Err(unsupported(&"nobody waits for it any more")),
            }
        };
        choice.keep(chosen.restore_token());
        let stream = chosen.streams().first().ok_or(DeviceError::Denied(KIND))?;
        Ok((session, stream.pipe_wire_node_id(), remote))
    }

    /// Whether the desktop or its user has ended it.
    pub(super) fn is_closed(&mut self) -> bool {
        let ended = |closed: &mut Closed| closed.as_mut().now_or_never().is_some();
        if self.closed.as_mut().is_some_and(ended) {
            self.closed = None;
        }
        self.closed.is_none()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut close = std::pin::pin!(self.session.close());
        let deadline = clock::now() + CLOSE_WITHIN;
        while close.as_mut().now_or_never().is_none() && clock::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn closed(session: Arc<PortalSession<Screencast>>) -> Closed {
    Box::pin(async move {
        match session.receive_closed().await {
            Ok(mut signals) => {
                signals.next().await;
            }
            Err(error) => {
                tracing::debug!(%error, "the end of the session will not be told");
                std::future::pending::<()>().await;
            }
        }
    })
}

fn device_error(error: Error) -> DeviceError {
    match error {
        Error::Response(ResponseError::Cancelled) => DeviceError::Denied(KIND),
        error => unsupported(&error),
    }
}
