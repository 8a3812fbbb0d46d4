//! What the parts of this room do together.

mod bounds;

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::frame::EncodedFrame;

#[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
fn start() -> Instant {
    Instant::now()
}

const MS: Duration = Duration::from_millis(1);

/// A frame whose bytes tell its number apart from all others, with a header as its codec has it.
fn frame(
    codec: VideoCodec,
    number: u32,
    key_frame: bool,
    length: usize,
    start: Instant,
) -> EncodedFrame {
    let mut data: Vec<u8> = match (codec, key_frame) {
        (VideoCodec::Vp8, true) => vec![0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01],
        (VideoCodec::Vp8, false) => vec![0x11],
        (VideoCodec::Vp9, true) => vec![0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x70],
        (VideoCodec::Vp9, false) => vec![0x86],
    };
    let mut seed = number;
    data.extend((0..length).map(|_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    }));
    EncodedFrame {
        data: Bytes::from(data),
        codec,
        key_frame,
        width: 640,
        height: 360,
        captured: start,
        rtp_time: number.wrapping_mul(3000),
        layer: None,
    }
}

/// The packets of frames as a connection would bring them.
struct Sender {
    packetizer: Packetizer,
    sequence_number: u16,
}

impl Sender {
    fn new(sequence_number: u16, picture_id: u16) -> Self {
        Self {
            packetizer: Packetizer::new(picture_id),
            sequence_number,
        }
    }

    fn packet(
        &mut self,
        codec: VideoCodec,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
        arrived: Instant,
    ) -> RtpPacket {
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.wrapping_add(1);
        RtpPacket {
            codec: Some(codec),
            sequence_number,
            timestamp,
            marker,
            payload,
            arrived,
        }
    }

    fn send(&mut self, frame: &EncodedFrame, arrived: Instant) -> Vec<RtpPacket> {
        self.packetizer
            .packetize(frame)
            .into_iter()
            .map(|payload| {
                self.packet(
                    frame.codec,
                    frame.rtp_time,
                    payload.marker,
                    payload.data,
                    arrived,
                )
            })
            .collect()
    }
}

/// Frames and wishes that come out at `now`.
fn drain(receiver: &mut FrameReceiver, now: Instant) -> (Vec<EncodedFrame>, usize) {
    let (mut frames, mut wishes) = (Vec::new(), 0);
    while let Some(received) = receiver.poll(now) {
        match received {
            Received::Frame(frame) => frames.push(frame),
            Received::NeedKeyFrame => wishes += 1,
        }
    }
    (frames, wishes)
}

fn numbers(frames: &[EncodedFrame]) -> Vec<u32> {
    frames.iter().map(|frame| frame.rtp_time / 3000).collect()
}

const BOTH: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::Vp9];

#[test]
fn payloads_are_of_one_size_but_for_the_last_and_small_enough() {
    for codec in BOTH {
        for length in [1, 500, 1130, 1131, 1150, 5000, 60_000] {
            let frame = frame(codec, 1, true, length, start());
            let payloads = Packetizer::new(0).packetize(&frame);
            let sizes: Vec<_> = payloads.iter().map(|payload| payload.data.len()).collect();
            assert!(sizes.iter().all(|size| *size <= MAX_PAYLOAD), "{sizes:?}");
            // The first of a key frame says its size in front.
            let (last, before) = sizes.split_last().unwrap();
            let inner = before.get(1..).unwrap_or_default();
            assert!(inner.iter().all(|size| *size == inner[0]), "{sizes:?}");
            assert!(inner.iter().all(|size| size >= last), "{sizes:?}");
            // None is a crumb.
            assert!(before.iter().all(|size| size - last <= 64), "{sizes:?}");
            let all: usize = sizes.iter().sum();
            let length = frame.data.len();
            assert!(all >= length && all <= length + 12 * sizes.len());
            assert!(payloads.iter().rev().skip(1).all(|payload| !payload.marker));
            assert!(payloads.last().unwrap().marker);
        }
        let mut empty = frame(codec, 1, true, 0, start());
        empty.data = Bytes::new();
        assert!(Packetizer::new(0).packetize(&empty).is_empty());
    }
}

