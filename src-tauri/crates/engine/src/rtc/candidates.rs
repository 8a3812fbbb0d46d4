//! The peer's candidates (RFC 8839 §5.1): which of them are handed to the library, and how own ones are put into a
//! description.

/// The most candidates of one peer that are tried: each is probed from every local address, and a peer
/// could name addresses of others.
pub(super) const MAX_CANDIDATES: usize = 32;

/// Whether a candidate (`candidate:…`, RFC 8839 §5.1) can be of use: UDP, the first component, an
/// address and not a name. Others are not an error, they are left out.
pub(super) fn usable_candidate(candidate: &str) -> bool {
    let value = candidate.trim();
    let value = value.strip_prefix("candidate:").unwrap_or(value);
    let mut fields = value.split_ascii_whitespace().skip(1);
    let (component, transport, _priority, address) =
        (fields.next(), fields.next(), fields.next(), fields.next());
    component == Some("1")
        && transport.is_some_and(|transport| transport.eq_ignore_ascii_case("udp"))
        && address.is_some_and(|address| {
            // A link-local address means nothing without its interface.
            address.parse().is_ok_and(|ip| match ip {
                std::net::IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
                std::net::IpAddr::V6(ip) => {
                    !ip.is_unicast_link_local() && !ip.is_unspecified() && !ip.is_multicast()
                }
            })
        })
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
    fn candidates_that_are_of_no_use_are_told() {
        assert!(!usable_candidate(
            "candidate:1 2 udp 1 192.0.2.1 5000 typ host"
        ));
        assert!(!usable_candidate(
            "candidate:1 1 udp 1 fe80::1 5000 typ host"
        ));
        assert!(!usable_candidate(""));
    }
}
