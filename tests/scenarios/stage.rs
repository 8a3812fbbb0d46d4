//! The app on a display of its own.

use ahoy_tests::{
    app::{App, Display, Instead},
    chromium::Camera,
    need::Part,
    programs,
    sound::SoundServer,
};
use anyhow::Result;

/// What the app in its window with a guest in Chromium needs.
pub(crate) const PARTS: [Part; 4] = [Part::Display, Part::Chromium, Part::Sound, Part::Ffmpeg];
/// A guest's camera.
pub(crate) const STAMPED: Camera = Camera::Stamped {
    width: 640,
    height: 360,
    fps: 30,
};

/// The app on its display, with a microphone and a speaker.
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) sound: SoundServer,
    display: Display,
    theme: &'static str,
}

impl Stage {
    pub(crate) async fn open(theme: &'static str, video: Option<&str>) -> Result<Self> {
        // As large as the app's window is at first.
        let display = Display::start(960, 640).await?;
        let sound = SoundServer::start().await?;
        let instead = Instead {
            video,
            ..Instead::default()
        };
        let app = App::start(&display, &sound, instead).await?;
        let page = app.page();
        page.press("settings").await?;
        page.choose(&format!("theme-{theme}")).await?;
        page.until(
            "the theme",
            "return document.documentElement.dataset.theme === arguments[0]",
            vec![theme.into()],
        )
        .await?;
        page.press("close-sheet").await?;
        page.gone("close-sheet").await?;
        Ok(Self {
            app,
            sound,
            display,
            theme,
        })
    }

    pub(crate) async fn screenshot(&self, name: &str) -> Result<()> {
        // A hand on the mouse: then the controls of a call are there.
        let wake = "ahoy.part('call')?.dispatchEvent(new PointerEvent('pointermove', { bubbles: true })); \
                    return true";
        self.app.page().run(wake, vec![]).await?;
        let file = programs::output("screenshots")?.join(format!("{name}-{}.png", self.theme));
        self.display.screenshot(&file).await
    }

    /// From the start through the lobby into a new call; gives its link.
    pub(crate) async fn new_call(&self) -> Result<String> {
        let page = self.app.page();
        page.shown("new-call").await?;
        self.screenshot("start").await?;
        page.press("new-call").await?;
        page.write("name", "Ada").await?;
        // What is still being opened is said with three dots.
        let ready = "return ahoy.shown('mic-level') && !document.body.innerText.includes('…')";
        page.until("devices that are open", ready, vec![]).await?;
        self.screenshot("lobby").await?;
        page.press("join").await?;
        let link = page.read("link").await?;
        self.screenshot("waiting").await?;
        Ok(link)
    }
}
