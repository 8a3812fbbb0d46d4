//! The certificate and the key by which a relay is known.

use std::{
    fmt, fs,
    io::{self, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use ahoy_contract::id::Pin;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::RelayError;

const KEY_FILE: &str = "relay-key.pem";
const CERTIFICATE_FILE: &str = "relay-cert.pem";
/// What a certificate of our own is always good for.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Apple's systems take no certificate that is good for more than 825 days.
const GOOD_FOR: Duration = Duration::from_secs(820 * 24 * 60 * 60);
/// A certificate that ends sooner is made anew: a relay may run for weeks without a restart.
const RENEW_BEFORE: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// The certificate and the key by which a relay is known. A copy shares both.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pin: Pin,
    self_signed: bool,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("pin", &self.inner.pin)
            .field("self_signed", &self.inner.self_signed)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// A self-signed identity (ECDSA P-256) that is made once and kept in `folder`.
    ///
    /// The key stays the same, and so does the [`pin`](Self::pin). The certificate is made anew when it
    /// soon ends, or when it is not good for one of `hosts` (names or IP addresses; `localhost` and the
    /// loopback addresses are always in it). On Unix only the user can read the key's file.
    ///
    /// # Errors
    /// When the files cannot be read or written, or hold something else. A key that cannot be read is
    /// never replaced: links carry its pin.
    pub fn self_signed(folder: &Path, hosts: &[String]) -> Result<Self, RelayError> {
        make_folder(folder)?;
        let key = kept_key(&folder.join(KEY_FILE))?;
        let mut names: Vec<String> = LOOPBACK.map(str::to_owned).to_vec();
        // What is neither a name nor an address cannot stand in a certificate.
        names.extend(
            hosts
                .iter()
                .filter(|host| ServerName::try_from(host.as_str()).is_ok())
                .cloned(),
        );
        names.sort();
        names.dedup();

        let path = folder.join(CERTIFICATE_FILE);
        #[expect(
            clippy::disallowed_methods,
            reason = "the edge: certificates are good from date to date"
        )]
        let now = SystemTime::now();
        let kept = CertificateDer::from_pem_file(&path)
            .ok()
            .filter(|kept| is_good(kept, &key, &names, now));
        let certificate = match kept {
            Some(kept) => kept,
            None => {
                let made = make_certificate(&key, names, now).map_err(certificate_error)?;
                write(&path, made.pem().as_bytes(), true)
                    .map_err(|source| file(&path, "written", source))?;
                made.der().clone()
            }
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Self::new(vec![certificate], key)
    }

    /// An identity from two PEM files: the certificate with those that lead to its issuer, and its key.
    ///
    /// # Errors
    /// When the files cannot be read, hold something else, or do not belong together.
    pub fn from_pem_files(certificate: &Path, key: &Path) -> Result<Self, RelayError> {
        const HINT: &str = "It must be a PEM file.";
        let text = fs::read(certificate).map_err(|source| file(certificate, "read", source))?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .filter_map(Result::ok)
            .collect();
        if chain.is_empty() {
            return Err(RelayError::NotPem {
                path: certificate.into(),
                what: "certificate",
                hint: HINT,
            });
        }
        let text = fs::read(key).map_err(|source| file(key, "read", source))?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| RelayError::NotPem {
            path: key.into(),
            what: "private key",
            hint: HINT,
        })?;
        Self::new(chain, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, RelayError> {
        let first = chain
            .first()
            .ok_or_else(|| certificate_error("there is none"))?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(certificate_error)?;
        let pin = Pin::new(Sha256::digest(parsed.public_key().raw).into());
        let self_signed = parsed.issuer() == parsed.subject();
        let identity = Self {
            inner: Arc::new(Inner {
                chain,
                key,
                pin,
                self_signed,
            }),
        };
        identity.server_config()?;
        Ok(identity)
    }

    /// The SHA-256 of the certificate's public key (SubjectPublicKeyInfo, DER).
    pub fn pin(&self) -> &Pin {
        &self.inner.pin
    }

    /// Whether nobody else vouches for the certificate, so that links must carry the
    /// [`pin`](Self::pin).
    pub fn is_self_signed(&self) -> bool {
        self.inner.self_signed
    }

    /// The names and IP addresses that the certificate is good for (RFC 5280 §4.2.1.6); a name may begin with `*.`.
    pub(crate) fn names(&self) -> Result<Vec<String>, RelayError> {
        let first = self.inner.chain.first();
        let first = first.ok_or_else(|| certificate_error("there is none"))?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(certificate_error)?;
        let names = parsed.subject_alternative_name();
        let Some(names) = names.map_err(certificate_error)? else {
            return Ok(Vec::new());
        };
        let names = names.value.general_names.iter();
        Ok(names
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
                _ => None,
            })
            .collect())
    }

    /// What TLS needs: versions 1.2 and 1.3, HTTP/1.1 by ALPN (RFC 7301).
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, RelayError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(certificate_error)?
            .with_no_client_auth()
            .with_single_cert(self.inner.chain.clone(), self.inner.key.clone_key())
            .map_err(certificate_error)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn certificate_error(error: impl fmt::Display) -> RelayError {
    RelayError::Certificate(error.to_string())
}

fn file(path: &Path, action: &'static str, source: io::Error) -> RelayError {
    RelayError::File {
        path: PathBuf::from(path),
        action,
        source,
    }
}

fn make_folder(folder: &Path) -> Result<(), RelayError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|source| file(folder, "made", source))
}

