//! Ahoy, a desktop video-call app: a thin shell over the call engine and the relay.
//!
//! `main` puts the parts together and takes them apart. `app` is the one actor that owns everything;
//! `commands` and `feed` are its way to the window, `video` is that of pictures.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod address;
mod app;
mod chat_link;
mod commands;
mod desktop;
mod environment;
mod feed;
mod handover;
mod kept;
mod language;
mod leave;
mod notification;
mod opened;
mod recents;
mod server;
mod settings;
mod video;
mod window;

use std::{error::Error, io::IsTerminal as _, process::ExitCode, sync::Arc, time::Duration};

use tauri::{Manager as _, RunEvent, WindowEvent};
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing_subscriber::EnvFilter;

use app::{App, AppConfig};
use commands::Shell;
use desktop::SystemDesktop;
use environment::Environment;
use kept::KeptFile;
use video::VideoServer;

/// What is logged unless `RUST_LOG` says something else, besides what the engine's parts deserve. The
/// clipboard's library warns at each exit that no clipboard manager keeps the link.
const LOG: &str = "ahoy=info,ahoy_relay=info,arboard=error";

/// How long tasks that did not end with the app may still take.
const RUNTIME_END: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{},{LOG}", ahoy_engine::rtc::LOG_FILTER)));
    let _log = ahoy_log::init(filter, std::io::stderr().is_terminal());
    ahoy_engine::engine::allow_connections();
    match run() {
        Ok(code) => code,
        Err(error) => {
            error!("{error}");
            eprintln!("Ahoy cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let context = tauri::generate_context!();
    if handover::to_the_first(&context.config().identifier) {
        return Ok(ExitCode::SUCCESS);
    }
    let environment = Environment::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    tauri::async_runtime::set(runtime.handle().clone());

    let web_folder = environment.data_folder.join("window");
    let video = runtime.block_on(VideoServer::bind(tauri::is_dev()))?;
    let desktop = SystemDesktop::default();
    let config = AppConfig {
        settings: KeptFile::new(&environment.config_folder),
        recents: KeptFile::new(&environment.data_folder),
        relay_folder: environment.data_folder.clone(),
        environment,
    };
    let (app, handle) = App::new(config, Arc::new(desktop.clone()));
    let stop = CancellationToken::new();

    let (again, seen) = (handle.clone(), handle.clone());
    let tauri = tauri::Builder::default()
        // The first of all: a second Ahoy hands on what it was opened with and ends here.
        .plugin(tauri_plugin_single_instance::init(
            move |tauri, arguments, _| {
                window::come_forward(tauri);
                opened::by_arguments(&again, arguments.into_iter().skip(1));
            },
        ))
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_clipboard_manager::init())
        .manage(Shell::new(handle.clone(), video.endpoint()))
        .invoke_handler(tauri::generate_handler![
            commands::dispatch,
            commands::subscribe,
            commands::video_endpoint
        ])
        .setup(move |app| window::open(app, &web_folder, &seen))
        .build(context)?;

    desktop.open(tauri.handle());
    opened::by_arguments(&handle, std::env::args().skip(1));
    let sockets = runtime.spawn(video.run(handle.tracks(), stop.clone()));
    let actor = runtime.spawn(app.run(stop.clone()));
    runtime.spawn(leave::on_signal(stop.clone()));
    runtime.spawn(leave::when_ended(
        actor,
        sockets,
        stop.clone(),
        tauri.handle().clone(),
    ));

    let code = tauri.run_return(move |tauri, event| match event {
        RunEvent::WindowEvent {
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } => {
            // The window goes at once; the call behind it still says good-bye.
            api.prevent_close();
            if let Some(window) = tauri.get_webview_window(window::LABEL) {
                let _ = window.hide();
            }
            stop.cancel();
        }
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            opened::by_arguments(&handle, urls.iter().map(ToString::to_string));
        }
        // The window is gone without having asked; `leave` exits when the rest has ended.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => {
            api.prevent_exit();
            stop.cancel();
        }
        _ => {}
    });
    runtime.shutdown_timeout(RUNTIME_END);
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}
