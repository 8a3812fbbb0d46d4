//! Speaking PulseAudio's own protocol with the sound server, PipeWire's among them, one message at a time. cpal knows
//! devices, but not the programs that play on them.

use std::{
    collections::VecDeque,
    ffi::CString,
    io::{self, BufRead, BufReader, Read},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, CommandTag, Prop, Props, ProtocolError,
    PulseError, SetClientNameReply, TagStructReader,
};

use super::super::host;
use crate::device::{STALLED_AFTER, clock};

/// How long one wait for the socket takes before it is looked whether there is something else to do.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The largest message: a server with hundreds of programs has a list of some 100 KiB.
const MOST_BYTES: usize = 4 << 20;

/// Messages that are kept while a reply is waited for: many times what there is to tell.
const MOST_HEARD: usize = 16 * 1024;

/// Samples that are kept while a reply is waited for: a second of as many programs as are listened to. More are lost.
const MOST_SAMPLES: usize = 64 * 48_000;

/// A connection to the sound server.
pub(super) struct Server {
    socket: BufReader<UnixStream>,
    version: u16,
    sequence: u32,
    /// What came while a reply was waited for.
    heard: VecDeque<Heard>,
    /// How much of that is sound.
    samples: usize,
}

/// What the server says by itself.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// 48 kHz, one channel, on one of our streams.
    Sound(u32, Vec<f32>),
    /// The server has ended one of our streams.
    Killed(u32),
    /// Another program plays, or another device is the default.
    Changed,
}

