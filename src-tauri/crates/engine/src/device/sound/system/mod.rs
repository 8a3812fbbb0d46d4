//! What this computer plays, without what Ahoy itself plays.
//!
//! The sound server is asked for the sound of each program that plays on the default output (a record stream on its
//! monitor, directly on that program's stream), except this one; they are mixed here. The monitor as a whole, which holds
//! Ahoy's own sound too, is recorded for its pace alone.

mod mix;
mod server;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{RecvTimeoutError, sync_channel},
    },
};

use pulseaudio::protocol::{
    ChannelMap, Command, CreateRecordStreamReply, GetSinkInfo, Prop, ProtocolError,
    RecordStreamParams, SampleFormat, SampleSpec, ServerInfo, SinkInfo, SinkInputInfo,
    SubscriptionMask,
    stream::{BufferAttr, StreamFlags},
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{
    FAILED, MISSING, Shared, error_of,
    stream::{OPEN_WITHIN, Opened},
};
use crate::{
    device::{
        DeviceError, DeviceKind,
        driver::{DriverThread, Stop},
    },
    frame::{BLOCK_SAMPLES, SAMPLE_RATE},
};

use mix::Mix;
use server::{Heard, Server};

const KIND: DeviceKind = DeviceKind::SystemSound;

/// Programs whose sound is taken at once, at most.
const MOST_PROGRAMS: usize = 64;

/// Opens a stream of what other programs play, one channel at 48 kHz.
pub(super) fn open() -> Result<Opened<Consumer<f32>>, DeviceError> {
    let shared = Shared::new();
    let (into, ring) = RingBuffer::new(SAMPLE_RATE as usize / 2);
    let (say, answer) = sync_channel(1);
    let seen = Arc::clone(&shared);
    let run = move |stop: &Stop| {
        let mut capture = match Capture::open(into, Arc::clone(&seen)) {
            Ok(capture) => capture,
            Err(error) => {
                let _ = say.send(Err(error));
                return;
            }
        };
        let _ = say.send(Ok(()));
        while !stop.is_set() {
            if let Err(error) = capture.step() {
                tracing::debug!(%error, "the sound server");
                seen.fail(flag_of(&error));
                return;
            }
        }
    };
    let thread = DriverThread::spawn(KIND, "system-sound", run)?;
    match answer.recv_timeout(OPEN_WITHIN) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(error_of(flag_of(&error), KIND, &error.to_string())),
        Err(RecvTimeoutError::Timeout) => {
            return Err(DeviceError::Failed(KIND, "it does not open".into()));
        }
        Err(RecvTimeoutError::Disconnected) => {
            return Err(DeviceError::Failed(KIND, "its thread panicked".into()));
        }
    }
    Ok(Opened {
        shared,
        ring,
        rate: SAMPLE_RATE as usize,
        thread,
    })
}

fn flag_of(error: &ProtocolError) -> u8 {
    match error {
        // No server, or none any more.
        ProtocolError::Io(_) | ProtocolError::Timeout => MISSING,
        _ => FAILED,
    }
}

struct Capture {
    server: Server,
    /// The device that is listened to, and the stream that says its pace.
    output: Option<(u32, u32)>,
    /// Our stream for each program's.
    programs: BTreeMap<u32, u32>,
    changed: bool,
    mix: Mix,
    ring: Producer<f32>,
    shared: Arc<Shared>,
}

impl Capture {
    fn open(ring: Producer<f32>, shared: Arc<Shared>) -> Result<Self, ProtocolError> {
        let mut server = Server::connect("Ahoy")?;
        let mask = SubscriptionMask::SERVER | SubscriptionMask::SINK | SubscriptionMask::SINK_INPUT;
        server.tell(&Command::Subscribe(mask))?;
        let mut capture = Self {
            server,
            output: None,
            programs: BTreeMap::new(),
            changed: false,
            mix: Mix::default(),
            ring,
            shared,
        };
        capture.follow()?;
        Ok(capture)
    }

