//! A file server for pages: one answer for each path, on loopback, open to all origins.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running server.
pub struct Files {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What is served: a media type and the bytes.
pub type File = (&'static str, Vec<u8>);

impl Files {
    /// Serves these files by their paths, which begin with `/`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn serve(files: HashMap<&'static str, File>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let files = Arc::new(files);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A browser that goes away is no fault.
                tokio::spawn(answer(socket, files.clone()));
            }
        });
        Ok(Self { address, task })
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut socket: TcpStream, files: Arc<HashMap<&'static str, File>>) -> Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < 16 * 1024 {
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    // What is asked of the page is for the page.
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, bytes): (_, _, &[u8]) = match files.get(path) {
        Some((kind, bytes)) => ("200 OK", *kind, bytes),
        None => ("404 Not Found", "text/plain", &[]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    socket.write_all(head.as_bytes()).await?;
    Ok(socket.write_all(bytes).await?)
}
