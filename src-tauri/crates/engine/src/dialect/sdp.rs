//! The little that the dialects have to know of a description (RFC 8866): whether it is one that was seen before, and
//! what candidates stand in it.

use ahoy_contract::peer::Candidate;

/// The most candidates that are taken out of one description; a browser has a dozen.
pub(super) const MAX_CANDIDATES: usize = 64;

/// What tells one description from that of another connection: its ICE credentials and certificates. It stays the same
/// where the description is sent again with more candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity(Vec<String>);

impl Identity {
    pub(super) fn of(sdp: &str) -> Self {
        let tells = |line: &&str| {
            ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"]
                .iter()
                .any(|attribute| line.starts_with(attribute))
        };
        // A relay may have cut off the last line's end, or half of it.
        let lines = sdp.lines().map(str::trim_end).filter(tells);
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines.dedup();
        Self(lines)
    }

    /// Whether a candidate can belong to it. One that does not name its ICE user name fragment can.
    pub(super) fn may_own(&self, candidate: &Candidate) -> bool {
        let Some(fragment) = fragment(candidate) else {
            return true;
        };
        let own =
            |line: &String| line.strip_prefix("a=ice-ufrag:").map(str::trim) == Some(fragment);
        self.0.iter().any(own)
    }
}

/// The ICE user name fragment that a candidate names (RFC 8839 §5.1 as an extension, or beside it).
fn fragment(candidate: &Candidate) -> Option<&str> {
    let named = candidate.username_fragment.as_deref();
    named.filter(|fragment| !fragment.is_empty()).or_else(|| {
        let mut words = candidate.candidate.split_ascii_whitespace();
        words.find(|word| *word == "ufrag")?;
        words.next()
    })
}

/// The candidates in a description.
pub(super) fn candidates(sdp: &str) -> Vec<Candidate> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a="))
        .filter(|line| line.starts_with("candidate:"))
        .take(MAX_CANDIDATES)
        .map(|line| Candidate {
            candidate: line.trim().to_owned(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: None,
        })
        .collect()
}

/// Index and id of the first section that is not refused: the one that all media is bundled on.
pub(super) fn first_section(sdp: &str) -> Option<(u16, Option<String>)> {
    let mut index = None;
    let mut sections = 0;
    for line in sdp.lines() {
        if let Some(section) = line.strip_prefix("m=") {
            if index.is_some() {
                break;
            }
            if section.split(' ').nth(1) != Some("0") {
                index = Some(sections);
            }
            sections += 1;
        } else if let (Some(index), Some(mid)) = (index, line.strip_prefix("a=mid:")) {
            return Some((index, Some(mid.trim().to_owned())));
        }
    }
    index.map(|index| (index, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=text 0 RTP/AVP 98\r\na=mid:t\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 AA:BB\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n";

    fn candidate(text: &str, fragment: Option<&str>) -> Candidate {
        Candidate {
            candidate: text.into(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: fragment.map(str::to_owned),
        }
    }

    #[test]
    fn a_description_with_more_candidates_is_the_same_one() {
        let more = format!("{SDP}a=candidate:2 1 udp 1 192.0.2.2 5000 typ host\r\n");
        assert_eq!(Identity::of(SDP), Identity::of(&more));
        assert_ne!(
            Identity::of(SDP),
            Identity::of(&SDP.replace("abcd", "efgh"))
        );
        assert_eq!(candidates(&more).len(), 2);
        assert_eq!(
            candidates(&more)[1].candidate,
            "candidate:2 1 udp 1 192.0.2.2 5000 typ host"
        );
        assert_eq!(candidates(&SDP.repeat(1000)).len(), MAX_CANDIDATES);
    }

    #[test]
    fn a_last_line_that_is_not_ended_counts_as_ever() {
        let whole = Identity::of("a=ice-pwd:secret\r\na=ice-ufrag:abcd\r\n");
        for end in ["", "\r", "\n", " "] {
            let cut = format!("a=ice-pwd:secret\r\na=ice-ufrag:abcd{end}");
            assert_eq!(Identity::of(&cut), whole, "{end:?}");
        }
    }

    #[test]
    fn a_candidate_of_another_connection_is_known_by_its_fragment() {
        let own = Identity::of(SDP);
        let text = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
        assert!(own.may_own(&candidate(text, None)));
        assert!(own.may_own(&candidate(text, Some(""))));
        assert!(own.may_own(&candidate(text, Some("abcd"))));
        assert!(own.may_own(&candidate(&format!("{text} generation 0 ufrag abcd"), None)));
        assert!(!own.may_own(&candidate(text, Some("efgh"))));
        assert!(!own.may_own(&candidate(&format!("{text} ufrag efgh"), None)));
    }

    #[test]
    fn media_is_bundled_on_the_first_section_that_is_not_refused() {
        assert_eq!(first_section(SDP), Some((1, Some("a".into()))));
        assert_eq!(first_section("m=audio 9 x 0\r\n"), Some((0, None)));
        assert_eq!(first_section("m=audio 0 x 0\r\n"), None);
        assert_eq!(first_section(""), None);
    }
}
