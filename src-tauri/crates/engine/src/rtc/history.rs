//! What was sent, until the peer says what became of it.

use std::{collections::VecDeque, time::Instant};

use rtc::{
    interceptor::convert_twcc, rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc,
};

use crate::rate::PacketResult;

/// As many packets are remembered: four seconds at 10 Mbit/s; the oldest is forgotten first.
const MAX_PACKETS: usize = 4096;

/// The packets that were sent, by their number of transport-wide feedback. The numbers follow each
/// other, because each packet gets the next.
#[derive(Debug, Default)]
pub(super) struct SendHistory {
    sent: VecDeque<Sent>,
    /// The number of the first in `sent`.
    first: u16,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    bytes: u32,
    reported: bool,
}

impl SendHistory {
    /// A packet left with a number.
    pub(super) fn sent(&mut self, number: u16, at: Instant, bytes: u32) {
        let next = self.first.wrapping_add(self.sent.len() as u16);
        if number != next {
            self.sent.clear();
        }
        if self.sent.is_empty() {
            self.first = number;
        }
        if self.sent.len() == MAX_PACKETS {
            self.sent.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.sent.push_back(Sent {
            at,
            bytes,
            reported: false,
        });
    }

    /// What a feedback packet says about packets that are still remembered, in the order of sending.
    /// A packet that was said to have arrived is not reported again; one said to be lost may still
    /// arrive in a later report.
    pub(super) fn resolve(&mut self, feedback: &TransportLayerCc) -> Vec<PacketResult> {
        let mut results = Vec::new();
        for report in convert_twcc(feedback) {
            let index = usize::from(report.sequence_number.wrapping_sub(self.first));
            let Some(sent) = self.sent.get_mut(index) else {
                continue;
            };
            if std::mem::replace(&mut sent.reported, true) {
                continue;
            }
            results.push(PacketResult {
                sent: sent.at,
                arrived: report.arrival,
                bytes: sent.bytes,
            });
        }
        results
    }
}
