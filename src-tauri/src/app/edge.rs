//! The edge where the pure state gets its time and its randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use ahoy_contract::Secret;
use ahoy_engine::call::HostKey;
use tracing::error;

use super::state::MakeKeys;

/// Keys from the system's randomness.
pub(super) fn make_keys() -> MakeKeys {
    Box::new(|| {
        let (mut key, mut secret) = ([0; 32], [0; 16]);
        let filled = getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut secret));
        if let Err(error) = filled {
            error!("the system gives no random numbers: {error}");
            return None;
        }
        Some((HostKey::from_bytes(&key), Secret::new(secret)))
    })
}

/// The time of day, in milliseconds of UNIX time.
pub(super) fn unix_ms() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where the state gets its time"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
