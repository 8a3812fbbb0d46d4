//! Reads from a description what this side needs beyond what the library reads, such as the video codecs that it names.

use super::MediaKind;
use crate::frame::VideoCodec;

/// What a media section says (RFC 8866 §5.14).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Section {
    /// Video codecs of this side's list in the order of the section, with their payload types.
    pub(super) codecs: Vec<(u8, VideoCodec)>,
    /// Opus, for sound.
    pub(super) opus: Option<u8>,
    /// The numbers of the author's streams, those of retransmissions included (RFC 5576 §4.1).
    pub(super) ssrcs: Vec<u32>,
    /// Retransmission payload types with the payload type that they repair (RFC 4588 §8.6).
    pub(super) rtx: Vec<(u8, u8)>,
    /// The author sends (`sendrecv`, `sendonly`).
    pub(super) sends: bool,
    /// The author receives (`sendrecv`, `recvonly`).
    pub(super) receives: bool,
}

/// As many numbers of streams of a section are read: with retransmission there are two.
pub(super) const MAX_SSRCS: usize = 8;

/// The section of a kind, where it is not refused (port 0, without being bundle-only): the first of sound, the first of
/// pictures for those of the camera, and the second of pictures for those of a screen.
pub(super) fn section(sdp: &str, kind: MediaKind) -> Option<Section> {
    let (wanted, mut before) = match kind {
        MediaKind::Audio => ("m=audio ", 0),
        MediaKind::Video => ("m=video ", 0),
        MediaKind::Screen => ("m=video ", 1),
    };
    let mut lines = sdp.lines();
    let mut header = loop {
        let line = lines.next()?;
        if let Some(rest) = line.strip_prefix(wanted) {
            if before == 0 {
                break rest.split_ascii_whitespace();
            }
            before -= 1;
        }
    };
    let port = header.next()?;
    let mut payloads: Vec<u8> = Vec::new();
    for payload in header.skip(1).filter_map(|payload| payload.parse().ok()) {
        // Each is looked for in the whole section: one that is repeated all over the header must not cost that each time.
        if !payloads.contains(&payload) {
            payloads.push(payload);
        }
    }
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with("m=")).collect();
    if port == "0" && !body.iter().any(|line| line.trim() == "a=bundle-only") {
        return None;
    }
    let mut section = Section {
        sends: true,
        receives: true,
        ..Section::default()
    };
    for line in &body {
        match line.trim() {
            "a=sendonly" => section.receives = false,
            "a=recvonly" => section.sends = false,
            "a=inactive" => (section.sends, section.receives) = (false, false),
            line => {
                if let Some(ssrc) = ssrc(line)
                    && !section.ssrcs.contains(&ssrc)
                    && section.ssrcs.len() < MAX_SSRCS
                {
                    section.ssrcs.push(ssrc);
                }
            }
        }
    }
    for payload in payloads {
        let Some(name) = attribute(&body, "rtpmap", payload) else {
            continue;
        };
        let format = attribute(&body, "fmtp", payload).unwrap_or_default();
        let name = name.split('/').next().unwrap_or_default();
        if name.eq_ignore_ascii_case("VP8") {
            section.codecs.push((payload, VideoCodec::Vp8));
        } else if name.eq_ignore_ascii_case("VP9") {
            if parameter(format, "profile-id").is_none_or(|profile| profile == "0") {
                section.codecs.push((payload, VideoCodec::Vp9));
            }
        } else if name.eq_ignore_ascii_case("opus") {
            section.opus.get_or_insert(payload);
        } else if name.eq_ignore_ascii_case("rtx")
            && let Some(repaired) = parameter(format, "apt").and_then(|apt| apt.parse().ok())
        {
            section.rtx.push((payload, repaired));
        }
    }
    Some(section)
}

/// The ICE credentials of a description: ufrag and password (RFC 8839 §5.4). All sections have the same, for all is
/// bundled.
pub(super) fn credentials(sdp: &str) -> Option<(&str, &str)> {
    let value = |name| {
        let mut lines = sdp.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim()))
    };
    Some((value("a=ice-ufrag:")?, value("a=ice-pwd:")?))
}

/// The payload types that the sections of sound and pictures name, one bit for each.
pub(super) fn payload_types(sdp: &str) -> u128 {
    let sections = sdp.lines().filter_map(|line| line.strip_prefix("m="));
    let media =
        sections.filter(|section| section.starts_with("audio ") || section.starts_with("video "));
    // Behind the kind, the port and the protocol.
    let formats = media.flat_map(|section| section.split_ascii_whitespace().skip(3));
    let types = formats.filter_map(|format| format.parse::<u8>().ok());
    types.fold(0, |all, kind| {
        all | 1_u128.checked_shl(kind.into()).unwrap_or(0)
    })
}

/// The SSRCs that a description announces, also those that only a group names (RFC 5576 §4); some of them repeatedly.
pub(super) fn announced_ssrcs(sdp: &str) -> impl Iterator<Item = u32> {
    sdp.lines().flat_map(|line| {
        let group = line.strip_prefix("a=ssrc-group:").unwrap_or_default();
        let grouped = group.split_ascii_whitespace().skip(1);
        let grouped = grouped.filter_map(|ssrc| ssrc.parse().ok());
        ssrc(line).into_iter().chain(grouped)
    })
}

/// The number in `a=ssrc:NUMBER ATTRIBUTE`.
fn ssrc(line: &str) -> Option<u32> {
    let (number, _) = line.strip_prefix("a=ssrc:")?.split_once(' ')?;
    number.parse().ok()
}

/// Which end begins DTLS (RFC 8842 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    /// The author.
    Active,
    /// The other.
    Passive,
}

