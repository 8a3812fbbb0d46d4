//! The app on a display of its own.

use std::path::Path;

use ahoy_tests::{
    app::{App, Display, Home, Instead},
    chromium::{Camera, Chromium},
    desktop::Desktop,
    look::{self, Window},
    need::Part,
    programs,
    sound::SoundServer,
    webdriver::Page,
};
use anyhow::Result;

/// What the app in its window needs.
pub(crate) const ALONE: [Part; 3] = [Part::Display, Part::Sound, Part::Ffmpeg];
/// What the app in its window with a guest in Chromium needs.
pub(crate) const PARTS: [Part; 4] = [Part::Display, Part::Chromium, Part::Sound, Part::Ffmpeg];
/// A guest's camera.
pub(crate) const STAMPED: Camera = Camera::Stamped {
    width: 640,
    height: 360,
    fps: 30,
};
/// The app's camera, where it has one.
pub(crate) const TEST_PICTURE: Option<&str> = Some("test:640x360@30");

/// The largest that anything is looked at.
const DISPLAY: (u32, u32) = look::SIZES[1];
/// As the app's window is at first.
const WINDOW: (u32, u32) = (960, 640);

/// The app on its display, with a microphone and a speaker.
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) sound: SoundServer,
    display: Display,
}

impl Stage {
    /// The app's first start.
    pub(crate) async fn open(instead: Instead<'_>) -> Result<Self> {
        Self::open_at(Home::new()?, instead).await
    }

    /// The app's start with what it finds at home.
    pub(crate) async fn open_at(home: Home, instead: Instead<'_>) -> Result<Self> {
        let start = if instead.link.is_some() {
            "link-opened"
        } else {
            "new-call"
        };
        let display = Display::start(DISPLAY.0, DISPLAY.1).await?;
        let sound = SoundServer::start().await?;
        let app = App::start_at(home, &display, &sound, instead).await?;
        let stage = Self {
            app,
            sound,
            display,
        };
        stage.app.page().shown(start).await?;
        // Nobody manages the display's windows: this one goes to the corner that pictures are taken of.
        stage.resize(None).await?;
        Ok(stage)
    }

    /// The app's first start, with a picture for a camera.
    pub(crate) async fn with_camera() -> Result<Self> {
        Self::open(Instead {
            video: TEST_PICTURE,
            ..Instead::default()
        })
        .await
    }

    /// Looks at the window in the state that it is in; see [`look`].
    pub(crate) async fn picture(&self, name: &str) -> Result<()> {
        look::look(self, name).await
    }

    /// From the start into the lobby of a new call.
    pub(crate) async fn lobby(&self) -> Result<()> {
        let page = self.app.page();
        page.press("new-call").await?;
        page.write("name", "Ada").await?;
        settled(page).await
    }

    /// Waits until the window shows the guest's picture, and the guest's page the window's.
    pub(crate) async fn sees(&self, chromium: &Chromium) -> Result<()> {
        for page in [self.app.page(), chromium.page()] {
            let moves = page.moving_stamp("remote-video").await;
            chromium.explain(moves).await?;
        }
        Ok(())
    }

    /// Gives the keyboard to another window, which closes with what is given back.
    pub(crate) fn look_away(&self) -> Result<Desktop> {
        let other = Desktop::connect(self.display.name())?;
        let window = other.open("Another program", (0, 0, 64, 64), 0x33_66_99)?;
        other.focus(window)?;
        Ok(other)
    }

    /// The display that the app is on.
    pub(crate) fn display(&self) -> &Display {
        &self.display
    }

    /// From the start through the lobby into a new call; gives its link.
    pub(crate) async fn new_call(&self) -> Result<String> {
        self.lobby().await?;
        let page = self.app.page();
        page.press("join").await?;
        page.read("link").await
    }

    /// From the start into the lobby of a call that this link leads to.
    pub(crate) async fn follow(&self, link: &str) -> Result<()> {
        let page = self.app.page();
        page.write("join-link", link).await?;
        page.press("join-go").await?;
        page.shown("join").await
    }

    /// Takes a picture of the window as it is, with a hand on the mouse: then the controls of a call are there.
    pub(crate) async fn screenshot(&self, name: &str) -> Result<()> {
        let wake =
            "ahoy.part('call')?.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }))";
        self.app.page().run(wake, vec![]).await?;
        let file = programs::output("screenshots")?.join(format!("{name}.png"));
        self.display.screenshot(WINDOW, &file).await
    }
}

impl Window for Stage {
    fn page(&self) -> &Page {
        self.app.page()
    }

    async fn resize(&self, size: Option<(u32, u32)>) -> Result<()> {
        let size = size.unwrap_or(WINDOW);
        let page = self.app.page();
        page.client()?.set_window_rect(0, 0, size.0, size.1).await?;
        look::sized(page, size).await
    }

    async fn photograph(&self, size: (u32, u32), file: &Path) -> Result<()> {
        self.display.screenshot(size, file).await
    }
}

/// Waits for the screen after a call and gives who or what ended it, as its `data-reason` has it.
pub(crate) async fn ended(page: &Page) -> Result<String> {
    page.shown("ended").await?;
    let reason = "return ahoy.part('ended')?.dataset.reason";
    let reason = page.until("who ended the call", reason, vec![]).await?;
    Ok(reason.as_str().unwrap_or_default().to_owned())
}

/// Waits until a call is in this phase, as its `data-phase` has it.
pub(crate) async fn phase(page: &Page, phase: &str) -> Result<()> {
    let there = "return ahoy.part('call')?.dataset.phase === arguments[0]";
    page.until(phase, there, vec![phase.into()]).await?;
    Ok(())
}

/// Waits until a lobby has opened all devices, or knows that there are none: what is still being opened is said with three
/// dots.
pub(crate) async fn settled(page: &Page) -> Result<()> {
    let settled = "return ahoy.shown('mic-level') && !document.body.innerText.includes('…')";
    page.until("devices that are open", settled, vec![]).await?;
    Ok(())
}

/// A link to a room at this relay that nobody has opened.
pub(crate) fn nowhere(relay: &str) -> String {
    format!("{relay}/r/{}#AAECAwQFBgcICQoLDA0ODw", "a".repeat(26))
}
