//! The notification service of a desktop, which shows nothing and records what it is sent (Desktop Notifications
//! Specification 1.2).

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use tokio::{sync::watch, time::timeout};
use zbus::{Connection, connection::Builder, zvariant::OwnedValue};

use crate::SOON;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A notification as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its title, plain text.
    pub summary: String,
    /// Its text; markup where the service takes that.
    pub body: String,
    /// Everything about it, as text.
    pub all: String,
}

/// A service that runs on a bus until it is dropped.
pub struct Notifications {
    bus: Connection,
    shown: watch::Receiver<Vec<Notification>>,
}

impl Notifications {
    /// Takes the service's name on the bus at this address; `markup` says whether it reads markup.
    ///
    /// # Errors
    /// The bus refuses: there is such a service.
    pub async fn start(address: &str, markup: bool) -> Result<Self> {
        let (sender, shown) = watch::channel(Vec::new());
        let service = Service {
            markup,
            shown: sender,
        };
        let bus = Builder::address(address)?
            .name(NAME)?
            .serve_at(PATH, service)?
            .build()
            .await
            .context("no notification service")?;
        Ok(Self { bus, shown })
    }

    /// Waits until there are so many, and gives all of them.
    ///
    /// # Errors
    /// There are fewer.
    pub async fn first(&self, count: usize) -> Result<Vec<Notification>> {
        let mut shown = self.shown.clone();
        let found = timeout(SOON, shown.wait_for(|shown| shown.len() >= count)).await;
        let found = found.with_context(|| format!("there are not {count} notifications"))??;
        Ok(found.clone())
    }

    /// Gives the name back.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn stop(self) -> Result<()> {
        self.bus.release_name(NAME).await?;
        self.bus.close().await?;
        Ok(())
    }
}

struct Service {
    markup: bool,
    shown: watch::Sender<Vec<Notification>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<String> {
        let all = [("body", true), ("body-markup", self.markup)];
        let has = all.into_iter().filter(|(_, has)| *has);
        has.map(|(capability, _)| capability.to_owned()).collect()
    }

    #[expect(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "the specification has so many, and they come as values"
    )]
    fn notify(
        &self,
        app_name: String,
        replaces_id: u32,
        app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expire_timeout: i32,
    ) -> u32 {
        let all = format!(
            "{app_name} {replaces_id} {app_icon} {summary} {body} {actions:?} {hints:?} {expire_timeout}"
        );
        let notification = Notification { summary, body, all };
        let mut id = 0;
        self.shown.send_modify(|shown| {
            shown.push(notification);
            id = u32::try_from(shown.len()).unwrap_or(u32::MAX);
        });
        id
    }

    fn close_notification(&self, _id: u32) {}

    fn get_server_information(&self) -> (String, String, String, String) {
        ["ahoy-tests", "Ahoy", "1", "1.2"].map(str::to_owned).into()
    }
}
