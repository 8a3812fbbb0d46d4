//! A page under a WebDriver: its parts by their `data-testid`, and what its picture and sound hold.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use fantoccini::{Client, ClientBuilder, Locator, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{SOON, bidi::Bidi, page};

/// How often a page is asked whether it is as wanted. Pages tell nobody by themselves.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(100);

/// A page in a browser or in the app.
pub struct Page {
    driver: Driver,
}

enum Driver {
    WebDriver(Client),
    Bidi(Box<Bidi>),
}

impl Page {
    /// Starts a session with a driver that listens on this port of loopback.
    ///
    /// # Errors
    /// The driver refuses.
    pub async fn open(port: u16, capabilities: Value) -> Result<Self> {
        let Value::Object(capabilities) = capabilities else {
            bail!("capabilities are an object");
        };
        let capabilities: Capabilities = capabilities;
        let address = format!("127.0.0.1:{port}");
        let listening = timeout(SOON, async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(ASK_EVERY).await;
            }
        });
        listening.await.context("the driver does not listen")?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let address = format!("http://{address}");
        let client = soon("the session's start", builder.connect(&address)).await?;
        Ok(Self {
            driver: Driver::WebDriver(client),
        })
    }

    /// The page of a session over BiDi.
    pub fn of(bidi: Bidi) -> Self {
        Self {
            driver: Driver::Bidi(Box::new(bidi)),
        }
    }

    /// The WebDriver client, for what is not in here.
    ///
    /// # Errors
    /// The page is driven by something else.
    pub fn client(&self) -> Result<&Client> {
        match &self.driver {
            Driver::WebDriver(client) => Ok(client),
            Driver::Bidi(_) => bail!("not under a WebDriver"),
        }
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// The page does not load.
    pub async fn goto(&self, url: &str) -> Result<()> {
        match &self.driver {
            Driver::WebDriver(client) => soon("the page's load", client.goto(url)).await,
            Driver::Bidi(bidi) => bidi.goto(url).await,
        }
    }

    /// Runs a function body in the page, with the harness's own functions (see [`page`]) at hand as `ahoy`.
    ///
    /// # Errors
    /// It throws.
    pub async fn run(&self, body: &str, arguments: Vec<Value>) -> Result<Value> {
        let script = format!("{}\n{body}", page::FUNCTIONS);
        match &self.driver {
            Driver::WebDriver(client) => {
                soon("a script in the page", client.execute(&script, arguments)).await
            }
            Driver::Bidi(bidi) => bidi.run(&script, &arguments).await,
        }
    }

    /// As [`run`](Self::run), and waits for the promise that the body returns.
    ///
    /// # Errors
    /// It throws, or the promise is broken.
    pub async fn run_async(&self, body: &str, arguments: Vec<Value>) -> Result<Value> {
        let client = match &self.driver {
            Driver::WebDriver(client) => client,
            Driver::Bidi(_) => return self.run(body, arguments).await,
        };
        let script = format!(
            "{}\nconst done = arguments[arguments.length - 1];\n\
             (async function () {{ {body} }}).apply(null, arguments).then((value) => done({{ value }}), \
             (error) => done({{ error: String(error) }}))",
            page::FUNCTIONS
        );
        let done = soon(
            "a script in the page",
            client.execute_async(&script, arguments),
        )
        .await?;
        match done["error"].as_str() {
            Some(error) => bail!("a script in the page: {error}"),
            None => Ok(done["value"].clone()),
        }
    }

    /// Asks again and again until `body` gives something that is neither `null` nor `false`.
    ///
    /// # Errors
    /// It does not soon; the error says what the page shows.
    pub async fn until(&self, what: &str, body: &str, arguments: Vec<Value>) -> Result<Value> {
        let found = timeout(SOON, async {
            loop {
                // A page that is loading cannot be asked.
                if let Ok(value) = self.run(body, arguments.clone()).await
                    && !matches!(value, Value::Null | Value::Bool(false))
                {
                    return value;
                }
                sleep(ASK_EVERY).await;
            }
        })
        .await;
        match found {
            Ok(value) => Ok(value),
            Err(_) => Err(anyhow!(
                "{what}: not within {} s; the page shows: {}",
                SOON.as_secs(),
                self.text().await
            )),
        }
    }

    /// What a person can read on the page.
    pub async fn text(&self) -> String {
        match self.run("return document.body.innerText", vec![]).await {
            Ok(text) => text.as_str().unwrap_or_default().replace('\n', " | "),
            Err(error) => format!("(it cannot be asked: {error})"),
        }
    }

    /// Waits until the part is there and visible.
    ///
    /// # Errors
    /// It is not soon.
    pub async fn shown(&self, part: &str) -> Result<()> {
        self.until(part, "return ahoy.shown(arguments[0])", vec![json!(part)])
            .await?;
        Ok(())
    }

    /// Waits until the part is no longer there or not visible.
    ///
    /// # Errors
    /// It stays.
    pub async fn gone(&self, part: &str) -> Result<()> {
        self.until(part, "return !ahoy.shown(arguments[0])", vec![json!(part)])
            .await?;
        Ok(())
    }

    /// Waits for the part and presses it, as a person does with a pointer.
    ///
    /// # Errors
    /// It is not there, or something lies over it.
    pub async fn press(&self, part: &str) -> Result<()> {
        self.until(
            part,
            "return ahoy.shown(arguments[0]) && !ahoy.part(arguments[0]).disabled",
            vec![json!(part)],
        )
        .await?;
        let selector = selector(part);
        let pressed = match &self.driver {
            Driver::WebDriver(client) => {
                let element = soon("the part", client.find(Locator::Css(&selector))).await?;
                soon("the press", element.click()).await
            }
            Driver::Bidi(bidi) => bidi.press(&selector).await,
        };
        pressed.with_context(|| format!("`{part}` cannot be pressed"))
    }

    /// Chooses one of several (a radio button), which may be drawn by something else than itself.
    ///
    /// # Errors
    /// It is not there soon.
    pub async fn choose(&self, part: &str) -> Result<()> {
        self.until(
            part,
            "const part = ahoy.part(arguments[0]); part?.click(); return part?.checked",
            vec![json!(part)],
        )
        .await?;
        Ok(())
    }

    /// Writes into an input.
    ///
    /// # Errors
    /// It is not there soon.
    pub async fn write(&self, part: &str, text: &str) -> Result<()> {
        self.shown(part).await?;
        let selector = selector(part);
        match &self.driver {
            Driver::WebDriver(client) => {
                // What is half behind the edge of a dialog cannot be written into.
                self.run(INTO_VIEW, vec![selector.clone().into()]).await?;
                let element = soon("the part", client.find(Locator::Css(&selector))).await?;
                soon("the input", element.clear()).await?;
                soon("the input", element.send_keys(text)).await
            }
            Driver::Bidi(bidi) => bidi.write(&selector, text).await,
        }
    }

    /// The part's text; of an input its value.
    ///
    /// # Errors
    /// It has none soon.
    pub async fn read(&self, part: &str) -> Result<String> {
        let text = self
            .until(
                part,
                "return ahoy.text(arguments[0]) || null",
                vec![json!(part)],
            )
            .await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for the error banner and gives its code.
    ///
    /// # Errors
    /// None comes soon.
    pub async fn error(&self) -> Result<String> {
        let code = self
            .until("error", "return ahoy.part('error')?.dataset.code", vec![])
            .await?;
        Ok(code.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the picture in this part carries a stamp and gives it.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn stamp(&self, part: &str) -> Result<u32> {
        let stamp = self
            .until(
                &format!("a stamp in {part}"),
                "const stamp = ahoy.stamp(ahoy.part(arguments[0])); return stamp === null ? null : {stamp}",
                vec![json!(part)],
            )
            .await?;
        let stamp = stamp["stamp"].as_u64().context("a stamp is a number")?;
        Ok(u32::try_from(stamp)?)
    }

    /// Waits until the picture in this part has moved on from one stamp to a later one.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn moving_stamp(&self, part: &str) -> Result<()> {
        let first = self.stamp(part).await?;
        self.until(
            &format!("a later stamp in {part}"),
            "const stamp = ahoy.stamp(ahoy.part(arguments[0])); return stamp !== null && stamp > arguments[1]",
            vec![json!(part), json!(first)],
        )
        .await?;
        Ok(())
    }

    /// Waits until the sound that the page plays of others is louder than this, in dB below full scale.
    ///
    /// # Errors
    /// It is not soon.
    pub async fn sound_above(&self, db: f64) -> Result<f64> {
        let level = self
            .until(
                "sound",
                "const db = ahoy.soundLevel(); return db > arguments[0] ? {db} : null",
                vec![json!(db)],
            )
            .await?;
        level["db"].as_f64().context("a level is a number")
    }

    /// Waits until the sound that the page plays of others has been quieter than this for a second.
    ///
    /// # Errors
    /// It is not soon.
    pub async fn sound_below(&self, db: f64) -> Result<()> {
        self.until(
            "silence",
            "return ahoy.quietFor(arguments[0]) > 1000",
            vec![json!(db)],
        )
        .await?;
        Ok(())
    }

    /// Ends the session, and with it the browser's window.
    ///
    /// # Errors
    /// The driver refuses.
    pub async fn close(self) -> Result<()> {
        match self.driver {
            Driver::WebDriver(client) => soon("the session's end", client.close()).await,
            Driver::Bidi(bidi) => bidi.close().await,
        }
    }
}

const INTO_VIEW: &str =
    "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' }); return true";

fn selector(part: &str) -> String {
    format!("[data-testid=\"{part}\"]")
}

/// Puts a deadline on a command: a driver may wait for a page for ever.
async fn soon<T, E>(what: &str, command: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let done = timeout(SOON, command).await;
    Ok(done.with_context(|| format!("{what}: no answer within {} s", SOON.as_secs()))??)
}
