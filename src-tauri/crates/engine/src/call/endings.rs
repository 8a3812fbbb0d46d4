//! The end of a call, for one member or for all.

use ahoy_contract::{
    ErrorCode, PeerId,
    peer::{ByeReason, DataMessage},
    ui::{EndReason, PeerState},
    wire::{ClientMessage, RoomKind},
};

use super::{Call, Event, Output, PeerOutput, Socket, peer::Peer, view};

impl Call {
    /// No way leads to a peer. Where it was the only one the call is over, unless this end is a host that was
    /// never connected to it: anybody who knows where the room is can come and say nothing.
    pub(super) fn peer_failed(&mut self, id: &PeerId) {
        self.opening.over(self.now, id);
        let lost = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.signal_bye(id, ByeReason::Failed);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        let host = self.is_host();
        let goes_on = host && self.kind == RoomKind::Broadcast;
        if !goes_on {
            // Who shows has a list of viewers, and no use for a word about each stranger.
            let error = view::sentence(ErrorCode::ConnectionFailed);
            self.outputs.push_back(Output::Event(Event::Error(error)));
        }
        self.outputs.push_back(Output::View);
        if (lost || !host) && !goes_on && !self.peers.values().any(Peer::is_alive) {
            let code = ErrorCode::ConnectionFailed;
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.end(if lost {
                EndReason::Network
            } else {
                EndReason::Refused { code }
            });
        }
    }

    /// A peer says that it leaves. Where it was the only one the call is over.
    pub(super) fn bye(&mut self, id: &PeerId, reason: ByeReason) {
        if reason == ByeReason::NotAuthentic {
            // Only who knows the link can say so, so somebody in between changed what this end sent.
            self.not_authentic(id);
            return;
        }
        let of_host = self
            .peers
            .get(id)
            .is_some_and(|peer| peer.host_key.is_some());
        if reason == ByeReason::Removed && of_host {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::Removed);
            return;
        }
        let met = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.remove_peer(id, Some(reason));
        let host = self.is_host();
        // Who shows something goes on without viewers.
        let goes_on = host && self.kind == RoomKind::Broadcast;
        if goes_on || self.peers.values().any(Peer::is_alive) || !self.door.is_empty() {
            return;
        }
        if reason == ByeReason::Failed && host && !met {
            // A guest whom no way led to: the next one may have more luck.
            return;
        }
        self.outputs.push_back(Output::Send(ClientMessage::Leave));
        self.end(match reason {
            ByeReason::Failed => EndReason::Network,
            _ => EndReason::ByThem,
        });
    }

    /// Stops a peer in whose name something came that was not from it: it is sent nothing more, and the user is told. A
    /// guest who cannot trust the host leaves; a host goes on waiting for others, or anybody who knows
    /// where the room is could end the call.
    pub(super) fn not_authentic(&mut self, id: &PeerId) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        if peer.state == PeerState::NotAuthentic {
            return;
        }
        self.opening.over(self.now, id);
        peer.state = PeerState::NotAuthentic;
        peer.deadline = None;
        peer.data_open = false;
        let is_host = peer.host_key.is_some();
        let met = peer.ever_connected;
        self.signal_bye(id, ByeReason::NotAuthentic);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        // A host that this end has never met may be the relay's, which ends nothing that flows with others.
        if !self.is_host() && is_host && (met || !self.is_talking()) {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::NotAuthentic);
        } else {
            self.outputs
                .push_back(Output::Event(Event::Error(view::sentence(
                    ErrorCode::NotAuthentic,
                ))));
            self.outputs.push_back(Output::View);
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.say_to_all(&DataMessage::Bye {
            reason: ByeReason::HangUp,
        });
        let ids: Vec<PeerId> = self.peers.keys().cloned().collect();
        for id in &ids {
            self.signal_bye(id, ByeReason::HangUp);
        }
        if !matches!(self.socket, Socket::Retry { .. } | Socket::Opening) {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
        }
        self.end(EndReason::ByMe);
    }

    /// The call is over: every connection is closed, then the socket.
    pub(super) fn end(&mut self, reason: EndReason) {
        for id in std::mem::take(&mut self.peers).into_keys() {
            self.outputs.push_back(Output::Peer(id, PeerOutput::Close));
        }
        self.outputs.push_back(Output::Disconnect);
        self.ended = Some(reason);
        self.outputs.push_back(Output::View);
        self.outputs.push_back(Output::Event(Event::Ended(reason)));
    }

    pub(super) fn refuse(&mut self, code: ErrorCode) {
        self.outputs
            .push_back(Output::Event(Event::Error(view::sentence(code))));
        self.end(EndReason::Refused { code });
    }
}
