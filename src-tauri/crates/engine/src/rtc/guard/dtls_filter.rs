//! Bounds what reaches the library's DTLS handshake (RFC 6347 §4.1 and §4.2).
//!
//! The library reassembles handshake messages by a recursion over fragments whose offset and length the sender
//! chooses, keeps every fragment that does not fit together, and queues records that come before their keys without
//! a bound. None of that is authenticated. So only fragments that say of themselves what they hold get through, and
//! of those no more than a real handshake with all its retransmissions has.

use super::Refusal;

/// The length of a record's header, in bytes (RFC 6347 §4.1).
const RECORD_HEADER: usize = 13;
/// The length of the header of a handshake fragment, in bytes (RFC 6347 §4.2.2).
const FRAGMENT_HEADER: usize = 12;
/// DTLS 1.0 and 1.2; also DTLS 1.3 says 1.2 here.
const VERSIONS: [[u8; 2]; 2] = [[0xfe, 0xff], [0xfe, 0xfd]];

/// The most messages of one side's handshake; a full one has ten.
const MAX_MESSAGES: usize = 32;
/// The longest message, in bytes. The longest there is holds the certificates: 3 kB with RSA, some more with a chain.
const MAX_MESSAGE: usize = 32 * 1024;
/// The most fragments of one message, those that are sent again included: 16 fragments sent 16 times.
const MAX_FRAGMENTS: u16 = 256;
/// The most bytes of fragments in clear of a connection.
const MAX_BYTES: usize = 512 * 1024;
/// The most alerts in clear before the handshake is done.
const MAX_ALERTS: u16 = 8;
/// The most records that can come before the keys for them, and their bytes: the library queues them.
const MAX_QUEUED: u16 = 128;
const MAX_QUEUED_BYTES: usize = 128 * 1024;
/// The most encrypted handshake records, and their length in bytes. There is one, the Finished of some 50 bytes, and it
/// may have to be sent again. The library would reassemble what is inside as it does in clear.
const MAX_FINISHED: u16 = 64;
const MAX_FINISHED_LENGTH: usize = 256;
/// The most handshake records in clear after the handshake: repetitions of the peer's last flight, for which the
/// library repeats its own seven times.
const MAX_REPEATED: u16 = 48;

/// What a connection has received.
#[derive(Debug, Clone)]
pub struct DtlsFilter {
    is_done: bool,
    fragments: [u16; MAX_MESSAGES],
    bytes: usize,
    alerts: u16,
    queued: u16,
    queued_bytes: usize,
    finished: u16,
    repeated: u16,
}

impl Default for DtlsFilter {
    fn default() -> Self {
        Self {
            is_done: false,
            fragments: [0; MAX_MESSAGES],
            bytes: 0,
            alerts: 0,
            queued: 0,
            queued_bytes: 0,
            finished: 0,
            repeated: 0,
        }
    }
}

impl DtlsFilter {
    /// Notes that the handshake is done: from now on only repetitions are expected in clear.
    pub fn handshake_done(&mut self) {
        self.is_done = true;
    }

    /// Decides about a datagram of one record or several. A datagram passes as a whole or not at all.
    ///
    /// # Errors
    /// Why the datagram is refused.
    pub fn arrived(&mut self, mut datagram: &[u8]) -> Result<(), Refusal> {
        if datagram.is_empty() {
            return Err(Refusal::Malformed);
        }
        while !datagram.is_empty() {
            let (record, rest) = Record::read(datagram).ok_or(Refusal::Malformed)?;
            match record.epoch {
                0 => self.in_clear(&record)?,
                1 => self.encrypted(&record)?,
                _ => return Err(Refusal::Malformed),
            }
            datagram = rest;
        }
        Ok(())
    }

    fn in_clear(&mut self, record: &Record<'_>) -> Result<(), Refusal> {
        match record.kind {
            ContentType::Handshake => self.handshake(record.body),
            ContentType::ChangeCipherSpec if record.body != [1] => Err(Refusal::Malformed),
            // A part of the flight that is repeated.
            ContentType::ChangeCipherSpec if self.is_done => {
                count(&mut self.repeated, MAX_REPEATED)
            }
            ContentType::ChangeCipherSpec => self.queue(record),
            // The handshake is done, and whoever can forge an address could end the connection with it.
            ContentType::Alert if self.is_done => Err(Refusal::DtlsLimit),
            ContentType::Alert => {
                let is_whole = record.body.len() == 2 && matches!(record.body[0], 1 | 2);
                if !is_whole {
                    return Err(Refusal::Malformed);
                }
                count(&mut self.alerts, MAX_ALERTS)
            }
            // The library answers it with an alert that ends the handshake.
            ContentType::ApplicationData => Err(Refusal::Malformed),
        }
    }

