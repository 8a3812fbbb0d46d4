//! Offer and answer with one peer: perfect negotiation (W3C WebRTC §10.7), candidates that come too
//! early, answers that nobody asked for. It knows neither relay nor connection: it says what to do.

use std::collections::VecDeque;

use ahoy_contract::peer::{Candidate, Description, DescriptionType};

/// Candidates kept until a description comes. A browser has a dozen; more is rubbish.
const MAX_EARLY_CANDIDATES: usize = 64;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Make an offer and set it; [`Negotiation::local`] hears of it.
    CreateOffer {
        /// With new ICE credentials (RFC 8839 §4.4.1.1.1).
        ice_restart: bool,
    },
    /// Set what the peer sent; a local offer that is out is rolled back by it.
    SetRemote(Description),
    /// Make an answer and set it; [`Negotiation::local`] hears of it.
    CreateAnswer,
    /// Add what the peer sent.
    AddCandidate(Option<Candidate>),
    /// Send this to the peer.
    Send(Description),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stable,
    /// `CreateOffer` was asked for.
    MakingOffer,
    /// Our offer is with the peer.
    OfferSent,
    /// `CreateAnswer` was asked for.
    Answering,
}

/// The negotiation with one peer.
#[derive(Debug)]
pub struct Negotiation {
    polite: bool,
    state: State,
    /// Another offer is wanted as soon as the state allows; `true`: with new ICE credentials.
    wanted: Option<bool>,
    /// The offer that is being made or is out has new ICE credentials.
    restarting: bool,
    /// A local offer that was asked for and that a remote one overtook: it is not sent.
    discard_offers: u32,
    /// The peer's last offer lost a glare: what belongs to it is not wanted.
    ignoring: bool,
    remote_set: bool,
    early: VecDeque<Option<Candidate>>,
    steps: VecDeque<Step>,
}

impl Negotiation {
    /// Nothing is said yet. In a glare the polite end gives way.
    pub fn new(polite: bool) -> Self {
        Self {
            polite,
            state: State::Stable,
            wanted: None,
            restarting: false,
            discard_offers: 0,
            ignoring: false,
            remote_set: false,
            early: VecDeque::new(),
            steps: VecDeque::new(),
        }
    }

    /// The next step, if there is one.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Whether an offer was made, sent or taken since the start.
    pub fn begun(&self) -> bool {
        self.remote_set || self.state != State::Stable
    }

    /// An offer is wanted, now or when the state allows.
    pub fn offer(&mut self, ice_restart: bool) {
        if self.state == State::Stable {
            self.state = State::MakingOffer;
            self.restarting = ice_restart;
            self.steps.push_back(Step::CreateOffer { ice_restart });
        } else {
            self.wanted = Some(ice_restart || self.wanted == Some(true));
        }
    }

    /// A description of ours was made and set.
    pub fn local(&mut self, description: Description) {
        match (description.kind, self.state) {
            (DescriptionType::Offer, _) if self.discard_offers > 0 => self.discard_offers -= 1,
            (DescriptionType::Offer, State::MakingOffer) => {
                self.state = State::OfferSent;
                self.steps.push_back(Step::Send(description));
            }
            (DescriptionType::Answer, State::Answering) => {
                self.steps.push_back(Step::Send(description));
                self.settle();
            }
            _ => {}
        }
    }

    /// A description of the peer arrived. Says whether it made sense: an answer to no offer does not.
    pub fn remote(&mut self, description: Description) -> bool {
        match description.kind {
            DescriptionType::Offer => self.remote_offer(description),
            DescriptionType::Answer if self.state == State::OfferSent => {
                self.set_remote(description);
                self.settle();
                true
            }
            DescriptionType::Answer => false,
        }
    }

    /// A candidate of the peer arrived; `None` says that there are no more.
    pub fn candidate(&mut self, candidate: Option<Candidate>) {
        if self.ignoring {
            return;
        }
        if self.remote_set {
            self.steps.push_back(Step::AddCandidate(candidate));
        } else if self.early.len() < MAX_EARLY_CANDIDATES {
            self.early.push_back(candidate);
        }
    }

    /// A step failed: the exchange that it belonged to is over.
    pub fn failed(&mut self) {
        self.discard_offers = 0;
        self.settle();
    }

    fn remote_offer(&mut self, description: Description) -> bool {
        match self.state {
            State::Stable | State::Answering => {}
            State::MakingOffer | State::OfferSent if !self.polite => {
                self.ignoring = true;
                return true;
            }
            State::MakingOffer | State::OfferSent => {
                if self.state == State::MakingOffer {
                    // The connection makes it all the same, and rolls it back when it sets the peer's.
                    self.discard_offers += 1;
                }
                // The peer's offer brings all that ours would have, new ICE credentials apart.
                if self.restarting {
                    self.wanted = Some(true);
                }
            }
        }
        self.ignoring = false;
        self.state = State::Answering;
        self.set_remote(description);
        self.steps.push_back(Step::CreateAnswer);
        true
    }

    fn set_remote(&mut self, description: Description) {
        self.ignoring = false;
        self.remote_set = true;
        self.steps.push_back(Step::SetRemote(description));
        let early = std::mem::take(&mut self.early);
        self.steps.extend(early.into_iter().map(Step::AddCandidate));
    }

    fn settle(&mut self) {
        self.state = State::Stable;
        if let Some(ice_restart) = self.wanted.take() {
            self.offer(ice_restart);
        }
    }
}
