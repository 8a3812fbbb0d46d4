//! The relay behind its own certificate.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use ahoy_contract::id::Pin;
use ahoy_relay::{Config, Identity};
use http::header;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::client::{Client, Running};

/// Takes any certificate and remembers its pin, as a client does that compares it with a link's.
#[derive(Debug)]
struct Remember {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Pin>>,
}

impl ServerCertVerifier for Remember {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
        *self.seen.lock().unwrap() = Some(Pin::new(Sha256::digest(parsed.public_key().raw).into()));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A connection to a relay, and the pin that its certificate has.
pub(crate) async fn connect(address: SocketAddr) -> (TlsStream<TcpStream>, Pin) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Remember {
        provider: provider.clone(),
        seen: Mutex::new(None),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, TcpStream::connect(address).await.unwrap())
        .await
        .unwrap();
    let seen = verifier.seen.lock().unwrap().clone();
    (stream, seen.unwrap())
}

async fn secure(folder: &Path) -> (Running, Identity) {
    let identity = Identity::self_signed(folder, &[]).unwrap();
    let config = Config {
        identity: Some(identity.clone()),
        ..Config::default()
    };
    (Running::new(config).await, identity)
}

#[tokio::test]
async fn a_relay_is_known_by_its_pin() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (relay, identity) = secure(folder.path()).await;
        let (stream, pin) = connect(relay.address).await;
        assert_eq!(&pin, identity.pin());
        seen.push(pin);
        let own = format!("https://{}", relay.address);
        let mut client = Client::open(stream, &format!("wss://{}/ws", relay.address), Some(&own))
            .await
            .unwrap();
        client.hello().await;
        client.create(1).await;
        relay.stopped().await;
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_page_without_tls_opens_no_socket_to_a_relay_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, _) = secure(folder.path()).await;
    let (stream, _) = connect(relay.address).await;
    let other = format!("http://{}", relay.address);
    assert!(
        Client::open(stream, &format!("wss://{}/ws", relay.address), Some(&other))
            .await
            .is_err()
    );
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_no_tls_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, _) = secure(folder.path()).await;
    let mut plain = relay.tcp().await;
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut rest)
        .await
        .ok();
    assert!(!rest.starts_with(b"HTTP"));
    let (stream, _) = connect(relay.address).await;
    drop(stream);
    relay.stopped().await;
}

#[tokio::test]
async fn another_certificate_is_for_those_who_come_then() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (relay, first) = secure(folders[0].path()).await;
    let (stream, pin) = connect(relay.address).await;
    assert_eq!(&pin, first.pin());
    let url = format!("wss://{}/ws", relay.address);
    let mut client = Client::open(stream, &url, None).await.unwrap();
    client.hello().await;

    let hosts = ["ahoy.example.org".to_owned()];
    let second = Identity::self_signed(folders[1].path(), &hosts).unwrap();
    relay.handle.replace_identity(&second).unwrap();
    let (stream, pin) = connect(relay.address).await;
    assert_eq!(&pin, second.pin());
    // With its names; and who was there is still there.
    let host = [(header::HOST, "ahoy.example.org")];
    let mut other = Client::open_with(stream, &url, &host).await.unwrap();
    other.hello().await;
    client.create(1).await;
    drop((client, other));
    relay.stopped().await;

    let plain = Running::new(Config::default()).await;
    let error = plain.handle.replace_identity(&second).unwrap_err();
    assert!(error.to_string().contains("without one"), "{error}");
    plain.stopped().await;
}
