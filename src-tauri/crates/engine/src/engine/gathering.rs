//! Descriptions that leave with their candidates inside, for peers that are told of none later.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use ahoy_contract::peer::{Candidate, Description};
use tokio::time::sleep_until;

use crate::rtc::with_candidates;

/// How long a description waits for its candidates: servers far away answer in a second.
const GATHER_WITHIN: Duration = Duration::from_secs(2);
/// The most that stand in a description; a machine has few addresses.
const MAX_CANDIDATES: usize = 64;

/// The candidates of one connection.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// One that waits, and until when.
    description: Option<(Description, Instant)>,
    found: Vec<String>,
    done: bool,
}

impl Gathering {
    /// A description was made and set: gathering goes on from here.
    pub(super) fn made(&mut self, description: Description, now: Instant) {
        self.description = Some((description, now + GATHER_WITHIN));
    }

    /// A candidate was found; `None`: there are no more.
    pub(super) fn found(&mut self, candidate: Option<Candidate>) {
        match candidate {
            None => self.done = true,
            Some(candidate) if self.found.len() < MAX_CANDIDATES => {
                self.found.push(candidate.candidate);
            }
            Some(_) => {}
        }
    }

    /// The description that waits, once all candidates are found, or with what there is where it is late.
    pub(super) fn whole(&mut self, late: bool) -> Option<Description> {
        if !self.done && !late {
            return None;
        }
        let (description, _) = self.description.take()?;
        Some(Description {
            sdp: with_candidates(&description.sdp, &self.found),
            ..description
        })
    }

    /// Waits until the description that waits is late; for ever where none does.
    pub(super) async fn late(gathering: Option<&Self>) {
        match gathering.and_then(|gathering| gathering.description.as_ref()) {
            Some((_, until)) => sleep_until((*until).into()).await,
            None => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use ahoy_contract::peer::DescriptionType;

    use super::*;

    #[test]
    fn a_description_waits_for_its_candidates_but_not_for_ever() {
        #[expect(clippy::disallowed_methods, reason = "any moment will do")]
        let now = Instant::now();
        let offer = || Description {
            kind: DescriptionType::Offer,
            sdp: "v=0\r\nm=audio 9 x 0\r\n".into(),
        };
        let candidate = Candidate {
            candidate: "candidate:1".into(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: None,
        };
        let mut gathering = Gathering::default();
        gathering.made(offer(), now);
        gathering.found(Some(candidate));
        assert_eq!(gathering.whole(false), None);
        let late = gathering.whole(true).unwrap();
        assert!(late.sdp.contains("a=candidate:1\r\n"), "{}", late.sdp);
        assert_eq!(gathering.whole(true), None, "it is told once");
        gathering.found(None);
        gathering.made(offer(), now);
        assert!(gathering.whole(false).is_some());
    }
}
