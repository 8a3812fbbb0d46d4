//! The way out: by the window, by a signal, or because something failed.

use tauri::AppHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Begins the way out when the system asks for it.
pub(crate) async fn on_signal(stop: CancellationToken) {
    stop.run_until_cancelled(signal()).await;
    stop.cancel();
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        error!("signals cannot be heard");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("asked to end");
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        error!("signals cannot be heard");
        std::future::pending::<()>().await;
    }
    info!("asked to end");
}

/// Ends the process when the actor and the sockets have ended, which is when they were told to, or when
/// the actor failed: then the window would be a picture of nothing.
pub(crate) async fn when_ended(
    actor: JoinHandle<()>,
    sockets: JoinHandle<()>,
    stop: CancellationToken,
    app: AppHandle,
) {
    let ended = actor.await;
    stop.cancel();
    let closed = sockets.await;
    let failed = [ended, closed].into_iter().filter_map(Result::err);
    let code = i32::from(
        failed
            .inspect(|error| error!("Ahoy failed: {error}"))
            .count()
            > 0,
    );
    app.exit(code);
}