impl Server {
    /// Connects to the server that the environment names.
    pub(super) fn connect(name: &str) -> Result<Self, ProtocolError> {
        let path = pulseaudio::socket_path_from_env()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        socket.set_write_timeout(Some(STALLED_AFTER))?;
        let mut server = Self {
            socket: BufReader::new(socket),
            version: protocol::MAX_VERSION,
            sequence: 0,
            heard: VecDeque::new(),
            samples: 0,
        };
        let cookie = match pulseaudio::cookie_path_from_env() {
            Some(path) => std::fs::read(path)?,
            None => {
                host::make_cookie()?;
                let path = pulseaudio::cookie_path_from_env();
                path.map(std::fs::read).transpose()?.unwrap_or_default()
            }
        };
        let auth = Command::Auth(AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie,
        });
        let auth: AuthReply = server.ask(&auth)?;
        server.version = server.version.min(auth.version);
        let mut props = Props::new();
        props.set(
            Prop::ApplicationName,
            CString::new(name).unwrap_or_default(),
        );
        let _: SetClientNameReply = server.ask(&Command::SetClientName(props))?;
        Ok(server)
    }

    /// Asks for something and waits for the reply.
    pub(super) fn ask<T: CommandReply>(&mut self, command: &Command) -> Result<T, ProtocolError> {
        let reply = self.tell(command)?;
        let mut reply = reply.as_slice();
        T::read(
            &mut TagStructReader::new(&mut reply, self.version),
            self.version,
        )
    }

    /// Asks for something to be done, and waits until it is; gives what the reply holds.
    pub(super) fn tell(&mut self, command: &Command) -> Result<Vec<u8>, ProtocolError> {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let socket = self.socket.get_mut();
        protocol::write_command_message(socket, sequence, command, self.version)?;
        let deadline = clock::now() + STALLED_AFTER;
        loop {
            // It may say ever so much else.
            if clock::now() > deadline {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            let Some((channel, message)) = self.message()? else {
                continue;
            };
            match self.reply(channel, &message, sequence)? {
                Some(reply) => return Ok(reply),
                None => {
                    if let Some(heard) = heard(channel, &message, self.version)? {
                        self.keep(heard)?;
                    }
                }
            }
        }
    }

    /// Keeps what was said while something else was waited for.
    fn keep(&mut self, heard: Heard) -> Result<(), ProtocolError> {
        let samples = self.samples + heard.samples();
        if samples > MOST_SAMPLES && heard.samples() > 0 {
            return Ok(());
        }
        if self.heard.len() >= MOST_HEARD {
            let much = format!("{MOST_HEARD} messages and no reply");
            return Err(ProtocolError::Invalid(much));
        }
        self.samples = samples;
        self.heard.push_back(heard);
        Ok(())
    }

    /// The reply to the question of this number, if that is what the message is.
    fn reply(
        &self,
        channel: u32,
        message: &[u8],
        sequence: u32,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        if channel != u32::MAX {
            return Ok(None);
        }
        let mut rest = message;
        let mut reader = TagStructReader::new(&mut rest, self.version);
        let (tag, number): (CommandTag, u32) = (reader.read_enum()?, reader.read_u32()?);
        match tag {
            CommandTag::Reply if number == sequence => Ok(Some(rest.to_vec())),
            CommandTag::Error if number == sequence => {
                let error: PulseError = reader.read_enum()?;
                Err(ProtocolError::ServerError(error))
            }
            _ => Ok(None),
        }
    }

    /// What the server says next; `None`: nothing for a while.
    pub(super) fn listen(&mut self) -> Result<Option<Heard>, ProtocolError> {
        if let Some(heard) = self.heard.pop_front() {
            self.samples -= heard.samples();
            return Ok(Some(heard));
        }
        match self.message()? {
            Some((channel, message)) => heard(channel, &message, self.version),
            None => Ok(None),
        }
    }

    /// The next message and its channel; `None`: none has begun for a while.
    fn message(&mut self) -> Result<Option<(u32, Vec<u8>)>, ProtocolError> {
        match self.socket.fill_buf() {
            Ok([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) => {}
            Err(error) if is_late(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let deadline = clock::now() + STALLED_AFTER;
        let mut head = [0; protocol::DESCRIPTOR_SIZE];
        self.read(&mut head, deadline)?;
        let head = protocol::read_descriptor(&mut head.as_slice())?;
        let length = head.length as usize;
        if length > MOST_BYTES {
            return Err(ProtocolError::Invalid(format!(
                "a message of {length} bytes"
            )));
        }
        let mut message = vec![0; length];
        self.read(&mut message, deadline)?;
        Ok(Some((head.channel, message)))
    }

    /// Reads all of `bytes`, whose sender is in the middle of it.
    fn read(&mut self, mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.socket.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => bytes = &mut bytes[read..],
                Err(error) if is_late(&error) && clock::now() < deadline => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Heard {
    fn samples(&self) -> usize {
        match self {
            Self::Sound(_, samples) => samples.len(),
            Self::Killed(_) | Self::Changed => 0,
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// What a message means that is no reply; `None`: nothing to us.
fn heard(channel: u32, message: &[u8], version: u16) -> Result<Option<Heard>, ProtocolError> {
    if channel != u32::MAX {
        let samples = message.chunks_exact(4);
        let samples = samples.map(|s| f32::from_le_bytes([s[0], s[1], s[2], s[3]]));
        // What is no number is no sound.
        let samples = samples.map(|sample| if sample.is_finite() { sample } else { 0.0 });
        return Ok(Some(Heard::Sound(channel, samples.collect())));
    }
    let mut message = message;
    Ok(match Command::read_tag_prefixed(&mut message, version) {
        Ok((_, Command::SubscribeEvent(_))) => Some(Heard::Changed),
        Ok((_, Command::RecordStreamKilled(channel))) => Some(Heard::Killed(channel)),
        // Servers of later versions say things that this one does not know.
        Ok(_) | Err(ProtocolError::Unimplemented(..)) => None,
        Err(error) => return Err(error),
    })
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::Shutdown};

    use pulseaudio::protocol::{
        SubscriptionEvent, SubscriptionEventFacility, SubscriptionEventType,
    };

    use super::*;

    #[test]
    fn sound_is_read_and_what_is_no_number_is_silent() {
        let mut bytes = Vec::new();
        for sample in [0.5f32, f32::NAN, -1.0, f32::INFINITY] {
            bytes.extend(sample.to_le_bytes());
        }
        bytes.push(7);
        let found = heard(3, &bytes, 35).unwrap();
        assert_eq!(found, Some(Heard::Sound(3, vec![0.5, 0.0, -1.0, 0.0])));
    }

    /// Asks something of a server that goes on saying this and never replies; gives why that ended, and what was kept.
    fn ask(packet: Vec<u8>) -> (ProtocolError, Server) {
        let (own, mut other) = UnixStream::pair().unwrap();
        let mut server = Server {
            socket: BufReader::new(own),
            version: 35,
            sequence: 0,
            heard: VecDeque::new(),
            samples: 0,
        };
        let speaker = std::thread::spawn(move || while other.write_all(&packet).is_ok() {});
        let error = server.tell(&Command::GetServerInfo).unwrap_err();
        server.socket.get_mut().shutdown(Shutdown::Both).unwrap();
        speaker.join().unwrap();
        (error, server)
    }

    #[test]
    fn a_server_that_plays_on_and_does_not_reply_is_given_up() {
        let descriptor = protocol::Descriptor {
            length: 4800,
            channel: 3,
            offset: 0,
            flags: protocol::DescriptorFlags::empty(),
        };
        let mut packet = Vec::new();
        protocol::write_descriptor(&mut packet, &descriptor).unwrap();
        packet.extend([0; 4800]);
        let (error, server) = ask(packet);
        assert!(
            matches!(&error, ProtocolError::Io(error) if error.kind() == io::ErrorKind::TimedOut),
            "{error}"
        );
        assert_eq!(server.samples, MOST_SAMPLES);
    }

    #[test]
    fn a_server_that_tells_news_without_end_is_given_up() {
        let event = SubscriptionEvent {
            event_facility: SubscriptionEventFacility::SinkInput,
            event_type: SubscriptionEventType::Changed,
            index: Some(1),
        };
        let mut packet = Vec::new();
        protocol::write_command_message(&mut packet, 0, &Command::SubscribeEvent(event), 35)
            .unwrap();
        let (error, server) = ask(packet);
        assert!(matches!(error, ProtocolError::Invalid(_)), "{error}");
        assert_eq!(server.heard.len(), MOST_HEARD);
    }

    #[test]
    fn what_is_damaged_is_an_error_and_not_a_panic() {
        assert!(heard(u32::MAX, &[], 35).is_err());
        assert!(heard(u32::MAX, &[b'L', 0, 0], 35).is_err());
    }
}
