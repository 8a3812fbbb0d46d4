//! What a connection lets in and out: the rules of this folder put together. Pure.

use std::{net::SocketAddr, time::Instant};

use super::{
    Refusal, Refused,
    check_pacer::{CheckPacer, Paced},
    dtls_filter::DtlsFilter,
    packet_filter::{PacketFilter, is_check},
    path::Path,
    ssrc_filter::SsrcFilter,
    stun::{Class, Message, method},
    turn::{self, Turn},
};

/// What becomes of a datagram that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The library gets it.
    Pass,
    /// The library gets it, once it has the peer's credentials: it is an authentic check.
    PassCheck,
    /// The library gets it, once a pair is selected: it holds DTLS records.
    PassDtls,
    /// It is dropped.
    Refuse(Refusal),
}

/// What becomes of a datagram that the library sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It leaves now.
    Now,
    /// It does not leave now: a check waits for its turn or is dropped, and a request to a TURN server is dropped, for
    /// the library repeats it.
    Held,
}

/// One per connection; its sockets share it.
#[derive(Debug, Default)]
pub struct Filter {
    packets: PacketFilter,
    turn: Turn,
    dtls: DtlsFilter,
    ssrcs: SsrcFilter,
    checks: CheckPacer,
    refused: Refused,
}

impl Filter {
    /// Takes what this end's description says that checks are to be made with. Returns whether it is new, which is an ICE
    /// restart.
    pub fn set_credentials(&mut self, ufrag: &str, password: &str) -> bool {
        let is_new = self.packets.set_credentials(ufrag, password);
        if is_new {
            self.checks.clear();
        }
        is_new
    }

    /// Takes the credentials of the peer's description, with which it answers checks.
    pub fn set_remote_credentials(&mut self, ufrag: &str, password: &str) {
        self.packets.set_remote_credentials(ufrag, password);
    }

    /// The streams and payload types of the connection.
    pub fn ssrcs(&mut self) -> &mut SsrcFilter {
        &mut self.ssrcs
    }

    /// Notes that keys were exchanged.
    pub fn handshake_done(&mut self) {
        self.dtls.handshake_done();
    }

    /// The counters as they stand.
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// Decides about a datagram that arrived on the socket `local` from `from`.
    pub fn arrived(
        &mut self,
        now: Instant,
        local: SocketAddr,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Verdict {
        let path = Path::direct(local, from);
        let arrived = match datagram.first() {
            Some(64..=79) if self.turn.is_server(local, from) => {
                match self.turn.channel_data(now, local, from, datagram) {
                    Some((path, data)) => self.arrived_on(now, &path, data),
                    None => Err(Refusal::Malformed),
                }
            }
            Some(64..=79) => Err(Refusal::Stranger),
            _ => self.arrived_on(now, &path, datagram),
        };
        arrived.unwrap_or_else(|refusal| {
            self.refused.add(refusal);
            Verdict::Refuse(refusal)
        })
    }

    fn arrived_on(
        &mut self,
        now: Instant,
        path: &Path,
        datagram: &[u8],
    ) -> Result<Verdict, Refusal> {
        match datagram.first() {
            Some(0..=3) => self.stun_arrived(now, path, datagram),
            // RFC 7983 §7: the ranges of DTLS, and of RTP and RTCP.
            Some(20..=63 | 128..=191) if !self.packets.is_known(now, path) => {
                Err(Refusal::Stranger)
            }
            Some(20..=63) => self.dtls.arrived(datagram).map(|()| Verdict::PassDtls),
            Some(128..=191) => self.ssrcs.arrived(datagram).map(|()| Verdict::Pass),
            _ => Err(Refusal::Malformed),
        }
    }

    fn stun_arrived(
        &mut self,
        now: Instant,
        path: &Path,
        datagram: &[u8],
    ) -> Result<Verdict, Refusal> {
        let message = Message::parse(datagram).ok_or(Refusal::Malformed)?;
        match message.class() {
            Class::Request if message.method() == method::BINDING => {
                self.packets.request(now, path, &message)?;
                self.checks.asked(now, *path);
                Ok(Verdict::PassCheck)
            }
            Class::Success | Class::Error => {
                if self.packets.response(now, path, &message)? {
                    self.checks.answered(now, *path);
                }
                Ok(Verdict::Pass)
            }
            Class::Indication
                if path.relay.is_none()
                    && message.method() == method::DATA
                    && self.turn.is_server(path.local, path.remote) =>
            {
                let inner = turn::indication(path.local, path.remote, &message);
                let (inner, data) = inner.ok_or(Refusal::Malformed)?;
                self.arrived_on(now, &inner, data)
            }
            // Among them Binding indications, which nobody authenticates and which the library takes for consent.
            Class::Request | Class::Indication => Err(Refusal::Unexpected),
        }
    }

    /// Decides about a datagram that the library sends from the socket `local` to `to`.
    pub fn leaving(
        &mut self,
        now: Instant,
        local: SocketAddr,
        to: SocketAddr,
        datagram: &[u8],
    ) -> Departure {
        if matches!(datagram.first(), Some(64..=79)) {
            return match self.turn.channel_data(now, local, to, datagram) {
                Some((path, data)) => self.check_leaving(now, path, data, datagram),
                None => Departure::Now,
            };
        }
        let path = Path::direct(local, to);
        let Some(message) = Message::parse(datagram) else {
            return Departure::Now;
        };
        if let Some((path, data)) = turn::indication(local, to, &message) {
            return self.check_leaving(now, path, data, datagram);
        }
        if is_check(&message) {
            return self.check_leaving(now, path, datagram, datagram);
        }
        if message.class() == Class::Request {
            if !self.turn.requested(now, local, to, &message) {
                return Departure::Held;
            }
            self.packets.requested(now, path, &message);
        }
        Departure::Now
    }

    /// Decides about what is sent on a path, `whole` with what a TURN server takes off.
    fn check_leaving(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        whole: &[u8],
    ) -> Departure {
        let Some(message) = Message::parse(datagram).filter(is_check) else {
            return Departure::Now;
        };
        self.refused.checks_made += 1;
        if self.checks.offer(now, path, whole) != Paced::Now {
            return Departure::Held;
        }
        self.packets.requested(now, path, &message);
        self.refused.checks_sent += 1;
        Departure::Now
    }

    /// Returns whether checks wait for their turn.
    pub fn is_holding(&self) -> bool {
        self.checks.is_holding()
    }

    /// The next check whose turn it is: its path, and the datagram to send to
    /// [`destination`](Path::destination).
    pub fn next_check(&mut self, now: Instant) -> Option<(Path, &[u8])> {
        let (path, datagram) = self.checks.poll(now)?;
        let message = match path.relay {
            None => Message::parse(datagram),
            Some(server) => match Message::parse(datagram) {
                Some(outer) => turn::indication(path.local, server, &outer)
                    .and_then(|(_, data)| Message::parse(data)),
                None => self
                    .turn
                    .channel_data(now, path.local, server, datagram)
                    .and_then(|(_, data)| Message::parse(data)),
            },
        };
        if let Some(message) = message {
            self.packets.requested(now, path, &message);
        }
        self.refused.checks_sent += 1;
        Some((path, datagram))
    }

    /// When [`next_check`](Self::next_check) has one again; `None`: none waits.
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        self.checks.next_due(now)
    }
}

#[cfg(test)]
mod tests;