fn kept_key(path: &Path) -> Result<KeyPair, RelayError> {
    match fs::read_to_string(path) {
        Ok(text) => return read_key(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(file(path, "read", source)),
    }
    let made = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(certificate_error)?;
    match write(path, made.serialize_pem().as_bytes(), false) {
        Ok(()) => Ok(made),
        // Another relay was quicker: its key is the one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(path).map_err(|source| file(path, "read", source))?;
            read_key(path, &text)
        }
        Err(source) => Err(file(path, "written", source)),
    }
}

fn read_key(path: &Path, text: &str) -> Result<KeyPair, RelayError> {
    KeyPair::from_pem(text).map_err(|_| RelayError::NotPem {
        path: path.into(),
        what: "private key",
        hint: "Delete it to have a new one made; links that were sent before stop working then.",
    })
}

// Whole or not at all, and readable for the user alone from the first moment.
fn write(path: &Path, text: &[u8], replace: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(text)?;
    draft.as_file().sync_all()?;
    let written = if replace {
        draft.persist(path)
    } else {
        draft.persist_noclobber(path)
    };
    written.map(drop).map_err(|error| error.error)
}

fn make_certificate(
    key: &KeyPair,
    names: Vec<String>,
    now: SystemTime,
) -> Result<rcgen::Certificate, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Ahoy relay");
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // The guest's clock may be a little slow.
    params.not_before = (now - DAY).into();
    params.not_after = (now + GOOD_FOR).into();
    params.self_signed(key)
}

fn is_good(
    certificate: &CertificateDer<'_>,
    key: &KeyPair,
    names: &[String],
    now: SystemTime,
) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let Ok(for_names) = rustls::server::ParsedCertificate::try_from(certificate) else {
        return false;
    };
    let lasts = |seconds: u64| {
        i64::try_from(seconds).is_ok_and(|end| parsed.validity().not_after.timestamp() > end)
    };
    let until = (now + RENEW_BEFORE)
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    parsed.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(key)
        && lasts(until.as_secs())
        && names.iter().all(|name| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| rustls::client::verify_server_name(&for_names, &name).is_ok())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_identity_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        let first = Identity::self_signed(&folder, &hosts(&["192.168.1.20"])).unwrap();
        let certificate = fs::read(folder.join(CERTIFICATE_FILE)).unwrap();
        let again = Identity::self_signed(&folder, &hosts(&["192.168.1.20"])).unwrap();
        assert_eq!(first.pin(), again.pin());
        assert!(again.is_self_signed());
        let names = ["127.0.0.1", "192.168.1.20", "::1", "localhost"];
        assert_eq!(again.names().unwrap(), names);
        assert_eq!(
            fs::read(folder.join(CERTIFICATE_FILE)).unwrap(),
            certificate
        );
    }

    #[test]
    fn another_address_is_another_certificate_under_the_same_pin() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::self_signed(folder.path(), &[]).unwrap();
        let certificate = fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap();
        let moved = Identity::self_signed(
            folder.path(),
            &hosts(&["10.0.0.7", "fd00::1", "no host", "pc.local"]),
        );
        assert_eq!(first.pin(), moved.unwrap().pin());
        let made = CertificateDer::from_pem_file(folder.path().join(CERTIFICATE_FILE)).unwrap();
        assert_ne!(
            fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap(),
            certificate
        );
        let made = rustls::server::ParsedCertificate::try_from(&made).unwrap();
        for (name, good) in [
            ("localhost", true),
            ("::1", true),
            ("10.0.0.7", true),
            ("fd00::1", true),
            ("pc.local", true),
            ("10.0.0.8", false),
        ] {
            let name = ServerName::try_from(name).unwrap();
            assert_eq!(
                rustls::client::verify_server_name(&made, &name).is_ok(),
                good,
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_certificate_that_soon_ends_is_made_anew() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let start = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let names = hosts(&LOOPBACK);
        let made = make_certificate(&key, names.clone(), start).unwrap();
        assert!(is_good(made.der(), &key, &names, start));
        assert!(is_good(made.der(), &key, &names, start + 700 * DAY));
        assert!(!is_good(made.der(), &key, &names, start + 800 * DAY));
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        assert!(!is_good(made.der(), &other, &names, start));
    }

    #[test]
    #[cfg(unix)]
    fn only_the_user_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        Identity::self_signed(folder.path(), &[]).unwrap();
        let mode = fs::metadata(folder.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY_FILE), "rubbish").unwrap();
        let error = Identity::self_signed(folder.path(), &[]).unwrap_err();
        assert!(error.to_string().contains("Delete it"), "{error}");
        assert_eq!(fs::read(folder.path().join(KEY_FILE)).unwrap(), b"rubbish");
    }

    #[test]
    fn files_of_ones_own_are_taken_when_they_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let kept = Identity::self_signed(folder.path(), &[]).unwrap();
        let own = Identity::from_pem_files(&path(CERTIFICATE_FILE), &path(KEY_FILE)).unwrap();
        assert_eq!(own.pin(), kept.pin());

        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        fs::write(path("other.pem"), other.serialize_pem()).unwrap();
        for (certificate, key, part) in [
            ("none.pem", KEY_FILE, "cannot be read"),
            (CERTIFICATE_FILE, "none.pem", "cannot be read"),
            (KEY_FILE, KEY_FILE, "no certificate"),
            (CERTIFICATE_FILE, CERTIFICATE_FILE, "no private key"),
            (CERTIFICATE_FILE, "other.pem", "cannot be used"),
        ] {
            let error = Identity::from_pem_files(&path(certificate), &path(key)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
