//! The stream of a WebSocket that another's code serves: what that does not bound is bounded here.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::pace::{Pace, cost};
use crate::{config::Limits, connection::Stream};

/// A stream that is read at a pace, and that breaks when nothing is taken from it for too long.
#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    /// What was read already.
    early: Vec<u8>,
    start: Instant,
    pace: Pace,
    rests: Option<Pin<Box<Sleep>>>,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    broken: CancellationToken,
    // Both halves end: the one that reads may wait while the one that writes sees that it is broken.
    is_broken: Pin<Box<WaitForCancellationFutureOwned>>,
    _gone: DropGuard,
}

impl Line {
    /// A line that breaks at `stop` at the latest, and what tells that it has been dropped.
    pub(super) fn new(
        stream: Stream,
        early: Vec<u8>,
        limits: &Limits,
        stop: &CancellationToken,
    ) -> (Self, CancellationToken) {
        let (broken, gone, start) = (stop.child_token(), CancellationToken::new(), Instant::now());
        let line = Self {
            stream,
            early,
            start,
            pace: Pace::new(
                limits.lobby_messages_per_second,
                limits.lobby_message_burst,
                Duration::ZERO,
            ),
            rests: None,
            stall: limits.stall,
            stalled: None,
            is_broken: Box::pin(broken.clone().cancelled_owned()),
            broken,
            _gone: gone.clone().drop_guard(),
        };
        (line, gone)
    }

    // What a write comes to, or that it has waited for too long.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(stalled.as_mut().poll(cx));
        self.broken.cancel();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &mut *self;
        if line.is_broken.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let Some(rests) = &mut line.rests {
            ready!(rests.as_mut().poll(cx));
            line.rests = None;
        }
        let before = buffer.filled().len();
        if line.early.is_empty() {
            ready!(Pin::new(&mut line.stream).poll_read(cx, buffer))?;
        } else {
            let count = line.early.len().min(buffer.remaining());
            buffer.put_slice(&line.early[..count]);
            line.early.drain(..count);
        }
        let read = buffer.filled().len() - before;
        let wait = line.pace.spend(line.start.elapsed(), cost(read));
        line.rests = (!wait.is_zero()).then(|| Box::pin(sleep(wait)));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, poll)
    }
}
