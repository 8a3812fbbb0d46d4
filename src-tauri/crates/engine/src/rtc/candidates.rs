//! The peer's candidates (RFC 8839 §5.1): which of them are handed to the library, and how own ones are put into a
//! description.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use super::addresses::is_unicast;

/// The most candidates that a peer has between two of its ICE restarts: each is checked from every local address, and
/// a peer could name addresses of others. Peer-reflexive ones are not counted here.
pub(super) const MAX_CANDIDATES: usize = 32;

/// The candidates that a peer may name over all its ICE restarts: so many, and one more for each second that passes.
const MAX_ALLOWANCE: f64 = 96.0;
const ALLOWANCE_PER_SECOND: f64 = 1.0;

/// Returns the address of a candidate (`candidate:…`, RFC 8839 §5.1) that can be of use: UDP, the first component, and
/// an address of one host and not a name. Others are not an error, they are left out.
pub(super) fn usable_candidate(candidate: &str) -> Option<SocketAddr> {
    // The library splits fields at any white space of Unicode. The grammar has single spaces only.
    if !candidate.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let value = candidate.trim();
    let value = value.strip_prefix("candidate:").unwrap_or(value);
    let mut fields = value.split_ascii_whitespace().skip(1);
    let (component, transport, _priority) = (fields.next()?, fields.next()?, fields.next()?);
    let (ip, port): (IpAddr, u16) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let is_usable = component == "1"
        && transport.eq_ignore_ascii_case("udp")
        && port != 0
        && is_unicast(ip)
        // A link-local address means nothing without its interface.
        && !is_link_local;
    is_usable.then(|| SocketAddr::new(ip, port))
}

/// Counts the candidates that a peer names, in descriptions and by themselves, over the whole life of a connection.
#[derive(Debug)]
pub(super) struct CandidateBudget {
    /// The peer's ufrag; another one is an ICE restart.
    ufrag: Option<String>,
    /// The addresses since that restart.
    named: Vec<SocketAddr>,
    allowance: f64,
    since: Option<Instant>,
}

impl Default for CandidateBudget {
    fn default() -> Self {
        Self {
            ufrag: None,
            named: Vec::new(),
            allowance: MAX_ALLOWANCE,
            since: None,
        }
    }
}

impl CandidateBudget {
    /// Takes the ufrag of the peer's description: with a new one its candidates of before are gone. Returns whether it
    /// is an ICE restart.
    pub(super) fn described(&mut self, ufrag: Option<&str>) -> bool {
        if self.ufrag.as_deref() == ufrag {
            return false;
        }
        self.restarted();
        let before = std::mem::replace(&mut self.ufrag, ufrag.map(str::to_owned));
        before.is_some()
    }

    /// Notes an ICE restart of this end: the library forgets the peer's candidates with it.
    pub(super) fn restarted(&mut self) {
        self.named.clear();
    }

    /// Decides whether the library gets a candidate. One whose address was named already is of no use a second time.
    pub(super) fn admit(&mut self, now: Instant, candidate: &str) -> bool {
        let Some(address) = usable_candidate(candidate) else {
            return false;
        };
        if self.named.len() >= MAX_CANDIDATES || self.named.contains(&address) {
            return false;
        }
        let since = self.since.replace(now).unwrap_or(now);
        let gained = now.saturating_duration_since(since).as_secs_f64() * ALLOWANCE_PER_SECOND;
        self.allowance = (self.allowance + gained).min(MAX_ALLOWANCE);
        if self.allowance < 1.0 {
            return false;
        }
        self.allowance -= 1.0;
        self.named.push(address);
        true
    }
}

