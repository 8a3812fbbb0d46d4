//! Offers and answers (RFC 8829): where the exchange stands, and what it means for the streams.

use std::sync::Arc;

use ahoy_contract::peer::{Description, DescriptionType};
use rtc::{
    peer_connection::{configuration::RTCOfferOptions, sdp::RTCSessionDescription},
    rtp_transceiver::RTCRtpTransceiverDirection,
};
use tracing::debug;
use webrtc::{
    data_channel::DataChannel,
    error::Error,
    peer_connection::{PeerConnection, RTCIceCandidateInit},
    rtp_transceiver::RtpTransceiver,
};

use super::{
    MediaKind, MediaSender, RtcError,
    candidates::{CandidateBudget, MAX_CANDIDATES, usable_candidate},
    guard::now,
    media_engine::preferred,
    remote_description::{Refused, RemoteDescription, with_refused},
    sdp::{self, Setup},
    shared::Shared,
    short,
    socket::Stage,
};
use crate::frame::VideoCodec;

/// One kind of media of the connection.
pub(super) struct Line {
    pub(super) kind: MediaKind,
    pub(super) transceiver: Arc<dyn RtpTransceiver>,
    pub(super) sender: MediaSender,
    /// What the peer sends of it is wanted.
    pub(super) receives: bool,
}

/// Where the exchange stands (W3C `RTCSignalingState`).
#[derive(Debug, Default)]
enum Exchange {
    #[default]
    Stable,
    /// An own offer waits for its answer.
    Offered,
    /// An offer of the peer waits for an answer.
    Received {
        /// What the library got of it.
        offer: String,
        /// What it did not get.
        refused: Vec<Refused>,
    },
}

/// The exchange of one connection; one call at a time.
pub(super) struct Negotiation {
    lines: Vec<Line>,
    codecs: Vec<VideoCodec>,
    exchange: Exchange,
    /// The peer described itself at least once.
    described: bool,
    has_channel: bool,
    /// The DTLS role of this end, once agreed.
    setup: Option<Setup>,
    early: Vec<String>,
    candidates: CandidateBudget,
    /// The peer's offer restarts ICE and was not answered yet.
    has_restart_offer: bool,
}

impl Negotiation {
    pub(super) fn new(lines: Vec<Line>, codecs: Vec<VideoCodec>) -> Self {
        Self {
            lines,
            codecs,
            exchange: Exchange::Stable,
            described: false,
            has_channel: false,
            setup: None,
            early: Vec::new(),
            candidates: CandidateBudget::default(),
            has_restart_offer: false,
        }
    }

    /// Returns whether the answer to come is one to an ICE restart.
    pub(super) fn answers_restart(&self) -> bool {
        self.has_restart_offer
    }

    /// The data channel, made before the first offer of this end where the peer did not offer first.
    pub(super) async fn data_channel(
        &mut self,
        connection: &dyn PeerConnection,
        label: &str,
    ) -> Result<Option<Arc<dyn DataChannel>>, RtcError> {
        if self.has_channel || self.described {
            return Ok(None);
        }
        let channel = connection.create_data_channel(label, None).await;
        let channel = channel.map_err(failed)?;
        self.has_channel = true;
        Ok(Some(channel))
    }

    pub(super) async fn offer(
        &mut self,
        connection: &dyn PeerConnection,
        shared: &Shared,
        ice_restart: bool,
    ) -> Result<String, RtcError> {
        if matches!(self.exchange, Exchange::Received { .. }) {
            return Err(RtcError::Negotiation("the peer's offer comes first".into()));
        }
        let options = RTCOfferOptions { ice_restart };
        let offer = connection.create_offer(Some(options)).await;
        let offer = offer.map_err(failed)?;
        let sdp = offer.sdp.clone();
        shared.learn_local(&sdp);
        if ice_restart {
            self.candidates.restarted();
        }
        connection
            .set_local_description(offer)
            .await
            .map_err(failed)?;
        self.exchange = Exchange::Offered;
        Ok(sdp)
    }