impl Setup {
    /// The role of the other end.
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// The role that an answer takes.
pub(super) fn setup(answer: &str) -> Option<Setup> {
    answer.lines().find_map(|line| match line.trim() {
        "a=setup:active" => Some(Setup::Active),
        "a=setup:passive" => Some(Setup::Passive),
        _ => None,
    })
}

/// The same answer with another role.
pub(super) fn with_setup(answer: &str, setup: Setup) -> String {
    match setup {
        Setup::Active => answer.replace("a=setup:passive", "a=setup:active"),
        Setup::Passive => answer.replace("a=setup:active", "a=setup:passive"),
    }
}

/// The value of `a=NAME:PAYLOAD VALUE`.
fn attribute<'a>(body: &[&'a str], name: &str, payload: u8) -> Option<&'a str> {
    body.iter().find_map(|line| {
        let (number, value) = line
            .trim()
            .strip_prefix("a=")?
            .strip_prefix(name)?
            .strip_prefix(':')?
            .split_once(' ')?;
        (number.parse() == Ok(payload)).then_some(value)
    })
}

/// The value of a parameter in `a=1;b=2`.
fn parameter<'a>(format: &'a str, name: &str) -> Option<&'a str> {
    format.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 OPUS/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100\r\na=mid:1\r\na=recvonly\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n\
        a=candidate:2 1 udp 1 0b5c.local 5000 typ host\r\n\
        a=candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n\
        a=rtpmap:96 vp8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\n\
        a=rtpmap:99 VP9/90000\r\na=fmtp:99 profile-id=0\r\na=rtpmap:100 H264/90000\r\n";

    #[test]
    fn codecs_are_read_in_order_and_only_what_can_be_decoded() {
        let video = section(SDP, MediaKind::Video).unwrap();
        assert_eq!(video.codecs, [(96, VideoCodec::Vp8), (99, VideoCodec::Vp9)]);
        assert_eq!(video.rtx, [(97, 96)]);
        assert!(video.receives && !video.sends);
        let audio = section(SDP, MediaKind::Audio).unwrap();
        assert_eq!(audio.opus, Some(111));
        assert!(audio.sends && !audio.receives);
    }

    #[test]
    fn the_second_section_of_pictures_is_the_screens() {
        assert_eq!(section(SDP, MediaKind::Screen), None);
        let two = format!(
            "{SDP}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:3\r\na=sendonly\r\na=rtpmap:98 VP9/90000\r\n\
             a=ssrc:7 cname:x\r\na=ssrc:7 msid:a b\r\na=ssrc:4294967295 cname:x\r\na=ssrc:x y\r\na=ssrc:1\r\n"
        );
        let screen = section(&two, MediaKind::Screen).unwrap();
        assert_eq!(screen.codecs, [(98, VideoCodec::Vp9)]);
        assert_eq!(screen.ssrcs, [7, u32::MAX]);
        assert!(screen.sends && !screen.receives);
        assert!(section(&two, MediaKind::Video).unwrap().ssrcs.is_empty());
        let many: String = (0..100)
            .map(|n| format!("a=ssrc:{n} cname:x\r\n"))
            .collect();
        let many = section(&(two + &many), MediaKind::Screen).unwrap();
        assert_eq!(many.ssrcs.len(), MAX_SSRCS);
    }

    #[test]
    fn a_payload_type_that_is_repeated_counts_once() {
        let header = format!("m=video 9 UDP/TLS/RTP/SAVPF{}\r\n", " 98".repeat(10_000));
        let sdp = header + &"a=x\r\n".repeat(6_000) + "a=rtpmap:98 VP9/90000\r\n";
        let video = section(&sdp, MediaKind::Video).unwrap();
        assert_eq!(video.codecs, [(98, VideoCodec::Vp9)]);
    }

    #[test]
    fn a_refused_section_is_none_and_a_bundled_one_is_not() {
        let refused = SDP.replace("m=video 9", "m=video 0");
        assert_eq!(section(&refused, MediaKind::Video), None);
        let bundled = refused.replace("a=mid:1", "a=mid:1\r\na=bundle-only");
        assert!(section(&bundled, MediaKind::Video).is_some());
    }

    #[test]
    fn the_role_of_an_answer_can_be_kept() {
        assert_eq!(setup(SDP), None);
        let active = SDP.replace("a=mid:0", "a=mid:0\r\na=setup:active");
        assert_eq!(setup(&active), Some(Setup::Active));
        let passive = with_setup(&active, Setup::Active.opposite());
        assert_eq!(setup(&passive), Some(Setup::Passive));
        assert_eq!(with_setup(&passive, Setup::Active), active);
    }

    #[test]
    fn what_the_sockets_have_to_know_is_read() {
        assert_eq!(credentials(SDP), None);
        let with = format!("{SDP}a=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=ice-ufrag:x\r\n");
        assert_eq!(credentials(&with), Some(("ours", "secret")));
        let types = payload_types(SDP);
        let expected = [111, 0, 96, 97, 98, 99, 100];
        assert_eq!(
            types,
            expected.iter().fold(0, |all, bit| all | 1_u128 << bit)
        );
        let odd = "m=audio 9 UDP/TLS/RTP/SAVPF 128 999 -1 x 127\r\nm=application 9 x 5\r\n";
        assert_eq!(payload_types(odd), 1 << 127);
        let ssrcs = "a=ssrc:7 cname:x\r\na=ssrc:7 msid:a b\r\na=ssrc-group:FID 7 8\r\na=ssrc:9 cname:x\r\n\
            a=ssrc:x y\r\na=ssrc-group:FID\r\n";
        let mut found: Vec<u32> = announced_ssrcs(ssrcs).collect();
        found.dedup();
        assert_eq!(found, [7, 8, 9]);
    }
}
