//! What this process uses of the machine. Linux tells by `/proc`; elsewhere nothing is known.

use std::{fs, time::Duration};

/// Ticks of `/proc/self/stat` in a second: 100 on every Linux (`USER_HZ`).
const TICKS: u64 = 100;
/// Bytes in a page of `/proc/self/statm`.
const PAGE: u64 = 4096;

/// Processor time used so far, of all threads.
pub(crate) fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything; user and system time are the 12th and 13th field behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS))
}

/// Memory in use, in MiB.
pub(crate) fn rss_mib() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE / (1 << 20))
}