#[test]
fn the_descriptors_on_the_wire_are_those_of_the_rfcs() {
    let start = start();
    let mut packetizer = Packetizer::new(0xffff);
    let first = |payloads: Vec<Payload>| payloads[0].data[..5].to_vec();
    let vp8 = packetizer.packetize(&frame(VideoCodec::Vp8, 1, true, 2000, start));
    assert_eq!(vp8.len(), 2);
    assert_eq!(vp8[1].data[..4], [0x80, 0x80, 0xff, 0xff]);
    assert_eq!(first(vp8), [0x90, 0x80, 0xff, 0xff, 0x10]);
    let vp9 = packetizer.packetize(&frame(VideoCodec::Vp9, 2, true, 2000, start));
    // I, B, V; id 0; one layer of 640x360.
    assert_eq!(
        vp9[0].data[..8],
        [0x8a, 0x80, 0x00, 0x10, 0x02, 0x80, 0x01, 0x68]
    );
    assert_eq!(vp9[1].data[..3], [0x84, 0x80, 0x00]);
    let vp9 = packetizer.packetize(&frame(VideoCodec::Vp9, 3, false, 10, start));
    assert_eq!(first(vp9)[..4], [0xcc, 0x80, 0x01, 0x86]);
}

#[test]
fn all_frames_come_out_as_they_went_in() {
    let start = start();
    for codec in BOTH {
        let (mut sender, mut receiver) = (Sender::new(65_530, 0x7ffe), FrameReceiver::new());
        for number in 0..50 {
            let sent = frame(codec, number, number == 0, 3000, start);
            for packet in sender.send(&sent, start) {
                receiver.push(packet);
            }
            let (frames, wishes) = drain(&mut receiver, start);
            assert_eq!((frames.len(), wishes), (1, 0));
            assert_eq!(frames[0].data, sent.data);
            assert_eq!(frames[0].rtp_time, sent.rtp_time);
            assert_eq!(frames[0].key_frame, number == 0);
            let size = if number == 0 { (640, 360) } else { (0, 0) };
            assert_eq!((frames[0].width, frames[0].height), size);
        }
        assert_eq!(receiver.counts().received, 150);
        assert_eq!(receiver.next_timeout(), None);
    }
}

#[test]
fn a_lost_packet_that_comes_again_in_time_costs_nothing() {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(0, 0), FrameReceiver::new());
    let packets: Vec<_> = (0..4)
        .flat_map(|number| {
            sender.send(
                &frame(VideoCodec::Vp9, number, number == 0, 3000, start),
                start,
            )
        })
        .collect();
    for packet in packets.iter().filter(|packet| packet.sequence_number != 4) {
        receiver.push(packet.clone());
    }
    assert_eq!(numbers(&drain(&mut receiver, start).0), [0]);
    let due = receiver.next_timeout().unwrap();
    assert!(due > start + 100 * MS);
    receiver.push(packets[4].clone());
    receiver.push(packets[4].clone());
    receiver.push(packets[2].clone());
    let (frames, wishes) = drain(&mut receiver, start + 90 * MS);
    assert_eq!((numbers(&frames), wishes), (vec![1, 2, 3], 0));
    assert_eq!(
        receiver.counts(),
        ReorderCounts {
            received: 12,
            duplicate: 2,
            late: 0,
            lost: 0
        }
    );
}

#[test]
fn a_lost_frame_is_asked_for_once_and_a_key_frame_goes_on() {
    let start = start();
    for codec in BOTH {
        let (mut sender, mut receiver) = (Sender::new(0, 0), FrameReceiver::new());
        receiver.set_patience(100 * MS);
        let mut send = |receiver: &mut FrameReceiver, number: u32, key: bool, lose: bool| {
            let now = start + 33 * MS * number;
            for (n, packet) in sender
                .send(&frame(codec, number, key, 3000, start), now)
                .into_iter()
                .enumerate()
            {
                if !(lose && n == 1) {
                    receiver.push(packet);
                }
            }
            drain(receiver, now)
        };
        send(&mut receiver, 0, true, false);
        let mut wishes = send(&mut receiver, 1, false, true).1;
        for number in 2..8 {
            let (frames, more) = send(&mut receiver, number, false, false);
            assert!(frames.is_empty());
            wishes += more;
        }
        assert_eq!(wishes, 1, "{codec:?}");
        assert!(receiver.waits_for_key_frame());
        let (frames, wishes) = send(&mut receiver, 8, true, false);
        assert_eq!((numbers(&frames), wishes), (vec![8], 0));
        assert_eq!(numbers(&send(&mut receiver, 9, false, false).0), [9]);
        assert!(!receiver.waits_for_key_frame());
    }
}

