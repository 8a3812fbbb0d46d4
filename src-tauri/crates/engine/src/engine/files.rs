//! How many files the system lets this program have open.

/// As many as a thousand connections take: each has a socket for each of the machine's addresses.
#[cfg(unix)]
const FILES: u64 = 16 * 1024;

/// Has the system let this program have hundreds of connections: each socket is a file to it, of which it allows some
/// thousand unless it is asked. To be called once, before anything else is opened.
pub fn allow_connections() {
    #[cfg(unix)]
    if let Err(error) = rlimit::increase_nofile_limit(FILES) {
        tracing::warn!("the number of open files stays as it is: {error}");
    }
}
