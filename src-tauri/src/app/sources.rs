//! What of the screen can be shown, looked for again and again, with a small picture of each: an edge.
//!
//! The pictures are for the user alone, and are made only while somebody looks at them.

use std::{collections::BTreeMap, time::Duration};

use ahoy_contract::{
    UserError,
    ui::{MAX_SOURCES, SourceKind, SourceView},
};
use ahoy_engine::{
    device::{self, DeviceError, PortalChoice, ScreenKind, ScreenSource, ScreenSpec},
    frame::VideoFrame,
};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::video::Pictures;

/// How often it is looked anew, and how often a small picture is made; both take some ms.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longer side of a small picture, in pixels: what the window shows at twice the density.
const SMALL: u32 = 480;

/// The id of what the desktop asks for.
const ASKED: &str = "asked";

/// The id of what it was answered the last time.
const AGAIN: &str = "again";

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// All that there is, or why nobody knows.
    pub(super) sources: Result<Vec<SourceView>, UserError>,
    /// Where the small pictures of the first [`MAX_SOURCES`] are, by the sources' ids.
    pub(super) pictures: BTreeMap<String, Pictures>,
}

type Small = BTreeMap<String, watch::Sender<Option<VideoFrame>>>;

/// Looks until it is stopped.
pub(super) async fn look(
    found: mpsc::Sender<Found>,
    choice: PortalChoice,
    stop: CancellationToken,
) {
    let mut small = Small::new();
    while !stop.is_cancelled() {
        let next = Instant::now() + LOOK_EVERY;
        let sources = list(&choice).await;
        let ids: Vec<String> = sources
            .iter()
            .flatten()
            .filter(|source| matches!(source.kind, SourceKind::Monitor | SourceKind::Window))
            .take(MAX_SOURCES)
            .map(|source| source.id.clone())
            .collect();
        small.retain(|id, _| ids.contains(id));
        for id in &ids {
            small.entry(id.clone()).or_default();
        }
        let pictures = small
            .iter()
            .map(|(id, picture)| (id.clone(), picture.subscribe()));
        let pictures = pictures.collect();
        let told = found.send(Found { sources, pictures });
        if stop
            .run_until_cancelled(told)
            .await
            .is_none_or(|told| told.is_err())
        {
            return;
        }
        for (id, picture) in &small {
            if stop.is_cancelled() {
                return;
            }
            photograph(id, picture).await;
        }
        stop.run_until_cancelled(sleep_until(next)).await;
    }
}

/// What is to be opened for the source of this id. Where the desktop shall ask, what it was answered before is forgotten.
pub(super) fn open(id: String, choice: &PortalChoice) -> ScreenSpec {
    match id.as_str() {
        ASKED => {
            choice.forget();
            ScreenSpec::Portal(choice.clone())
        }
        AGAIN => ScreenSpec::Portal(choice.clone()),
        _ => ScreenSpec::Source(id),
    }
}

async fn list(choice: &PortalChoice) -> Result<Vec<SourceView>, UserError> {
    if device::asks_by_itself() {
        return Ok(asked(choice));
    }
    match spawn_blocking(device::screens).await {
        Ok(Ok(sources)) => Ok(sources.into_iter().map(view).collect()),
        Ok(Err(error)) => Err(user_error(&error)),
        Err(error) => {
            error!("what there is to show is not known: {error}");
            Ok(Vec::new())
        }
    }
}

/// One that cannot be photographed keeps the picture it has, or none.
async fn photograph(id: &str, picture: &watch::Sender<Option<VideoFrame>>) {
    let wanted = id.to_owned();
    match spawn_blocking(move || device::thumbnail(&wanted, SMALL)).await {
        Ok(Ok(taken)) => {
            picture.send_replace(Some(taken));
        }
        Ok(Err(error)) => debug!("{id} has no small picture: {error}"),
        Err(error) => error!("{id} has no small picture: {error}"),
    }
}

fn user_error(error: &DeviceError) -> UserError {
    debug!("what there is to show is not known: {error}");
    error.to_user()
}

/// What there is where the desktop asks: what it was answered before, first, and the question.
fn asked(choice: &PortalChoice) -> Vec<SourceView> {
    let again = choice.is_made().then_some((AGAIN, SourceKind::Again));
    let all = again.into_iter().chain([(ASKED, SourceKind::Asked)]);
    all.map(|(id, kind)| SourceView {
        id: id.to_owned(),
        kind,
        name: String::new(),
        width: 0,
        height: 0,
    })
    .collect()
}

fn view(source: ScreenSource) -> SourceView {
    SourceView {
        kind: match source.kind {
            ScreenKind::Monitor => SourceKind::Monitor,
            ScreenKind::Window => SourceKind::Window,
        },
        id: source.id,
        name: source.name,
        width: source.width,
        height: source.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desktop_asks_until_it_has_been_answered_and_when_that_is_wished_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("choice");
        let choice = PortalChoice::kept_at(Some(file.clone()));
        let ids = || -> Vec<String> { asked(&choice).into_iter().map(|one| one.id).collect() };
        assert_eq!(ids(), [ASKED]);
        std::fs::write(&file, "token").unwrap();
        assert_eq!(ids(), [AGAIN, ASKED]);
        let portal = ScreenSpec::Portal(choice.clone());
        assert_eq!(open(AGAIN.into(), &choice), portal);
        assert_eq!(ids(), [AGAIN, ASKED]);
        let window = "window:0x3a".to_owned();
        assert_eq!(open(window.clone(), &choice), ScreenSpec::Source(window));
        assert_eq!(open(ASKED.into(), &choice), portal);
        assert_eq!(ids(), [ASKED]);
    }
}
