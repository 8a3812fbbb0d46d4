use proptest::prelude::*;

use super::*;

fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend([0; 6]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A fragment of the message `message` that says this of itself.
fn fragment(message: u16, message_length: u32, offset: u32, length: u32, data: &[u8]) -> Vec<u8> {
    let mut fragment = vec![11];
    fragment.extend(&message_length.to_be_bytes()[1..]);
    fragment.extend(message.to_be_bytes());
    fragment.extend(&offset.to_be_bytes()[1..]);
    fragment.extend(&length.to_be_bytes()[1..]);
    fragment.extend(data);
    fragment
}

fn handshake(message: u16, message_length: u32, offset: u32, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u32;
    record(
        22,
        0,
        &fragment(message, message_length, offset, length, data),
    )
}

#[test]
fn a_chain_of_certificates_in_small_fragments_passes_each_time_that_it_is_sent() {
    let chain = vec![7; 6_000];
    let mut filter = DtlsFilter::default();
    for _ in 0..12 {
        for (n, part) in chain.chunks(400).enumerate() {
            let datagram = handshake(2, 6_000, n as u32 * 400, part);
            assert_eq!(filter.arrived(&datagram), Ok(()));
        }
    }
}

#[test]
fn a_flight_in_one_datagram_passes_also_when_it_is_repeated_after_the_handshake() {
    let mut filter = DtlsFilter::default();
    let flight = [
        handshake(1, 300, 0, &[1; 300]),
        // Two messages in one record.
        record(
            22,
            0,
            &[
                fragment(2, 70, 0, 70, &[1; 70]),
                fragment(3, 0, 0, 0, &[]),
                fragment(4, 900, 0, 200, &[1; 200]),
            ]
            .concat(),
        ),
        record(20, 0, &[1]),
        record(22, 1, &[5; 48]),
    ]
    .concat();
    assert_eq!(filter.arrived(&flight), Ok(()));
    filter.handshake_done();
    let passed = (0..1_000).filter(|_| filter.arrived(&flight).is_ok());
    assert_eq!(passed.count(), usize::from(MAX_REPEATED) / 3);
    // Nothing stops what is encrypted.
    for _ in 0..10_000 {
        assert_eq!(filter.arrived(&record(23, 1, &[1; 1_200])), Ok(()));
    }
}

#[test]
fn fragments_that_do_not_hold_what_they_say_are_refused() {
    // What aborted the process: no bytes, and each points at the next.
    let pointing = record(22, 0, &fragment(0, 0, 1, 1, &[0]));
    // As the same with a long message, whose fragments are cut off by the record.
    let cut = record(22, 0, &fragment(0, 3_000, 0, 1, &[]));
    let beyond = record(22, 0, &fragment(0, 10, 8, 3, &[1; 3]));
    let empty = record(22, 0, &fragment(0, 10, 5, 0, &[]));
    // The library would take the second one for a part of the first.
    let hidden = [fragment(0, 40, 0, 1, &[1]), fragment(0, 0, 0, 0, &[])].concat();
    for datagram in [pointing, cut, beyond, empty, record(22, 0, &hidden)] {
        let arrived = DtlsFilter::default().arrived(&datagram);
        assert_eq!(arrived, Err(Refusal::Malformed), "{datagram:?}");
    }
}

#[test]
fn a_flood_of_fragments_ends() {
    let flood = |datagrams: &mut dyn Iterator<Item = Vec<u8>>| {
        let mut filter = DtlsFilter::default();
        datagrams
            .filter(|datagram| filter.arrived(datagram).is_ok())
            .count()
    };
    let of_one = flood(&mut (0..30_000).map(|n| handshake(3, 32_000, n, &[1])));
    assert_eq!(of_one, usize::from(MAX_FRAGMENTS));
    let of_many = flood(&mut (0..30_000u32).map(|n| handshake(n as u16, 1, 0, &[1])));
    assert_eq!(of_many, MAX_MESSAGES);
    let bytes =
        flood(&mut (0..30_000u32).map(|n| handshake(n as u16 % 32, 32_000, 0, &[1; 1_200])));
    assert!(bytes * 1_212 <= MAX_BYTES);
    let long = flood(&mut std::iter::once(handshake(0, 1 << 23, 0, &[1])));
    assert_eq!(long, 0);
    let finished = flood(&mut (0..1_000).map(|_| record(22, 1, &[1; 60])));
    assert_eq!(finished, usize::from(MAX_FINISHED));
    assert_eq!(flood(&mut std::iter::once(record(22, 1, &[1; 300]))), 0);
    let early = flood(&mut (0..1_000).map(|_| record(23, 1, &[1; 60])));
    assert_eq!(early, usize::from(MAX_QUEUED));
    let early = flood(&mut (0..100).map(|_| record(23, 1, &[1; 10_000])));
    assert!(early * 10_000 <= MAX_QUEUED_BYTES);
    let alerts = flood(&mut (0..1_000).map(|_| record(21, 0, &[1, 0])));
    assert_eq!(alerts, usize::from(MAX_ALERTS));
}

#[test]
fn nothing_in_clear_ends_a_connection_that_stands() {
    let mut filter = DtlsFilter::default();
    assert_eq!(filter.arrived(&record(21, 0, &[2, 40])), Ok(()));
    filter.handshake_done();
    for body in [[1, 0], [2, 40]] {
        let arrived = filter.arrived(&record(21, 0, &body));
        assert_eq!(arrived, Err(Refusal::DtlsLimit));
    }
    let data = filter.arrived(&record(23, 0, &[1]));
    assert_eq!(data, Err(Refusal::Malformed));
}

#[test]
fn what_is_cut_off_or_not_spoken_here_is_refused() {
    let whole = handshake(0, 3, 0, &[1; 3]);
    for length in 0..whole.len() {
        let arrived = DtlsFilter::default().arrived(&whole[..length]);
        assert_eq!(arrived, Err(Refusal::Malformed), "{length}");
    }
    let followed = [&whole[..], &[22]].concat();
    let mut version = whole.clone();
    version[2] = 0xfc;
    for datagram in [
        followed,
        version,
        record(22, 0, &[]),
        record(20, 0, &[2]),
        record(21, 0, &[3, 0]),
        record(24, 1, &[1; 20]),
        record(23, 2, &[1; 20]),
        // The short header of DTLS 1.3.
        vec![0x2f; 40],
    ] {
        let arrived = DtlsFilter::default().arrived(&datagram);
        assert_eq!(arrived, Err(Refusal::Malformed), "{datagram:?}");
    }
}

/// A datagram that may get far: records of fragments with small numbers.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let body = (
        0..40u16,
        0..50u32,
        0..50u32,
        0..50u32,
        prop::collection::vec(any::<u8>(), 0..60),
    )
        .prop_map(|(message, long, offset, length, data)| {
            fragment(message, long, offset, length, &data)
        });
    let one = (18..26u8, 0..3u16, body).prop_map(|(kind, epoch, body)| record(kind, epoch, &body));
    prop::collection::vec(one, 0..4).prop_map(|records| records.concat())
}

proptest! {
    #[test]
    fn no_datagrams_make_it_panic(
        datagrams in prop::collection::vec(prop_oneof![likely(), prop::collection::vec(any::<u8>(), 0..80)], 0..100),
        done in 0..100usize,
    ) {
        let mut filter = DtlsFilter::default();
        for (n, datagram) in datagrams.iter().enumerate() {
            let _ = filter.arrived(datagram);
            if n == done {
                filter.handshake_done();
            }
        }
        prop_assert!(filter.fragments.iter().all(|count| *count <= MAX_FRAGMENTS));
    }
}
