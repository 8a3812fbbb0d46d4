//! The data channel.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::{PeerEvent, RtcError, shared::Shared};

/// The largest text that is sent or taken, in bytes.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// How many bytes wait to be sent at most; full: the message is refused.
pub(super) const SEND_BUFFER: usize = 1024 * 1024;

/// Between two looks whether all has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The one channel of a connection. Where both ends made one, because their offers crossed, what comes
/// on either is taken, and the one that opened first is sent on.
pub(super) struct DataLink {
    label: Option<String>,
    open: Mutex<Vec<Arc<dyn DataChannel>>>,
}

impl DataLink {
    pub(super) fn new(label: Option<String>) -> Self {
        Self {
            label,
            open: Mutex::default(),
        }
    }

    /// The label of the channel; `None`: there is none.
    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Reads a channel until it ends.
    pub(super) async fn run(
        self: Arc<Self>,
        channel: Arc<dyn DataChannel>,
        shared: Arc<Shared>,
        stop: CancellationToken,
    ) {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = channel.poll() => event,
            };
            match event {
                Some(DataChannelEvent::OnOpen) => {
                    if self.opened(&channel) && !shared.emit_waiting(PeerEvent::DataOpen).await {
                        return;
                    }
                }
                Some(DataChannelEvent::OnMessage(message)) => {
                    if !message.is_string || message.data.len() > MAX_MESSAGE {
                        debug!(bytes = message.data.len(), "a data message was left out");
                        continue;
                    }
                    let Ok(text) = String::from_utf8(message.data.to_vec()) else {
                        debug!("a data message is not UTF-8");
                        continue;
                    };
                    if !shared.emit_waiting(PeerEvent::Data(text)).await {
                        return;
                    }
                }
                Some(DataChannelEvent::OnClose) | None => {
                    if self.closed(&channel) {
                        shared.emit(PeerEvent::DataClosed);
                    }
                    return;
                }
                Some(_) => {}
            }
        }
    }

    /// Whether it is the one that both ends know; others are closed.
    pub(super) async fn is_ours(&self, channel: &Arc<dyn DataChannel>) -> bool {
        let label = channel.label().await.ok();
        let ours = label.is_some() && label == self.label;
        if !ours {
            warn!("the peer opened a data channel that this version does not know");
            let _ = channel.close().await;
        }
        ours
    }

    pub(super) async fn send(&self, text: &str) -> Result<(), RtcError> {
        let channel = self.open.lock().first().cloned();
        let channel = channel.ok_or(RtcError::NoDataChannel)?;
        if text.len() > MAX_MESSAGE {
            return Err(RtcError::DataNotSent("the message is too long".into()));
        }
        let sent = channel.try_send_text(text).await;
        sent.map_err(|error| RtcError::DataNotSent(super::short(&error)))
    }

    /// Waits until the peer has what was sent.
    pub(super) async fn arrived(&self) {
        let Some(channel) = self.open.lock().first().cloned() else {
            return;
        };
        // The library tells of this by no event that a second reader could wait for.
        while matches!(channel.outstanding_bytes().await, Ok(bytes) if bytes > 0) {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// `true`: it is the first.
    fn opened(&self, channel: &Arc<dyn DataChannel>) -> bool {
        let mut open = self.open.lock();
        open.push(channel.clone());
        open.len() == 1
    }

    /// `true`: none is left.
    fn closed(&self, channel: &Arc<dyn DataChannel>) -> bool {
        let mut open = self.open.lock();
        let before = open.len();
        open.retain(|other| !Arc::ptr_eq(other, channel));
        before > 0 && open.is_empty()
    }
}