#[test]
fn a_whole_key_frame_ends_the_waiting_for_what_is_before_it() {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(0, 0), FrameReceiver::new());
    let mut packets = Vec::new();
    for (number, key) in [(0, true), (1, false), (2, true)] {
        packets.extend(sender.send(&frame(VideoCodec::Vp8, number, key, 3000, start), start));
    }
    packets.remove(4);
    for packet in packets {
        receiver.push(packet);
    }
    assert_eq!(numbers(&drain(&mut receiver, start).0), [0]);
    let due = receiver.next_timeout().unwrap();
    assert!(due <= start + 30 * MS);
    let (frames, wishes) = drain(&mut receiver, due);
    assert_eq!((numbers(&frames), wishes), (vec![2], 0));
}

#[test]
fn lost_padding_is_no_loss() {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(0, 0), FrameReceiver::new());
    let mut send = |receiver: &mut FrameReceiver, number| {
        for packet in sender.send(
            &frame(VideoCodec::Vp8, number, number == 0, 100, start),
            start,
        ) {
            receiver.push(packet);
        }
        let padding = sender.packet(VideoCodec::Vp8, number * 3000, false, Bytes::new(), start);
        if number % 2 == 0 {
            receiver.push(padding);
        }
        drain(receiver, start + number * 1000 * MS)
    };
    for number in 0..6 {
        let (frames, wishes) = send(&mut receiver, number);
        assert_eq!((numbers(&frames), wishes), (vec![number], 0));
    }
}

#[test]
fn a_stream_that_begins_in_the_middle_asks_for_a_key_frame() {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(9, 9), FrameReceiver::new());
    for packet in sender.send(&frame(VideoCodec::Vp9, 5, false, 3000, start), start) {
        receiver.push(packet);
    }
    assert_eq!(drain(&mut receiver, start).1, 0);
    let due = receiver.next_timeout().unwrap();
    assert_eq!(drain(&mut receiver, due).1, 1);
    // The packets of the key frame may come in any order.
    let mut packets = sender.send(&frame(VideoCodec::Vp9, 6, true, 3000, start), start);
    packets.reverse();
    for packet in packets {
        receiver.push(packet);
    }
    assert_eq!(numbers(&drain(&mut receiver, start).0), [6]);
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(100, 0), FrameReceiver::new());
    for number in 0..3 {
        for packet in sender.send(
            &frame(VideoCodec::Vp8, number, number == 0, 100, start),
            start,
        ) {
            receiver.push(packet);
        }
    }
    // One number out of nowhere changes nothing.
    let mut stray = Sender::new(40_000, 0);
    receiver.push(
        stray
            .send(&frame(VideoCodec::Vp8, 90, true, 100, start), start)
            .remove(0),
    );
    assert_eq!(numbers(&drain(&mut receiver, start).0), [0, 1, 2]);
    let mut again = Sender::new(30_000, 77);
    for number in 10..13 {
        for packet in again.send(
            &frame(VideoCodec::Vp8, number, number == 10, 100, start),
            start,
        ) {
            receiver.push(packet);
        }
    }
    assert_eq!(numbers(&drain(&mut receiver, start).0), [10, 11, 12]);
}

