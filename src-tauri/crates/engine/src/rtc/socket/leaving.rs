//! Collects the datagrams that are sent in one turn of the connection's task, so that they leave in few system calls.

use std::{
    net::SocketAddr,
    task::{Context, Poll, ready},
};

use tracing::debug;
use webrtc::runtime::{AsyncUdpSocket, Transmit};

use super::super::train::Train;

/// The datagrams of one socket that have not left yet.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    train: Option<Train>,
    spare: Vec<u8>,
    /// Whether the sender waits for room to send more.
    pub(super) awaited: bool,
}

impl Leaving {
    /// Returns whether nothing waits to leave.
    pub(super) fn is_empty(&self) -> bool {
        self.train.is_none()
    }

    /// Sends what waits. Pending while the system has no room for it.
    pub(super) fn poll_leave(
        &mut self,
        cx: &mut Context<'_>,
        socket: &dyn AsyncUdpSocket,
        local: SocketAddr,
    ) -> Poll<()> {
        while let Some(train) = &mut self.train {
            let Some((contents, segment_size)) = train.next() else {
                self.spare = self.train.take().map(Train::into_data).unwrap_or_default();
                break;
            };
            let transmit = Transmit {
                destination: train.destination(),
                ecn: None,
                contents,
                segment_size,
                src_ip: None,
            };
            if ready!(poll_pass(cx, socket, local, &transmit)) || segment_size.is_none() {
                train.has_left();
            } else {
                train.falls_apart();
            }
        }
        Poll::Ready(())
    }

    /// Adds datagrams to what leaves together, and sends what they cannot join. Pending while the system has no room for
    /// that.
    pub(super) fn poll_add(
        &mut self,
        cx: &mut Context<'_>,
        socket: &dyn AsyncUdpSocket,
        local: SocketAddr,
        transmit: &Transmit<'_>,
    ) -> Poll<()> {
        let most = socket.max_gso_segments();
        let (to, datagram) = (transmit.destination, transmit.contents);
        let single = most > 1 && transmit.segment_size.is_none() && transmit.ecn.is_none();
        if single
            && let Some(train) = &mut self.train
            && train.takes(to, datagram, most)
        {
            return Poll::Ready(());
        }
        ready!(self.poll_leave(cx, socket, local));
        if single {
            let spare = std::mem::take(&mut self.spare);
            self.train = Some(Train::new(to, datagram, spare));
            return Poll::Ready(());
        }
        if !ready!(poll_pass(cx, socket, local, transmit))
            && let Some(segment) = transmit.segment_size
        {
            let spare = std::mem::take(&mut self.spare);
            self.train = Some(Train::refused(to, segment, datagram, spare));
            // What there is no room for leaves at the end of the turn.
            let _ = self.poll_leave(cx, socket, local);
        }
        Poll::Ready(())
    }
}

/// Hands datagrams to the system. Returns whether it took them.
fn poll_pass(
    cx: &mut Context<'_>,
    socket: &dyn AsyncUdpSocket,
    local: SocketAddr,
    transmit: &Transmit<'_>,
) -> Poll<bool> {
    socket.poll_send(cx, transmit).map(|sent| {
        if let Err(error) = &sent {
            debug!(%error, from = %local, to = %transmit.destination, "a packet was not sent");
        }
        sent.is_ok()
    })
}
