//! The order of one peer's connections: each waits until the one before has closed.

use tokio::{sync::mpsc, task::JoinHandle};

use crate::call::PeerOutput;

/// Waits until the last connection with the same peer has closed. Returns false if the call has no more use for this one
/// by then: a peer may ask for new ones faster than old ones close.
pub(super) async fn its_turn(
    before: Option<JoinHandle<()>>,
    commands: &mpsc::Receiver<PeerOutput>,
) -> bool {
    if let Some(before) = before
        && before.await.is_err()
    {
        tracing::error!("a connection's task panicked");
    }
    !commands.is_closed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_was_given_up_while_it_waited_is_not_opened() {
        let (closes, closed) = tokio::sync::oneshot::channel::<()>();
        let before = tokio::spawn(async move {
            let _ = closed.await;
        });
        let (sender, commands) = mpsc::channel(4);
        sender.try_send(PeerOutput::CreateAnswer).unwrap();
        let turn = tokio::spawn(async move { its_turn(Some(before), &commands).await });
        drop(sender);
        closes.send(()).unwrap();
        assert!(!turn.await.unwrap());

        let (sender, commands) = mpsc::channel(4);
        let before = tokio::spawn(async {});
        assert!(its_turn(Some(before), &commands).await);
        assert!(its_turn(None, &commands).await);
        drop(sender);
    }
}
