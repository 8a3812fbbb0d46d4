//! PURE. How often something may be tried from one address.

use std::{collections::HashMap, mem, time::Duration};

use ipnet::IpNet;

use super::{
    PerPrefix,
    prefix::{Prefix, prefixes},
};

/// The time that limits are for.
const MINUTE: Duration = Duration::from_secs(60);
/// The most prefixes of which is known when they were last used, twice over. With more of them, the longest unused are
/// forgotten.
const MAX_PREFIXES: usize = 32 * 1024;

/// A limit on the attempts of each address in a minute. An address that made none in the minute before may make all of them
/// at once; after that they are evenly spread. This is the generic cell rate algorithm (ITU-T I.371, "virtual
/// scheduling"), which keeps one time for each prefix: its theoretical arrival time, up to which its attempts are used up.
#[derive(Debug)]
pub(super) struct Attempts {
    per_minute: PerPrefix,
    /// The times of the prefixes that were used since the last turn, and before it. A time of the past has no effect, and
    /// none lies more than a minute ahead, so a prefix that was not used for a minute may be forgotten.
    recent: HashMap<IpNet, Duration>,
    before: HashMap<IpNet, Duration>,
    turned: Duration,
}

impl Attempts {
    /// Nothing was tried yet.
    pub(super) fn new(per_minute: PerPrefix) -> Self {
        Self {
            per_minute,
            recent: HashMap::new(),
            before: HashMap::new(),
            turned: Duration::ZERO,
        }
    }

    /// Counts an attempt; false when there are too many, and then it does not count.
    pub(super) fn take(&mut self, now: Duration, address: std::net::IpAddr) -> bool {
        if now.saturating_sub(self.turned) >= MINUTE || self.recent.len() >= MAX_PREFIXES {
            self.before = mem::take(&mut self.recent);
            self.turned = now;
        }
        let mut used = [None; 3];
        for (slot, Prefix { net, width }) in used.iter_mut().zip(prefixes(address)) {
            let Some(each) = MINUTE.checked_div(self.per_minute.at(width)) else {
                return false;
            };
            let known = self.recent.get(&net).or_else(|| self.before.get(&net));
            let until = known.copied().unwrap_or_default().max(now) + each;
            if until > now + MINUTE {
                return false;
            }
            *slot = Some((net, until));
        }
        self.recent.extend(used.into_iter().flatten());
        true
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.recent.len() + self.before.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn passed(attempts: &mut Attempts, now: Duration, address: &str, times: usize) -> usize {
        let address: IpAddr = address.parse().unwrap();
        (0..times).filter(|_| attempts.take(now, address)).count()
    }

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_the_rate_holds() {
        let mut attempts = Attempts::new(PerPrefix::of(60));
        assert_eq!(passed(&mut attempts, SECOND, "192.0.2.1", 100), 60);
        assert_eq!(passed(&mut attempts, SECOND, "192.0.2.2", 100), 60);
        for second in 2..200 {
            assert_eq!(passed(&mut attempts, second * SECOND, "192.0.2.1", 5), 1);
        }
        assert_eq!(passed(&mut attempts, 229 * SECOND, "192.0.2.1", 100), 30);
    }

    #[test]
    fn wider_prefixes_have_limits_of_their_own() {
        let limits = PerPrefix {
            address: 10,
            net56: 20,
            net48: 30,
        };
        let mut attempts = Attempts::new(limits);
        for (address, expected) in [
            ("2001:db8:1:101::1", 10),
            ("2001:db8:1:101::2", 0),
            ("2001:db8:1:102::1", 10),
            ("2001:db8:1:103::1", 0),
            ("2001:db8:1:201::1", 10),
            ("2001:db8:1:301::1", 0),
            ("2001:db8:2:301::1", 10),
        ] {
            let passed = passed(&mut attempts, SECOND, address, 100);
            assert_eq!(passed, expected, "{address}");
        }
    }

    #[test]
    fn where_nothing_is_allowed_nothing_passes() {
        let mut attempts = Attempts::new(PerPrefix::of(0));
        assert_eq!(passed(&mut attempts, SECOND, "192.0.2.1", 1), 0);
    }

    #[test]
    fn what_is_known_is_bounded_and_forgotten() {
        let mut attempts = Attempts::new(PerPrefix::of(60));
        for n in 0..400_000_u128 {
            attempts.take(SECOND, Ipv6Addr::from_bits(n << 80).into());
            assert!(attempts.known() <= 2 * MAX_PREFIXES + 3);
        }
        for minute in 1..=3 {
            passed(&mut attempts, minute * MINUTE + SECOND, "192.0.2.1", 1);
        }
        assert!(attempts.known() <= 2);
    }
}