/// A description with candidates (`candidate:…`) in it, for a peer that is told of none later: they stand in the first
/// section that is not refused, on which all is bundled (RFC 8829 §5.2.1).
pub fn with_candidates(sdp: &str, candidates: &[String]) -> String {
    let mut whole = String::with_capacity(sdp.len() + candidates.len() * 128);
    let mut inside = false;
    let mut put = false;
    let write = |whole: &mut String| {
        for candidate in candidates {
            whole.push_str(&format!("a={candidate}\r\n"));
        }
        whole.push_str("a=end-of-candidates\r\n");
    };
    for line in sdp.lines() {
        if let Some(header) = line.strip_prefix("m=") {
            if inside {
                write(&mut whole);
                put = true;
            }
            inside = !put && header.split(' ').nth(1) != Some("0");
        }
        let again = line.starts_with("a=candidate:") || line == "a=end-of-candidates";
        if !again {
            whole.push_str(line);
            whole.push_str("\r\n");
        }
    }
    if inside {
        write(&mut whole);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_stand_in_the_first_section_that_is_used() {
        let sdp = "v=0\r\nm=text 0 RTP/AVP 98\r\nm=audio 9 x 0\r\na=mid:0\r\nm=video 9 x 0\r\na=mid:1\r\n";
        let candidates = ["candidate:1".to_owned(), "candidate:2".to_owned()];
        let with = with_candidates(sdp, &candidates);
        assert_eq!(
            with,
            "v=0\r\nm=text 0 RTP/AVP 98\r\nm=audio 9 x 0\r\na=mid:0\r\n\
             a=candidate:1\r\na=candidate:2\r\na=end-of-candidates\r\nm=video 9 x 0\r\na=mid:1\r\n"
        );
        assert_eq!(with_candidates(&with, &candidates), with);
        let one = with_candidates("v=0\r\nm=audio 9 x 0\r\n", &candidates);
        assert!(
            one.ends_with("a=candidate:2\r\na=end-of-candidates\r\n"),
            "{one}"
        );
    }

    #[test]
    fn only_addresses_of_one_host_are_usable() {
        let usable = |address: &str| {
            let candidate = format!("candidate:1 1 udp 1 {address} typ host");
            usable_candidate(&candidate)
        };
        for address in ["192.0.2.1 5000", "127.0.0.1 1", "2001:db8::1 65535"] {
            let (ip, port) = address.split_once(' ').unwrap();
            let expected = SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap());
            assert_eq!(usable(address), Some(expected), "{address}");
        }
        for address in [
            "192.0.2.1 0",
            "0.0.0.0 5000",
            "0.1.2.3 5000",
            "224.0.0.251 5353",
            "239.255.255.250 1900",
            "255.255.255.255 5000",
            "240.0.0.1 5000",
            "169.254.1.1 5000",
            ":: 5000",
            "ff02::fb 5353",
            "fe80::1 5000",
            "::ffff:192.0.2.1 5000",
            "::ffff:224.0.0.251 5353",
            "::ffff:0.0.0.0 5000",
            "::192.0.2.1 5000",
            "0b5c.local 5000",
            "192.0.2.1 99999",
            "192.0.2.1",
        ] {
            assert_eq!(usable(address), None, "{address}");
        }
        let tcp = "candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype active";
        assert_eq!(usable_candidate(tcp), None);
        let rtcp = "candidate:1 2 udp 1 192.0.2.1 5000 typ host";
        assert_eq!(usable_candidate(rtcp), None);
        assert_eq!(usable_candidate(""), None);
        // The library would read another candidate out of it, here one over TCP.
        for space in ['\u{b}', '\u{c}', '\u{1f}', '\u{85}', '\u{a0}', '\u{2003}'] {
            let hidden =
                "f 1 tcp 1 127.0.0.1 80 typ host tcptype passive".replace(' ', &space.to_string());
            let candidate = format!("candidate:{hidden} 1 udp 1 192.0.2.1 5000 typ host");
            assert_eq!(usable_candidate(&candidate), None, "{space:?}");
        }
    }

    fn named(port: u32) -> String {
        let (a, b) = (port / 256 % 256, port % 256);
        format!("candidate:1 1 udp 1 192.0.{a}.{b} 5000 typ host")
    }

    #[test]
    fn however_often_a_peer_restarts_it_has_few_candidates() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
        let start = Instant::now();
        let mut budget = CandidateBudget::default();
        let admits = |budget: &mut CandidateBudget, now, range: std::ops::Range<u32>| {
            range.filter(|n| budget.admit(now, &named(*n))).count()
        };
        budget.described(Some("first"));
        assert_eq!(admits(&mut budget, start, 0..1_000), MAX_CANDIDATES);
        budget.described(Some("first"));
        assert_eq!(admits(&mut budget, start, 0..1_000), 0, "the same again");
        let mut all = MAX_CANDIDATES;
        for restart in 0..100 {
            budget.described(Some(&format!("again{restart}")));
            all += admits(&mut budget, start, 0..1_000);
        }
        assert_eq!(all, MAX_ALLOWANCE as usize);
        // One that restarts now and then has enough.
        let later = start + std::time::Duration::from_secs(20);
        budget.described(Some("later"));
        assert_eq!(admits(&mut budget, later, 0..10), 10);
        budget.restarted();
        assert_eq!(admits(&mut budget, later, 0..10), 10);
    }
}