/// Sends 20 pictures in layers 0 2 1 2, the first 2 and the 1 of each group referring to the base alone, without
/// the numbers 6 and 12; `describe` writes the descriptor of each.
fn send_layers(
    codec: VideoCodec,
    describe: impl Fn(u32, PictureId, TemporalLayer) -> Vec<u8>,
) -> Vec<u32> {
    let start = start();
    let (mut sender, mut receiver) = (Sender::new(0, 0), FrameReceiver::new());
    receiver.set_patience(40 * MS);
    let mut shown = Vec::new();
    for number in 0..20 {
        let (id, sync) = [(0, false), (2, true), (1, true), (2, false)][number as usize % 4];
        let base_index = Some((number / 4) as u8);
        let layer = TemporalLayer {
            id,
            sync,
            base_index,
        };
        let encoded = frame(codec, number, number == 0, 50, start);
        let mut payload = describe(number, PictureId::long(number as u16), layer);
        payload.extend_from_slice(&encoded.data);
        let now = start + 100 * MS * number;
        let packet = sender.packet(codec, encoded.rtp_time, true, payload.into(), now);
        if number != 6 && number != 12 {
            receiver.push(packet);
        }
        let (frames, wishes) = drain(&mut receiver, now + 50 * MS);
        // Only the base cannot be done without. Its loss is noticed as soon as something refers to it.
        assert!(wishes == 0 || number > 12, "at {number}");
        shown.extend(numbers(&frames));
    }
    assert!(receiver.waits_for_key_frame());
    shown
}

#[test]
fn lost_upper_layers_of_vp8_do_not_stop_the_base() {
    let shown = send_layers(VideoCodec::Vp8, |_, id, layer| {
        let mut payload = Vec::new();
        Vp8Descriptor {
            start: true,
            picture_id: Some(id),
            layer: Some(layer),
            ..Vp8Descriptor::default()
        }
        .write(&mut payload);
        payload
    });
    // 7 may refer to 6; 11 to 6 as well, as far as VP8 tells.
    assert_eq!(shown, [0, 1, 2, 3, 4, 5, 8, 9, 10]);
}

#[test]
fn lost_upper_layers_of_vp9_do_not_stop_the_base() {
    let group = [
        (0, false, vec![4]),
        (2, true, vec![1]),
        (1, true, vec![2]),
        (2, false, vec![1, 2]),
    ];
    for flexible in [false, true] {
        let shown = send_layers(VideoCodec::Vp9, |number, id, mut temporal| {
            let mut payload = Vec::new();
            if flexible {
                temporal.base_index = None;
            }
            Vp9Descriptor {
                picture_id: Some(id),
                predicted: number > 0,
                flexible,
                start: true,
                end: true,
                layer: Some(LayerFrame {
                    temporal,
                    spatial: 0,
                    on_lower: false,
                }),
                references: group[number as usize % 4].2.clone(),
                structure: (number == 0 && !flexible).then(|| ScalabilityStructure {
                    sizes: vec![(640, 360)],
                    group: group.to_vec(),
                }),
                ..Vp9Descriptor::default()
            }
            .write(&mut payload);
            payload
        });
        assert_eq!(
            shown,
            [0, 1, 2, 3, 4, 5, 8, 9, 10, 11],
            "flexible: {flexible}"
        );
    }
}

fn any_vp8() -> impl Strategy<Value = Vp8Descriptor> {
    let layer = (0u8..4, any::<bool>(), any::<Option<u8>>()).prop_map(|(id, sync, base_index)| {
        TemporalLayer {
            id,
            sync,
            base_index,
        }
    });
    (
        any::<(bool, bool)>(),
        0u8..8,
        any_id(),
        prop::option::of(layer),
        prop::option::of(0u8..32),
    )
        .prop_map(
            |((non_reference, start), partition, picture_id, layer, key_index)| Vp8Descriptor {
                non_reference,
                start,
                partition,
                picture_id,
                layer,
                key_index,
            },
        )
}

fn any_id() -> impl Strategy<Value = Option<PictureId>> {
    prop::option::of(prop_oneof![
        any::<u16>().prop_map(PictureId::long),
        any::<u8>().prop_map(PictureId::short),
    ])
}