    /// Hears what the server says next, and does what follows from it.
    fn step(&mut self) -> Result<(), ProtocolError> {
        if std::mem::take(&mut self.changed) {
            self.follow()?;
        }
        match self.server.listen()? {
            Some(Heard::Changed) => self.changed = true,
            Some(Heard::Killed(channel)) => {
                self.output = self.output.filter(|(_, pace)| *pace != channel);
                self.programs.retain(|_, own| *own != channel);
                self.mix.remove(channel);
                self.changed = true;
            }
            Some(Heard::Sound(channel, samples)) => {
                if self.output.is_some_and(|(_, pace)| pace == channel) {
                    self.mix.advance(samples.len());
                    while let Some(block) = self.mix.pull() {
                        self.hand_on(&block);
                    }
                } else {
                    self.mix.push(channel, samples);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn hand_on(&mut self, block: &[f32; BLOCK_SAMPLES]) {
        let (_, lost) = self.ring.push_partial_slice(block);
        self.shared
            .gaps
            .fetch_add(lost.len() as u64, Ordering::Relaxed);
        self.shared.user.unpark();
    }

    /// Listens to the programs that play on the default output now, and to no others.
    fn follow(&mut self) -> Result<(), ProtocolError> {
        let info: ServerInfo = self.server.ask(&Command::GetServerInfo)?;
        let name = info.default_sink_name;
        let none = name.is_none();
        let sink = GetSinkInfo { index: None, name };
        let sink: Option<SinkInfo> = if none {
            None
        } else {
            there(self.server.ask(&Command::GetSinkInfo(sink)))?
        };
        let monitor = sink.and_then(|sink| Some((sink.index, sink.monitor_source_index?)));
        if self.output.map(|(sink, _)| sink) != monitor.map(|(sink, _)| sink) {
            for (_, own) in std::mem::take(&mut self.programs) {
                self.end(own)?;
            }
            if let Some((_, pace)) = self.output.take() {
                self.end(pace)?;
            }
        }
        let Some((sink, monitor)) = monitor else {
            return Ok(());
        };
        if self.output.is_none() {
            let pace = self.record(monitor, None)?;
            self.output = pace.map(|pace| (sink, pace));
        }
        let inputs: Vec<SinkInputInfo> = self.server.ask(&Command::GetSinkInputInfoList)?;
        let own = std::process::id().to_string();
        let playing: Vec<u32> = inputs
            .iter()
            .filter(|input| input.sink_index == sink && !is_of(input, &own))
            .map(|input| input.index)
            .take(MOST_PROGRAMS)
            .collect();
        let gone: Vec<u32> = self.programs.keys().copied().collect();
        for program in gone.iter().filter(|program| !playing.contains(program)) {
            if let Some(own) = self.programs.remove(program) {
                self.end(own)?;
            }
        }
        for program in playing {
            if self.programs.contains_key(&program) {
                continue;
            }
            // One that has ended meanwhile is left out.
            if let Some(own) = self.record(monitor, Some(program))? {
                self.programs.insert(program, own);
                self.mix.add(own);
            }
        }
        Ok(())
    }

    /// Records a monitor, or of it what one program plays; gives the stream's number.
    fn record(&mut self, monitor: u32, program: Option<u32>) -> Result<Option<u32>, ProtocolError> {
        let wanted = RecordStreamParams {
            sample_spec: SampleSpec {
                format: SampleFormat::Float32Le,
                channels: 1,
                sample_rate: SAMPLE_RATE,
            },
            channel_map: ChannelMap::mono(),
            source_index: Some(monitor),
            buffer_attr: BufferAttr {
                max_length: u32::MAX,
                // 10 ms at once, else the server brings two seconds.
                fragment_size: (BLOCK_SAMPLES * size_of::<f32>()) as u32,
                ..BufferAttr::default()
            },
            flags: StreamFlags {
                adjust_latency: true,
                no_move: true,
                ..StreamFlags::default()
            },
            direct_on_input_index: program,
            ..RecordStreamParams::default()
        };
        let reply = self.server.ask(&Command::CreateRecordStream(wanted));
        let reply: Option<CreateRecordStreamReply> = there(reply)?;
        Ok(reply.map(|reply| reply.channel))
    }

    /// Ends a stream of ours.
    fn end(&mut self, channel: u32) -> Result<(), ProtocolError> {
        self.mix.remove(channel);
        there(self.server.tell(&Command::DeleteRecordStream(channel)))?;
        Ok(())
    }
}

/// `None` where the server refuses: what was asked for is gone by now.
fn there<T>(reply: Result<T, ProtocolError>) -> Result<Option<T>, ProtocolError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ProtocolError::ServerError(error)) => {
            tracing::debug!(?error, "the sound server refuses");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a program's stream is of the process with this number, which the server has from the process itself.
fn is_of(input: &SinkInputInfo, process: &str) -> bool {
    let id = input.props.get(Prop::ApplicationProcessId);
    // The text ends with a zero on the wire.
    id.is_some_and(|id| id.strip_suffix(&[0]).unwrap_or(id) == process.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_process_is_known_by_its_number() {
        let of = |id: &std::ffi::CStr| {
            let mut input = SinkInputInfo::default();
            input.props.set(Prop::ApplicationProcessId, id);
            input
        };
        assert!(is_of(&of(c"123"), "123"));
        assert!(!is_of(&of(c"1234"), "123"));
        assert!(!is_of(&SinkInputInfo::default(), "123"));
    }
}
