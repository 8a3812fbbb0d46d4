//! Signals: what members tell each other by way of the relay, sealed for one end and opened by it.

use std::time::Instant;

use ahoy_contract::{
    Nonce, PeerId,
    id::Signature,
    peer::{ByeReason, SignalBody},
    ui::PeerState,
    wire::ClientMessage,
};

use super::{
    Call, Output,
    auth::{End, SEAL_NONCE_BYTES, SealedSignal},
};

/// A signal as the relay brought it.
pub(super) struct Arrived {
    pub(super) seq: u64,
    pub(super) body: String,
    pub(super) sig: Option<Signature>,
}

impl Call {
    /// A signal came. One that does not prove where it comes from stops a peer that was never connected; it is dropped
    /// where the peer has proven itself by its connection, or a relay could end calls.
    pub(super) fn signal_arrived(&mut self, now: Instant, from: &PeerId, arrived: &Arrived) {
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(from)) else {
            // From somebody who has just left, or whom the relay made up.
            return;
        };
        if peer.state == PeerState::NotAuthentic {
            return;
        }
        let end = End {
            peer: from.clone(),
            nonce: peer.member.nonce.clone(),
        };
        let signal = SealedSignal {
            from: &end,
            to: me,
            seq: arrived.seq,
            body: &arrived.body,
            sig: arrived.sig.as_ref(),
        };
        let key = peer.host_key.as_ref();
        let fresh = arrived.seq > peer.received;
        let Some(body) = self.auth.open(&signal, key).filter(|_| fresh) else {
            let late = self.former.iter().any(|nonce| {
                let to = &End {
                    peer: me.peer.clone(),
                    nonce: nonce.clone(),
                };
                let signal = SealedSignal { to, ..signal };
                self.auth.open(&signal, key).is_some()
            });
            if late {
                // It was made for a join of this end's that is over, and was under way meanwhile.
                return;
            }
            self.signal_refused(now, from, arrived);
            return;
        };
        peer.received = arrived.seq;
        self.with_peer(from, |peer| peer.signal(now, &body));
    }

    /// Handles a signal that the member that is known here has not made for this end, or not now.
    fn signal_refused(&mut self, now: Instant, from: &PeerId, arrived: &Arrived) {
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(from)) else {
            return;
        };
        if let Some((member, key)) = &peer.successor {
            let end = End {
                peer: from.clone(),
                nonce: member.nonce.clone(),
            };
            let signal = SealedSignal {
                from: &end,
                to: me,
                seq: arrived.seq,
                body: &arrived.body,
                sig: arrived.sig.as_ref(),
            };
            // One that was heard before is a recorded one.
            let heard = self.numbers.received(&(from.clone(), member.nonce.clone()));
            if arrived.seq > heard && self.auth.open(&signal, key.as_ref()).is_some() {
                // It has come back as this one.
                let successor = (member.clone(), key.clone());
                self.succeed(now, successor);
                self.signal_arrived(now, from, arrived);
                return;
            }
        }
        if !(peer.ever_connected && peer.is_alive()) {
            self.not_authentic(from);
            return;
        }
        peer.forged += 1;
        if peer.forged == 1 {
            tracing::warn!(
                "a signal in the name of a connected peer is not from it; such are dropped"
            );
        }
    }

    pub(super) fn signal_bye(&mut self, id: &PeerId, reason: ByeReason) {
        self.signal(id, &SignalBody::Bye(reason));
    }

    pub(super) fn signal(&mut self, to: &PeerId, body: &SignalBody) {
        if let Some(peer) = self.peers.get_mut(to) {
            peer.remember(body);
            self.tell(to, body);
        }
    }

    /// What a peer that is not connected was told last may have been lost with the relay, so it is said once more.
    pub(super) fn tell_again(&mut self, id: &PeerId) {
        let Some(peer) = self.peers.get(id) else {
            return;
        };
        let open = matches!(peer.state, PeerState::Connecting | PeerState::Reconnecting);
        if open && peer.is_present() {
            for body in peer.told.clone() {
                self.tell(id, &body);
            }
        }
    }

    fn tell(&mut self, to: &PeerId, body: &SignalBody) {
        if !self.can_signal() {
            return;
        }
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(to)) else {
            return;
        };
        let nonce = seal_nonce([(self.nonces)(), (self.nonces)()]);
        // Strings and numbers only: this cannot fail.
        let Ok(body) = serde_json::to_string(body) else {
            return;
        };
        peer.sent += 1;
        let end = End {
            peer: to.clone(),
            nonce: peer.member.nonce.clone(),
        };
        let (body, sig) = self.auth.seal(me, &end, peer.sent, nonce, &body);
        let signal = ClientMessage::Signal {
            to: to.clone(),
            seq: peer.sent,
            body,
            sig,
        };
        self.outputs.push_back(Output::Send(signal));
    }
}

/// Puts the longer nonce of an encrypted body together from two random ones.
fn seal_nonce([first, second]: [Nonce; 2]) -> [u8; SEAL_NONCE_BYTES] {
    let mut nonce = [0; SEAL_NONCE_BYTES];
    let (head, tail) = nonce.split_at_mut(first.as_bytes().len());
    head.copy_from_slice(first.as_bytes());
    tail.copy_from_slice(&second.as_bytes()[..tail.len()]);
    nonce
}
