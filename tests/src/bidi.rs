//! A page under WebDriver BiDi (<https://w3c.github.io/webdriver-bidi/>), as Firefox speaks it by itself.

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::Mutex,
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{SOON, webdriver::ASK_EVERY};

/// A session with one page.
pub struct Bidi {
    line: Mutex<Line>,
    context: String,
}

struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    number: u64,
}

impl Line {
    /// Sends a command and waits for its answer; what happens meanwhile is of no interest.
    async fn command(&mut self, method: &str, params: Value) -> Result<Value> {
        self.number += 1;
        let command = json!({ "id": self.number, "method": method, "params": params });
        self.socket.send(Message::text(command.to_string())).await?;
        while let Some(message) = self.socket.next().await {
            let Message::Text(text) = message? else {
                continue;
            };
            let mut answer: Value = serde_json::from_str(&text)?;
            if answer["id"] != self.number {
                continue;
            }
            if answer["type"] == "error" {
                bail!("{method}: {}", answer["message"]);
            }
            return Ok(answer["result"].take());
        }
        bail!("{method}: the browser has gone")
    }
}

impl Bidi {
    /// Starts a session with a browser that listens at this address, `ws://…`.
    ///
    /// # Errors
    /// It refuses.
    pub async fn open(address: &str) -> Result<Self> {
        let started = timeout(SOON, async {
            let socket = loop {
                match connect_async(format!("{address}/session")).await {
                    Ok((socket, _)) => break socket,
                    Err(_) => sleep(ASK_EVERY).await,
                }
            };
            let mut line = Line { socket, number: 0 };
            line.command("session.new", json!({ "capabilities": {} }))
                .await?;
            let tree = line.command("browsingContext.getTree", json!({})).await?;
            let context = tree["contexts"][0]["context"]
                .as_str()
                .context("the browser has no page")?
                .to_owned();
            anyhow::Ok(Self {
                line: Mutex::new(line),
                context,
            })
        });
        started.await.context("the session's start")?
    }

    async fn command(&self, method: &str, mut params: Value) -> Result<Value> {
        params["context"] = json!(self.context);
        let mut line = self.line.lock().await;
        timeout(SOON, line.command(method, params))
            .await
            .with_context(|| format!("{method}: no answer within {} s", SOON.as_secs()))?
    }

    /// Runs a function expression in each page before its own scripts.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn before_each_page(&self, function: &str) -> Result<()> {
        let params = json!({ "functionDeclaration": function });
        let mut line = self.line.lock().await;
        line.command("script.addPreloadScript", params).await?;
        Ok(())
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// The page does not load.
    pub async fn goto(&self, url: &str) -> Result<()> {
        let params = json!({ "url": url, "wait": "complete" });
        self.command("browsingContext.navigate", params).await?;
        Ok(())
    }

    /// Runs the body of a function, which may wait for promises; what it returns has to be JSON.
    ///
    /// # Errors
    /// It throws.
    pub async fn run(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        let function = format!(
            "async (json) => {{ const value = await (async function () {{ {body} }}).apply(null, JSON.parse(json)); \
             return JSON.stringify(value === undefined ? null : value); }}"
        );
        let params = json!({
            "functionDeclaration": function,
            "target": { "context": self.context },
            "arguments": [{ "type": "string", "value": json!(arguments).to_string() }],
            "awaitPromise": true,
            "userActivation": true,
        });
        let mut line = self.line.lock().await;
        let done = timeout(SOON, line.command("script.callFunction", params))
            .await
            .context("a script in the page: no answer")??;
        if done["type"] != "success" {
            bail!("a script in the page: {}", done["exceptionDetails"]["text"]);
        }
        let text = done["result"]["value"].as_str().context("no text")?;
        Ok(serde_json::from_str(text)?)
    }

    /// Presses what a selector finds in its middle, as a person does with a pointer.
    ///
    /// # Errors
    /// It is not there, or something lies over it.
    pub async fn press(&self, selector: &str) -> Result<()> {
        let middle = "const element = document.querySelector(arguments[0]); \
            element.scrollIntoView({ block: 'nearest' }); \
            const box = element.getBoundingClientRect(); \
            const [x, y] = [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; \
            const top = document.elementFromPoint(x, y); \
            if (!element.contains(top)) throw new Error(`under ${top?.outerHTML}`); \
            return [x, y]";
        let at = self.run(middle, &[json!(selector)]).await?;
        let actions = json!([{
            "type": "pointer", "id": "mouse",
            "actions": [
                { "type": "pointerMove", "x": at[0], "y": at[1] },
                { "type": "pointerDown", "button": 0 },
                { "type": "pointerUp", "button": 0 },
            ],
        }]);
        self.command("input.performActions", json!({ "actions": actions }))
            .await?;
        Ok(())
    }

    /// Writes into the input that a selector finds, instead of what it holds.
    ///
    /// # Errors
    /// It is not there.
    pub async fn write(&self, selector: &str, text: &str) -> Result<()> {
        let select = "const element = document.querySelector(arguments[0]); element.focus(); element.select()";
        self.run(select, &[json!(selector)]).await?;
        let strokes: Vec<_> = text
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": strokes }]);
        self.command("input.performActions", json!({ "actions": actions }))
            .await?;
        Ok(())
    }

    /// Ends the session.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn close(&self) -> Result<()> {
        let mut line = self.line.lock().await;
        timeout(SOON, line.command("session.end", json!({})))
            .await
            .context("the session's end")??;
        Ok(())
    }
}