fn any_vp9() -> impl Strategy<Value = Vp9Descriptor> {
    let layer = (0u8..8, any::<bool>(), any::<u8>(), 0u8..8, any::<bool>());
    let group = prop::collection::vec(
        (
            0u8..8,
            any::<bool>(),
            prop::collection::vec(any::<u8>(), 0..4),
        ),
        0..9,
    );
    let structure = (prop::collection::vec((1u16.., 1u16..), 1..9), group)
        .prop_map(|(sizes, group)| ScalabilityStructure { sizes, group });
    (
        any_id(),
        any::<(bool, bool, bool, bool, bool)>(),
        prop::option::of(layer),
        prop::collection::vec(0u8..128, 1..4),
        prop::option::of(structure),
    )
        .prop_map(
            |(
                picture_id,
                (predicted, flexible, start, end, not_for_upper),
                layer,
                references,
                structure,
            )| {
                Vp9Descriptor {
                    picture_id,
                    predicted,
                    flexible,
                    start,
                    end,
                    not_for_upper,
                    layer: layer.map(|(id, sync, index, spatial, on_lower)| LayerFrame {
                        temporal: TemporalLayer {
                            id,
                            sync,
                            base_index: (!flexible).then_some(index),
                        },
                        spatial,
                        on_lower,
                    }),
                    references: if predicted && flexible {
                        references
                    } else {
                        Vec::new()
                    },
                    structure,
                }
            },
        )
}

proptest! {
    #[test]
    fn descriptors_come_back_as_they_were(vp8 in any_vp8(), vp9 in any_vp9()) {
        let mut payload = Vec::new();
        vp8.write(&mut payload);
        let length = payload.len();
        prop_assert_eq!(Vp8Descriptor::parse(&payload), Err(PacketError::Short));
        payload.push(7);
        prop_assert_eq!(Vp8Descriptor::parse(&payload), Ok((vp8, length)));

        let mut payload = Vec::new();
        vp9.write(&mut payload);
        let length = payload.len();
        prop_assert_eq!(Vp9Descriptor::parse(&payload), Err(PacketError::Short));
        payload.push(7);
        prop_assert_eq!(Vp9Descriptor::parse(&payload), Ok((vp9, length)));
    }

    #[test]
    fn hostile_packets_never_panic(packets in prop::collection::vec(
        (any::<bool>(), any::<u16>(), 0u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..24)), 0..200,
    )) {
        let start = start();
        let mut receiver = FrameReceiver::new();
        for (n, (vp9, jump, timestamp, marker, payload)) in packets.into_iter().enumerate() {
            receiver.push(RtpPacket {
                codec: Some(if vp9 { VideoCodec::Vp9 } else { VideoCodec::Vp8 }),
                // Mostly near each other, now and then anywhere.
                sequence_number: if jump % 16 == 0 { jump } else { jump % 64 },
                timestamp,
                marker,
                payload: payload.into(),
                arrived: start + MS * n as u32,
            });
            drain(&mut receiver, start + 10 * MS * n as u32);
        }
    }

    /// Whatever the network does, what comes out is what went in, in order and each once, and every delta
    /// frame follows right upon the frame before it.
    #[test]
    fn a_bad_network_never_breaks_a_frame(
        codec in prop::sample::select(&BOTH[..]),
        first in any::<(u16, u16)>(),
        lengths in prop::collection::vec((0usize..6000, 0u8..12), 1..60),
        fates in prop::collection::vec((0u8..100, 0u32..120, 0u8..10), 400),
        loss in 0u8..40,
    ) {
        let start = start();
        let mut sender = Sender::new(first.0, first.1);
        let (mut sent, mut network) = (Vec::new(), Vec::new());
        let mut fates = fates.into_iter().cycle();
        for (number, (length, key)) in lengths.into_iter().enumerate() {
            let encoded = frame(codec, number as u32, number == 0 || key == 0, length, start);
            for packet in sender.send(&encoded, start) {
                let Some((luck, delay, twice)) = fates.next() else { break };
                let at = start + 33 * MS * number as u32 + delay * MS;
                if luck >= loss {
                    network.push((at, packet.clone()));
                }
                if twice == 0 {
                    network.push((at + 60 * MS, packet));
                }
            }
            sent.push(encoded);
        }
        network.sort_by_key(|(at, _)| *at);
        let mut receiver = FrameReceiver::new();
        let mut came = Vec::new();
        for (at, mut packet) in network {
            packet.arrived = at;
            receiver.push(packet);
            came.extend(drain(&mut receiver, at).0);
        }
        while let Some(due) = receiver.next_timeout() {
            came.extend(drain(&mut receiver, due).0);
        }
        let mut last = None;
        for frame in &came {
            let number = frame.rtp_time / 3000;
            prop_assert_eq!(&frame.data, &sent[number as usize].data);
            prop_assert!(last.is_none_or(|last| number > last));
            prop_assert!(frame.key_frame || last == Some(number - 1));
            last = Some(number);
        }
        if loss == 0 {
            // What overtakes is waited for, except in front of a key frame.
            let keys = sent.iter().skip(1).any(|frame| frame.key_frame);
            prop_assert!(keys || came.len() == sent.len(), "{} of {}", came.len(), sent.len());
        }
    }
}

