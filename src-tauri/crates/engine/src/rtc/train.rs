//! Datagrams of one size on their way to one address: the system takes them in one call, and cuts them apart as late as
//! it can (UDP generic segmentation offload). Pure.

use std::net::SocketAddr;

/// As many bytes go in one call at most; a datagram of IPv4 holds 65,507.
const MOST_BYTES: usize = 60_000;

/// Datagrams that have not left yet.
#[derive(Debug)]
pub(super) struct Train {
    destination: SocketAddr,
    /// The size of each but the last, in bytes.
    segment: usize,
    data: Vec<u8>,
    /// So many bytes of it have left.
    left: usize,
    count: usize,
    /// The last one is shorter: none can follow.
    ended: bool,
    /// Each goes in a call of its own.
    apart: bool,
}

impl Train {
    /// One datagram; `data` is used again for what it holds.
    pub(super) fn new(destination: SocketAddr, datagram: &[u8], mut data: Vec<u8>) -> Self {
        data.clear();
        data.extend_from_slice(datagram);
        Self {
            destination,
            segment: datagram.len(),
            data,
            left: 0,
            count: 1,
            ended: false,
            apart: false,
        }
    }

    /// Datagrams of `segment` bytes, the last one of fewer perhaps, that the system did not take together.
    pub(super) fn refused(
        destination: SocketAddr,
        segment: usize,
        datagrams: &[u8],
        data: Vec<u8>,
    ) -> Self {
        let segment = segment.max(1);
        Self {
            segment,
            count: datagrams.len().div_ceil(segment),
            apart: true,
            ..Self::new(destination, datagrams, data)
        }
    }

    /// Takes another one if it can go in the same call, which takes `most`.
    pub(super) fn takes(&mut self, destination: SocketAddr, datagram: &[u8], most: usize) -> bool {
        let fits = !self.ended
            && !self.apart
            && destination == self.destination
            && !datagram.is_empty()
            && datagram.len() <= self.segment
            && self.count < most
            && self.data.len() + datagram.len() <= MOST_BYTES;
        if fits {
            self.data.extend_from_slice(datagram);
            self.count += 1;
            self.ended = datagram.len() < self.segment;
        }
        fits
    }

    pub(super) fn destination(&self) -> SocketAddr {
        self.destination
    }

    /// What goes in the next call, and the size of each datagram in it but the last where there are several. `None`: all
    /// have left.
    pub(super) fn next(&self) -> Option<(&[u8], Option<usize>)> {
        let rest = self.data.get(self.left..).filter(|rest| !rest.is_empty())?;
        if self.apart {
            Some((&rest[..rest.len().min(self.segment)], None))
        } else {
            Some((rest, (self.count > 1).then_some(self.segment)))
        }
    }

    /// What was next has left, or is lost.
    pub(super) fn has_left(&mut self) {
        self.left += self.next().map_or(0, |(data, _)| data.len());
    }

    /// The system cannot take them together.
    pub(super) fn falls_apart(&mut self) {
        self.apart = true;
    }

    /// Its memory, to be used again.
    pub(super) fn into_data(self) -> Vec<u8> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_size_go_together_and_a_shorter_one_is_the_last() {
        let to: SocketAddr = ([127, 0, 0, 1], 1).into();
        let mut train = Train::new(to, b"abc", vec![9]);
        assert_eq!(train.next(), Some((&b"abc"[..], None)));
        assert!(!train.takes(to, b"long", 8), "it is longer");
        assert!(!train.takes(([127, 0, 0, 1], 2).into(), b"def", 8));
        assert!(!train.takes(to, b"", 8));
        assert!(train.takes(to, b"def", 8));
        assert!(train.takes(to, b"gh", 8));
        assert!(!train.takes(to, b"ij", 8), "one that was shorter ended it");
        assert_eq!(train.next(), Some((&b"abcdefgh"[..], Some(3))));
        train.falls_apart();
        for datagram in [&b"abc"[..], b"def", b"gh"] {
            assert_eq!(train.next(), Some((datagram, None)));
            train.has_left();
        }
        assert_eq!(train.next(), None);
    }

    #[test]
    fn no_more_go_together_than_the_system_takes() {
        let to: SocketAddr = ([127, 0, 0, 1], 1).into();
        let mut train = Train::new(to, &[0; 1200], Vec::new());
        assert!(train.takes(to, &[0; 1200], 2));
        assert!(!train.takes(to, &[0; 1200], 2));
        let taken = (2..).take_while(|_| train.takes(to, &[0; 1200], usize::MAX));
        assert_eq!(taken.count(), MOST_BYTES / 1200 - 2);
    }
}
