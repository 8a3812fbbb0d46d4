//! A slow line between a client and a relay: what the relay sends arrives no faster than so many bytes a second, and
//! what does not arrive waits at the relay.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpSocket, TcpStream},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

/// How much is passed on at a time, and waits here unread: little, so that the rest waits at the relay.
const PART: usize = 4 * 1024;

/// A running slow line. Dropped, it is cut.
pub struct SlowLine {
    address: SocketAddr,
    upstream: String,
    task: JoinHandle<()>,
}

impl SlowLine {
    /// Starts one to the relay at `upstream` (`http://127.0.0.1:PORT`).
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(upstream: &str, bytes_per_second: u32) -> Result<Self> {
        let target: SocketAddr = upstream
            .strip_prefix("http://")
            .context("a relay without TLS")?
            .parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // A connection that breaks is the client's affair.
                lines.spawn(async move { serve(client, target, bytes_per_second).await });
            }
        });
        Ok(Self {
            address,
            upstream: upstream.to_owned(),
            task,
        })
    }

    /// Its own address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A link that was made over this line, as it leads straight to the relay.
    pub fn around(&self, link: &str) -> String {
        link.replace(&self.url(), &self.upstream)
    }
}

impl Drop for SlowLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream, target: SocketAddr, bytes_per_second: u32) -> Result<()> {
    let relay = TcpSocket::new_v4()?;
    relay.set_recv_buffer_size(2 * PART as u32)?;
    let relay = relay.connect(target).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_relay, mut to_relay) = relay.into_split();
    let up = async {
        copy(&mut from_client, &mut to_relay).await?;
        Ok(to_relay.shutdown().await?)
    };
    let down = async {
        let (mut part, mut free) = (vec![0; PART], Instant::now());
        loop {
            let read = from_relay.read(&mut part).await?;
            if read == 0 {
                return Ok(to_client.shutdown().await?);
            }
            sleep_until(free).await;
            to_client.write_all(&part[..read]).await?;
            let takes = Duration::from_secs_f64(read as f64 / f64::from(bytes_per_second));
            free = free.max(Instant::now()) + takes;
        }
    };
    let (up, down): (Result<()>, Result<()>) = tokio::join!(up, down);
    up.and(down)
}
