//! The peer's description before the library gets it.
//!
//! The library reads descriptions leniently: it skips carriage returns before a line, takes white space of Unicode off
//! the ends of a value, and lets sections that are inactive have other ICE credentials. What this end looks for in a
//! description has to be what the library finds in it, or a peer could hide candidates. So each description is brought
//! into one form first, and one that a WebRTC end never writes is refused.

use super::sdp;

/// The largest description that is read, in bytes: a signal is at most 64 KiB.
pub(super) const MAX_SDP: usize = 64 * 1024;

/// The only hash of certificates that the library checks; every peer sends it (RFC 8122 §5).
const HASH: &str = "sha-256";

/// A description of the peer: lines `x=value` that end in CRLF, without control characters or white space other than
/// spaces, and with one pair of ICE credentials at most.
#[derive(Debug)]
pub(super) struct RemoteDescription {
    /// All sections.
    whole: String,
    /// Those that this end has a use for.
    known: String,
}

impl RemoteDescription {
    /// Reads a description.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_SDP {
            return Err("it is too large");
        }
        let whole = canonical(text)?;
        let mut known = String::with_capacity(whole.len());
        let mut is_kept = true;
        for line in whole.lines() {
            if let Some(header) = line.strip_prefix("m=") {
                is_kept = is_known(header);
            }
            if is_kept {
                push_line(&mut known, line);
            }
        }
        for name in ["a=ice-ufrag:", "a=ice-pwd:"] {
            let mut values = known.lines().filter_map(|line| line.strip_prefix(name));
            let first = values.next();
            // All is bundled on one transport (RFC 9143 §7.1.3).
            if values.any(|value| Some(value) != first) {
                return Err("its sections have different ICE credentials");
            }
        }
        Ok(Self { whole, known })
    }

    /// The ICE credentials: ufrag and password (RFC 8839 §5.4).
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        sdp::credentials(&self.known)
    }

    /// Writes the description for the library. Left out are candidates that `admits` says no to, fingerprints that are
    /// not checked, and sections that this end has no use for, which the library would leave out of its answer.
    pub(super) fn sanitized(&self, mut admits: impl FnMut(&str) -> bool) -> String {
        let mut clean = String::with_capacity(self.known.len());
        for line in self.known.lines() {
            if let Some(candidate) = line.strip_prefix("a=candidate:")
                && !admits(candidate)
            {
                continue;
            }
            let Some(fingerprint) = line.strip_prefix("a=fingerprint:") else {
                push_line(&mut clean, line);
                continue;
            };
            let mut words = fingerprint.split_ascii_whitespace();
            let hash = words.next().unwrap_or_default();
            if hash.eq_ignore_ascii_case(HASH) {
                // The library compares the name of the hash as it stands.
                let value = words.next().unwrap_or_default();
                push_line(&mut clean, &format!("a=fingerprint:{HASH} {value}"));
            }
        }
        clean
    }

    /// The sections that this end has no use for, and that its answer has to refuse.
    pub(super) fn refused(&self) -> Vec<Refused> {
        let mut sections: Vec<Refused> = Vec::new();
        for line in self.whole.lines() {
            if let Some(header) = line.strip_prefix("m=") {
                sections.push(Refused {
                    index: sections.len(),
                    header: header.to_owned(),
                    mid: None,
                });
            } else if let (Some(section), Some(mid)) =
                (sections.last_mut(), line.strip_prefix("a=mid:"))
            {
                section.mid = Some(mid.to_owned());
            }
        }
        sections.retain(|section| !is_known(&section.header));
        sections
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push_str("\r\n");
}

/// Writes a description as the library's parser sees it.
fn canonical(text: &str) -> Result<String, &'static str> {
    let mut canonical = String::with_capacity(text.len() + 64);
    for line in text.split('\n') {
        let line = line.trim_start_matches('\r');
        if line.is_empty() {
            continue;
        }
        let (kind, value) = match line.split_once('=') {
            Some((kind, value)) if kind.len() == 1 => (kind, value.trim()),
            _ => return Err("a line does not begin with a letter and an equals sign"),
        };
        let is_unusual = |letter: char| letter.is_control() || letter.is_whitespace();
        if value.contains(|letter| letter != ' ' && is_unusual(letter)) {
            return Err("a line holds control characters");
        }
        push_line(&mut canonical, &format!("{kind}={value}"));
    }
    Ok(canonical)
}

/// Returns whether this end has a use for a section: sound, pictures, a data channel.
fn is_known(header: &str) -> bool {
    let mut words = header.split_ascii_whitespace();
    let kind = words.next().unwrap_or_default();
    let protocol = words.nth(1).unwrap_or_default();
    match kind {
        "audio" | "video" => protocol.contains("RTP/"),
        "application" => words.eq(["webrtc-datachannel"]),
        _ => false,
    }
}

/// A section of an offer that has to be refused, and its place among the sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    index: usize,
    header: String,
    mid: Option<String>,
}