/// Which of 40 pictures in layers come out where those above `top` are left out on the way.
fn through_layers(top: u8, lose: Option<u32>) -> (Vec<u32>, usize) {
    let (mut packetizer, start) = (Packetizer::new(0), start());
    let mut receiver = Assembler::new();
    let (mut shown, mut wishes, mut sequence_number) = (Vec::new(), 0, 0);
    for n in 0..40 {
        let layer = [0, 2, 1, 2][n as usize % 4];
        let mut frame = frame(VideoCodec::Vp9, n, n == 0, 3000, start);
        frame.layer = Some(layer);
        // Around the wrap of 15 bits, with a number left out where the source was faster than the encoder.
        let number = 0x7ff0_u16.wrapping_add(n as u16 + u16::from(n > 9));
        let payloads = packetizer.packetize_layered(&frame, layer, number).unwrap();
        if layer > top || lose == Some(n) {
            continue;
        }
        for payload in payloads {
            sequence_number += 1;
            let packet = RtpPacket {
                codec: Some(VideoCodec::Vp9),
                sequence_number,
                timestamp: frame.rtp_time,
                marker: payload.marker,
                payload: payload.data,
                arrived: start,
            };
            receiver.push(&packet, |out| match out {
                Assembled::Frame(frame) => shown.push(frame.rtp_time / 3000),
                Assembled::NeedKeyFrame => wishes += 1,
            });
        }
    }
    (shown, wishes)
}

#[test]
fn layers_that_are_left_out_are_not_missed() {
    assert_eq!(through_layers(2, None), ((0..40).collect(), 0));
    let (shown, wishes) = through_layers(1, None);
    assert_eq!((shown, wishes), ((0..40).step_by(2).collect(), 0));
    let (shown, wishes) = through_layers(0, None);
    assert_eq!((shown, wishes), ((0..40).step_by(4).collect(), 0));
}

#[test]
fn a_lost_picture_of_a_higher_layer_costs_no_key_frame() {
    // Of the highest: only itself. Of the middle one: what follows on it too.
    let without = |lost: &[u32]| (0..40).filter(|n| !lost.contains(n)).collect::<Vec<_>>();
    assert_eq!(through_layers(2, Some(5)), (without(&[5]), 0));
    assert_eq!(through_layers(2, Some(6)), (without(&[6, 7]), 0));
    let (shown, wishes) = through_layers(2, Some(8));
    assert_eq!(
        (shown, wishes),
        ((0..8).collect(), 1),
        "of the lowest it does"
    );
}

#[test]
fn what_refers_too_far_back_to_be_said_is_not_sent() {
    let (mut packetizer, start) = (Packetizer::new(0), start());
    let mut send = |n: u32, number: u16| {
        let mut frame = frame(VideoCodec::Vp9, n, n == 0, 100, start);
        frame.layer = Some(0);
        packetizer.packetize_layered(&frame, 0, number).is_some()
    };
    assert!(send(0, 5));
    assert!(send(1, 132));
    assert!(!send(2, 260));
    assert!(send(0, 261) && send(3, 262), "a key frame mends it");
}