    pub(super) async fn answer(
        &mut self,
        connection: &dyn PeerConnection,
        shared: &Shared,
    ) -> Result<String, RtcError> {
        let Exchange::Received { offer, refused } = &self.exchange else {
            return Err(RtcError::Negotiation("there is no offer to answer".into()));
        };
        let answer = connection.create_answer(None).await.map_err(failed)?;
        let sdp = answer.sdp.clone();
        self.choose(&sdp).await?;
        shared.learn_local(&sdp);
        connection
            .set_local_description(answer)
            .await
            .map_err(failed)?;
        shared.gate.open(Stage::Described);
        self.has_restart_offer = false;
        self.settle(shared, offer, &sdp, &sdp);
        let sdp = with_refused(&sdp, refused);
        self.exchange = Exchange::Stable;
        // The library always answers `active`. A later answer keeps the role (RFC 8842 §5.3), or Chromium
        // refuses it; the library itself does not begin DTLS anew.
        let first = sdp::setup(&sdp).unwrap_or(Setup::Active);
        Ok(sdp::with_setup(&sdp, *self.setup.get_or_insert(first)))
    }

    pub(super) async fn remote(
        &mut self,
        connection: &dyn PeerConnection,
        shared: &Shared,
        description: &Description,
    ) -> Result<(), RtcError> {
        let parsed = RemoteDescription::parse(&description.sdp)
            .map_err(|fault| RtcError::Description(fault.into()))?;
        let ufrag = parsed.credentials().map(|(ufrag, _)| ufrag);
        let restarts = self.candidates.described(ufrag);
        self.has_restart_offer |= restarts && description.kind == DescriptionType::Offer;
        let sdp = parsed.sanitized(|candidate| self.candidates.admit(now(), candidate));
        shared.learn_remote(&sdp);
        match description.kind {
            DescriptionType::Offer => {
                self.remote_offer(connection, sdp, parsed.refused()).await?;
            }
            DescriptionType::Answer => self.remote_answer(connection, shared, sdp).await?,
        }
        self.described = true;
        for candidate in std::mem::take(&mut self.early) {
            self.candidate(connection, &candidate).await?;
        }
        Ok(())
    }

    async fn remote_offer(
        &mut self,
        connection: &dyn PeerConnection,
        sdp: String,
        refused: Vec<Refused>,
    ) -> Result<(), RtcError> {
        let offer = RTCSessionDescription::offer(sdp.clone()).map_err(unusable)?;
        match std::mem::take(&mut self.exchange) {
            Exchange::Stable => {}
            Exchange::Offered => {
                debug!("offers crossed; the own one is taken back");
                let rollback = RTCSessionDescription::rollback(None).map_err(failed)?;
                let done = connection.set_local_description(rollback).await;
                done.map_err(failed)?;
            }
            Exchange::Received { .. } => undo_remote(connection).await?,
        }
        self.take_both_ways(true).await;
        let taken = connection.set_remote_description(offer).await;
        self.take_both_ways(false).await;
        if let Err(error) = taken {
            // Half of it may have been taken.
            let _ = undo_remote(connection).await;
            return Err(unusable(error));
        }
        self.prefer(&sdp).await;
        self.exchange = Exchange::Received {
            offer: sdp,
            refused,
        };
        Ok(())
    }

    /// Lets what is only sent seem to go both ways while the library looks for a place for the sections of a first offer: it
    /// puts nothing that is only sent into a section that goes both ways, but makes a receiver for that one, so that nothing would be
    /// sent and all that comes be taken.
    async fn take_both_ways(&self, both: bool) {
        use RTCRtpTransceiverDirection::{Sendonly, Sendrecv};
        if both && self.described {
            return;
        }
        for line in self.lines.iter().filter(|line| !line.receives) {
            let direction = if both { Sendrecv } else { Sendonly };
            if let Err(error) = line.transceiver.set_direction(direction).await {
                debug!(error = short(&error), "a direction stays as it is");
            }
        }
    }

    /// Puts this side's order of codecs in the place of the peer's. Where that does not work the peer's
    /// stays.
    async fn prefer(&self, offer: &str) {
        for line in self.lines.iter().filter(|line| line.kind.is_pictures()) {
            let Some(section) = sdp::section(offer, line.kind) else {
                continue;
            };
            // What is used already stays first: a change of codec in a call costs a key frame.
            let current = line.sender.codec();
            let mut order = self.codecs.clone();
            order.sort_by_key(|codec| Some(*codec) != current);
            let codecs = preferred(&section, &order);
            if !codecs.is_empty()
                && let Err(error) = line.transceiver.set_codec_preferences(codecs).await
            {
                debug!(error = short(&error), "the peer's order of codecs stays");
            }
        }
    }