/// Puts refused sections into an answer, in their places: an answer has as many as its offer (RFC 8829 §5.3.1).
pub(super) fn with_refused(answer: &str, refused: &[Refused]) -> String {
    let mut refused = refused.iter().peekable();
    let mut whole = String::with_capacity(answer.len());
    let mut index = 0;
    let mut put = |whole: &mut String, index: &mut usize, to_the_end: bool| {
        while let Some(section) = refused.next_if(|section| section.index == *index || to_the_end) {
            let mut words = section.header.split_ascii_whitespace();
            let kind = words.next().unwrap_or("text");
            let rest: Vec<&str> = words.skip(1).collect();
            push_line(whole, &format!("m={kind} 0 {}", rest.join(" ")));
            push_line(whole, "c=IN IP4 0.0.0.0");
            if let Some(mid) = &section.mid {
                push_line(whole, &format!("a=mid:{mid}"));
            }
            push_line(whole, "a=inactive");
            *index += 1;
        }
    };
    for line in answer.lines() {
        if line.starts_with("m=") {
            put(&mut whole, &mut index, false);
            index += 1;
        }
        push_line(&mut whole, line);
    }
    put(&mut whole, &mut index, true);
    whole
}

#[cfg(test)]
mod tests {
    use rtc::sdp::description::session::SessionDescription;

    use super::*;

    fn parse(text: &str) -> RemoteDescription {
        RemoteDescription::parse(text).unwrap()
    }

    #[test]
    fn only_fingerprints_that_are_checked_are_handed_over() {
        let text = "a=fingerprint:SHA-256 AB:CD\r\na=fingerprint:sha-1 00\r\n";
        let clean = parse(text).sanitized(|_| true);
        assert_eq!(clean, "a=fingerprint:sha-256 AB:CD\r\n");
    }

    #[test]
    fn sections_that_nobody_knows_are_refused_in_their_places() {
        let offer = parse(
            "v=0\r\nm=text 9 RTP/AVP 98\r\na=mid:t\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
             m=image 9 udptl t38\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n\
             m=application 9 UDP/BFCP *\r\na=mid:f\r\n",
        );
        let clean = offer.sanitized(|_| true);
        assert_eq!(
            clean,
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
        );
        let answer = with_refused(&clean, &offer.refused());
        assert_eq!(
            answer,
            "v=0\r\nm=text 0 RTP/AVP 98\r\nc=IN IP4 0.0.0.0\r\na=mid:t\r\na=inactive\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
             m=image 0 udptl t38\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n\
             m=application 0 UDP/BFCP *\r\nc=IN IP4 0.0.0.0\r\na=mid:f\r\na=inactive\r\n"
        );
        assert_eq!(with_refused(&clean, &[]), clean);
    }

    #[test]
    fn candidates_that_are_not_admitted_are_left_out() {
        let text = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n\
            a=candidate:2 1 udp 1 192.0.2.2 5000 typ host\r\n";
        let mut asked = Vec::new();
        let clean = parse(text).sanitized(|candidate| {
            asked.push(candidate.to_owned());
            asked.len() == 2
        });
        assert_eq!(asked.len(), 2);
        assert!(asked[0].starts_with("1 1 udp"), "{asked:?}");
        assert_eq!(clean.matches("a=candidate").count(), 1);
        assert!(clean.contains("a=candidate:2 1 udp"));
        assert!(RemoteDescription::parse(&"a".repeat(100_000)).is_err());
    }

    #[test]
    fn no_candidate_is_hidden_from_this_end_and_seen_by_the_library() {
        let candidate = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
        for hidden in [
            format!("\ra={candidate}"),
            format!("\r\r\na={candidate}"),
            format!("a= {candidate}"),
            format!("a=\u{a0}{candidate}"),
            format!("a=\u{b}{candidate}"),
            format!("a={candidate}\u{85}"),
            format!("a=x\ra={candidate}"),
            format!("a={}", candidate.replace(' ', "\u{b}")),
            format!("a={}", candidate.replace(' ', "\u{2003}")),
            format!(" a={candidate}"),
            format!("aa={candidate}"),
        ] {
            let text = format!(
                "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{hidden}\r\n"
            );
            let Ok(description) = RemoteDescription::parse(&text) else {
                continue;
            };
            let clean = description.sanitized(|_| false);
            let read = SessionDescription::try_from(clean).unwrap();
            let section = &read.media_descriptions[0];
            assert!(
                section.attributes.iter().all(|a| !a.is_ice_candidate()),
                "{hidden:?}"
            );
        }
    }

    #[test]
    fn all_sections_that_are_used_have_the_same_credentials() {
        let text = |first: &str, second: &str| {
            format!(
                "v=0\r\nm=text 9 RTP/AVP 98\r\na=ice-ufrag:other\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=inactive\r\na=ice-ufrag:{first}\r\na=ice-pwd:p\r\n\
                 m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:{second}\r\na=ice-pwd:p\r\n"
            )
        };
        let same = parse(&text("one", "one"));
        assert_eq!(same.credentials(), Some(("one", "p")));
        assert!(RemoteDescription::parse(&text("one", "two")).is_err());
    }
}