    fn encrypted(&mut self, record: &Record<'_>) -> Result<(), Refusal> {
        if record.kind == ContentType::Handshake {
            if record.body.len() > MAX_FINISHED_LENGTH {
                return Err(Refusal::DtlsLimit);
            }
            count(&mut self.finished, MAX_FINISHED)?;
        }
        if self.is_done {
            return Ok(());
        }
        self.queue(record)
    }

    /// Counts a record that the library may have to queue.
    fn queue(&mut self, record: &Record<'_>) -> Result<(), Refusal> {
        count(&mut self.queued, MAX_QUEUED)?;
        self.queued_bytes += RECORD_HEADER + record.body.len();
        if self.queued_bytes > MAX_QUEUED_BYTES {
            return Err(Refusal::DtlsLimit);
        }
        Ok(())
    }

    fn handshake(&mut self, mut body: &[u8]) -> Result<(), Refusal> {
        if self.is_done {
            count(&mut self.repeated, MAX_REPEATED)?;
        }
        while !body.is_empty() {
            let (fragment, rest) = Fragment::read(body).ok_or(Refusal::Malformed)?;
            // The library finds the next message by the length of this one, not of this fragment.
            let is_read_alike = rest.is_empty() || fragment.is_whole_message();
            if !fragment.is_consistent() || !is_read_alike {
                return Err(Refusal::Malformed);
            }
            let fragments = self.fragments.get_mut(fragment.message);
            let fragments = fragments.ok_or(Refusal::DtlsLimit)?;
            if fragment.message_length > MAX_MESSAGE {
                return Err(Refusal::DtlsLimit);
            }
            count(fragments, MAX_FRAGMENTS)?;
            self.bytes += FRAGMENT_HEADER + fragment.length;
            if self.bytes > MAX_BYTES {
                return Err(Refusal::DtlsLimit);
            }
            body = rest;
        }
        Ok(())
    }
}

/// Counts one more, unless that would be more than `most`.
fn count(counter: &mut u16, most: u16) -> Result<(), Refusal> {
    if *counter >= most {
        return Err(Refusal::DtlsLimit);
    }
    *counter += 1;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
}

/// A record that is whole.
#[derive(Debug)]
struct Record<'a> {
    kind: ContentType,
    epoch: u16,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the first record of a datagram, and what follows it. `None`: it is cut off, empty, or of a kind or version
    /// that is not spoken here, as are the short headers of DTLS 1.3 (RFC 9147 §4).
    fn read(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = datagram.split_at_checked(RECORD_HEADER)?;
        let kind = match header[0] {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            _ => return None,
        };
        if !VERSIONS.contains(&[header[1], header[2]]) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (body, rest) = rest.split_at_checked(length)?;
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        (!body.is_empty()).then_some((Self { kind, epoch, body }, rest))
    }
}

/// What the header of a fragment says; all lengths in bytes.
#[derive(Debug)]
struct Fragment {
    message: usize,
    message_length: usize,
    offset: usize,
    length: usize,
}

impl Fragment {
    /// Reads the first fragment of a record, and what follows it. `None`: it is cut off.
    fn read(body: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = body.split_at_checked(FRAGMENT_HEADER)?;
        let number = |at: usize| {
            let bytes = [0, header[at], header[at + 1], header[at + 2]];
            u32::from_be_bytes(bytes) as usize
        };
        let fragment = Self {
            message: usize::from(u16::from_be_bytes([header[4], header[5]])),
            message_length: number(1),
            offset: number(6),
            length: number(9),
        };
        let rest = rest.get(fragment.length..)?;
        Some((fragment, rest))
    }

    fn is_whole_message(&self) -> bool {
        self.offset == 0 && self.length == self.message_length
    }

    /// Whether it lies within its message, and is empty only if the message is.
    fn is_consistent(&self) -> bool {
        self.offset + self.length <= self.message_length
            && (self.length > 0 || self.message_length == 0)
    }
}

#[cfg(test)]
mod tests;
