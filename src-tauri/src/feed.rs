//! Views and notices on their way to the window.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ahoy_contract::ui::{AppView, Notice};
use tauri::ipc::Channel;
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::AppHandle;

/// The least time between two views: a channel into the web view has no end to its queue, so that a
/// burst of changes must not fill it. The newest view always arrives.
const VIEW_EVERY: Duration = Duration::from_millis(33);

/// Feeds the window that subscribed last: a page that was loaded anew takes over.
pub(crate) struct Feed {
    app: AppHandle,
    current: Mutex<Option<DropGuard>>,
}

impl Feed {
    pub(crate) fn new(app: AppHandle) -> Self {
        Self {
            app,
            current: Mutex::new(None),
        }
    }

    /// Feeds these channels from now on, and no others. To be called on a tokio runtime.
    pub(crate) fn subscribe(&self, views: Channel<AppView>, notices: Channel<Notice>) {
        let stop = CancellationToken::new();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(send_views(self.app.views(), views)),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(send_notices(self.app.notices(), notices)),
        );
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(stop.drop_guard());
    }
}

async fn send_views(mut views: watch::Receiver<AppView>, channel: Channel<AppView>) {
    loop {
        let view = views.borrow_and_update().clone();
        // The window is gone.
        if channel.send(view).is_err() {
            return;
        }
        sleep(VIEW_EVERY).await;
        if views.changed().await.is_err() {
            return;
        }
    }
}

async fn send_notices(
    mut notices: tokio::sync::broadcast::Receiver<Notice>,
    channel: Channel<Notice>,
) {
    loop {
        match notices.recv().await {
            Ok(notice) => {
                if channel.send(notice).is_err() {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