    async fn remote_answer(
        &mut self,
        connection: &dyn PeerConnection,
        shared: &Shared,
        sdp: String,
    ) -> Result<(), RtcError> {
        if !matches!(self.exchange, Exchange::Offered) {
            return Err(RtcError::Description("nothing was offered".into()));
        }
        let answer = RTCSessionDescription::answer(sdp.clone()).map_err(unusable)?;
        self.choose(&sdp).await?;
        connection
            .set_remote_description(answer)
            .await
            .map_err(unusable)?;
        shared.gate.open(Stage::Described);
        let local = connection.current_local_description().await;
        let local = local.map(|local| local.sdp).unwrap_or_default();
        self.settle(shared, &sdp, &local, &sdp);
        let theirs = sdp::setup(&sdp).unwrap_or(Setup::Active);
        self.setup.get_or_insert(theirs.opposite());
        self.exchange = Exchange::Stable;
        Ok(())
    }

    /// Tells the library which codec is sent, before it starts the streams.
    async fn choose(&self, answer: &str) -> Result<(), RtcError> {
        for line in &self.lines {
            if let Some((_, codec)) = chosen(answer, line)
                && let Some(track) = line.sender.track_with(codec)
                && let Ok(Some(sender)) = line.transceiver.sender().await
            {
                sender.replace_track(track).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Takes over what was agreed: `remote` and `local` are the descriptions of the two ends, `answer` is
    /// whichever of them was the answer.
    fn settle(&self, shared: &Shared, remote: &str, local: &str, answer: &str) {
        for line in &self.lines {
            let remote = sdp::section(remote, line.kind);
            let local = sdp::section(local, line.kind);
            for section in [&remote, &local].into_iter().flatten() {
                shared.learn_payloads(section);
            }
            let taken = remote.is_some_and(|section| section.receives)
                && local.is_some_and(|section| section.sends);
            let payload = match line.kind {
                MediaKind::Audio => sdp::section(answer, line.kind)
                    .and_then(|section| section.opus)
                    .map(|payload| (payload, None)),
                MediaKind::Video | MediaKind::Screen => {
                    chosen(answer, line).map(|(payload, codec)| (payload, Some(codec)))
                }
            };
            line.sender.set_payload(payload.filter(|_| taken));
        }
    }

    pub(super) async fn candidate(
        &mut self,
        connection: &dyn PeerConnection,
        candidate: &str,
    ) -> Result<(), RtcError> {
        let value = candidate.trim();
        let value = value.strip_prefix("candidate:").unwrap_or(value);
        if value.is_empty() {
            return Ok(());
        }
        // A name instead of an address is fine for the grammar, and of no use.
        let fields: Vec<&str> = value.split_ascii_whitespace().collect();
        if fields.len() < 8 {
            return Err(RtcError::Candidate("fields are missing".into()));
        }
        if fields[5].parse::<u16>().is_err() {
            return Err(RtcError::Candidate("its port is no port".into()));
        }
        if usable_candidate(value).is_none() {
            debug!("a candidate is of no use here and left out");
            return Ok(());
        }
        rtc::ice::candidate::unmarshal_candidate(value)
            .map_err(|error| RtcError::Candidate(short(&error)))?;
        if !self.described && !matches!(self.exchange, Exchange::Received { .. }) {
            if self.early.len() < MAX_CANDIDATES {
                self.early.push(value.to_owned());
            }
            return Ok(());
        }
        if !self.candidates.admit(now(), value) {
            debug!("the peer has named the candidate before, or too many; it is left out");
            return Ok(());
        }
        let init = RTCIceCandidateInit {
            candidate: format!("candidate:{value}"),
            ..RTCIceCandidateInit::default()
        };
        connection
            .add_ice_candidate(init)
            .await
            .map_err(|error| RtcError::Candidate(short(&error)))
    }
}

async fn undo_remote(connection: &dyn PeerConnection) -> Result<(), RtcError> {
    let rollback = RTCSessionDescription::rollback(None).map_err(failed)?;
    let undone = connection.set_remote_description(rollback).await;
    undone.map_err(failed)
}

/// The codec of the pictures to send: the one that is sent already where the answer still has it, else the one that
/// the answer puts first.
fn chosen(answer: &str, line: &Line) -> Option<(u8, VideoCodec)> {
    let codecs = sdp::section(answer, line.kind)?.codecs;
    let current = line.sender.codec();
    let kept = codecs.iter().find(|(_, codec)| Some(*codec) == current);
    kept.or_else(|| codecs.first()).copied()
}

fn failed(error: Error) -> RtcError {
    match error {
        Error::ErrConnectionClosed => RtcError::Closed,
        error => RtcError::Negotiation(short(&error)),
    }
}

fn unusable(error: Error) -> RtcError {
    match error {
        Error::ErrConnectionClosed => RtcError::Closed,
        error => RtcError::Description(short(&error)),
    }
}
