//! What the window may call: three commands, listed in `build.rs` and allowed in `capabilities/main.json`.
//! What comes from the web view is hostile until it was parsed.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are made for it by Tauri, by value"
)]

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{AppView, Command, Notice},
    video::VideoEndpoint,
};
use serde::Deserialize as _;
use tauri::{
    State,
    ipc::{Channel, InvokeBody, Request},
};

use crate::{app::AppHandle, feed::Feed};

/// What the commands work on.
pub(crate) struct Shell {
    app: AppHandle,
    feed: Feed,
    video: VideoEndpoint,
}

impl Shell {
    pub(crate) fn new(app: AppHandle, video: VideoEndpoint) -> Self {
        Self {
            feed: Feed::new(app.clone()),
            app,
            video,
        }
    }
}

/// Hands `{command: Command}` to the app.
///
/// # Errors
/// `bad_message` for what is no command, `busy` when too many wait.
#[tauri::command]
pub(crate) fn dispatch(request: Request<'_>, shell: State<'_, Shell>) -> Result<(), UserError> {
    shell.app.dispatch(parse(request.body())?)
}

/// Sends the view, whole, now and at each change, and what happens; until the window subscribes again.
#[tauri::command]
pub(crate) async fn subscribe(
    views: Channel<AppView>,
    notices: Channel<Notice>,
    shell: State<'_, Shell>,
) -> Result<(), UserError> {
    shell.feed.subscribe(views, notices);
    Ok(())
}

/// Where pictures come from.
#[tauri::command]
pub(crate) fn video_endpoint(shell: State<'_, Shell>) -> VideoEndpoint {
    shell.video.clone()
}

fn parse(body: &InvokeBody) -> Result<Command, UserError> {
    let command = match body {
        InvokeBody::Json(json) => json.get("command"),
        InvokeBody::Raw(_) => None,
    };
    command
        .and_then(|command| Command::deserialize(command).ok())
        .ok_or_else(|| {
            UserError::new(
                ErrorCode::BadMessage,
                "The window asked for something that Ahoy does not know.",
                "Restart Ahoy.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_command_is_an_error_with_a_code() {
        for body in [
            InvokeBody::Raw(vec![1, 2, 3]),
            json!(null).into(),
            json!({}).into(),
            json!([{"type": "new_call"}]).into(),
            json!({"command": "new_call"}).into(),
            json!({"command": {"type": "rm -rf"}}).into(),
            json!({"command": {"type": "enter"}}).into(),
            json!({"command": {"type": "set_muted", "muted": "yes"}}).into(),
            json!({"command": {"type": "set_theme", "theme": "pink"}}).into(),
        ] {
            assert_eq!(parse(&body).unwrap_err().code, ErrorCode::BadMessage);
        }
        let good = json!({"command": {"type": "set_muted", "muted": true}}).into();
        assert_eq!(parse(&good), Ok(Command::SetMuted { muted: true }));
    }
}
