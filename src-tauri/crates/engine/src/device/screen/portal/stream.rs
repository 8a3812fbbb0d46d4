//! The pictures that PipeWire brings.

use std::{cell::RefCell, os::fd::OwnedFd, rc::Rc, time::Duration};

use pipewire::{
    context::ContextRc,
    keys,
    loop_::Timeout,
    main_loop::MainLoopRc,
    properties::properties,
    spa::{
        buffer::{
            ChunkFlags,
            meta::{MetaRegion, MetaVideoCrop},
        },
        param::{
            ParamType,
            format::{FormatProperties, MediaSubtype, MediaType},
            video::{VideoFormat, VideoInfoRaw},
        },
        pod::{Object, Pod, Property, Value, object, property, serialize::PodSerializer},
        sys::{SPA_META_VideoCrop, SPA_PARAM_META_size, SPA_PARAM_META_type},
        utils::{Direction, Fraction, Id, Rectangle, SpaTypes},
    },
    stream::{Stream as PwStream, StreamFlags, StreamListener, StreamRc, StreamState},
};

use super::{KIND, unsupported};
use crate::{
    convert,
    device::{DeviceError, clock, screen::SCREEN_COLOR},
    frame::{FramePool, VideoFrame},
};

/// The largest side of a picture that is asked for.
const MAX_SIDE: u32 = 16_384;

/// A stream of pictures.
pub(super) struct Stream {
    // In the order in which they end.
    _listener: StreamListener<()>,
    _stream: StreamRc,
    main_loop: MainLoopRc,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    format: VideoInfoRaw,
    pool: FramePool,
    newest: Option<VideoFrame>,
    /// Pictures have come.
    begun: bool,
    ended: Option<DeviceError>,
}

impl Stream {
    /// Connects to the stream of this number.
    pub(super) fn connect(remote: OwnedFd, node: u32, fps: u32) -> Result<Self, pipewire::Error> {
        pipewire::init();
        let main_loop = MainLoopRc::new(None)?;
        let core = ContextRc::new(&main_loop, None)?.connect_fd_rc(remote, None)?;
        let about = properties! {
            *keys::MEDIA_TYPE => "Video",
            *keys::MEDIA_CATEGORY => "Capture",
            *keys::MEDIA_ROLE => "Screen",
        };
        let stream = StreamRc::new(core, "ahoy-screen", about)?;
        let state = Rc::new(RefCell::new(State::default()));
        let [changes, formats, pictures] = [(); 3].map(|()| Rc::clone(&state));
        let listener = stream
            .add_local_listener::<()>()
            .state_changed(move |_, (), old, new| changes.borrow_mut().changed(&old, new))
            .param_changed(move |stream, (), id, param| {
                if id == ParamType::Format.as_raw() {
                    formats.borrow_mut().agreed(stream, param);
                }
            })
            .process(move |stream, ()| pictures.borrow_mut().take(stream))
            .register()?;
        let wanted = bytes(wanted(fps));
        let mut wanted: Vec<&Pod> = wanted
            .iter()
            .filter_map(|pod| Pod::from_bytes(pod))
            .collect();
        let how = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
        stream.connect(Direction::Input, Some(node), how, &mut wanted)?;
        Ok(Self {
            _listener: listener,
            _stream: stream,
            main_loop,
            state,
        })
    }

    /// Waits for the next picture, `within` at most.
    pub(super) fn next(&mut self, within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        self.main_loop.loop_().iterate(Timeout::Finite(within));
        let mut state = self.state.borrow_mut();
        match state.ended.take() {
            Some(error) => Err(error),
            None => Ok(state.newest.take()),
        }
    }
}

impl State {
    fn changed(&mut self, old: &StreamState, new: StreamState) {
        tracing::debug!(?old, ?new, "the stream of the screen");
        match new {
            // What was shown is gone, or never came.
            StreamState::Error(_) | StreamState::Unconnected if self.begun => {
                self.ended = Some(DeviceError::Missing(KIND));
            }
            StreamState::Error(words) => self.ended = Some(unsupported(&words)),
            StreamState::Unconnected => self.ended = Some(unsupported(&"its stream has ended")),
            _ => {}
        }
    }

    /// The form of the pictures from now on.
    fn agreed(&mut self, stream: &PwStream, param: Option<&Pod>) {
        let Some(param) = param else {
            return;
        };
        if self.format.parse(param).is_err() {
            self.ended = Some(unsupported(&"its pictures are of an unknown form"));
            return;
        }
        // Windows come with what is around them, and say which part is theirs.
        let crop = bytes(vec![Value::Object(Object {
            type_: SpaTypes::ObjectParamMeta.as_raw(),
            id: ParamType::Meta.as_raw(),
            properties: vec![
                Property::new(SPA_PARAM_META_type, Value::Id(Id(SPA_META_VideoCrop))),
                Property::new(
                    SPA_PARAM_META_size,
                    Value::Int(size_of::<MetaRegion>() as i32),
                ),
            ],
        })]);
        let mut crop: Vec<&Pod> = crop.iter().filter_map(|pod| Pod::from_bytes(pod)).collect();
        if let Err(error) = stream.update_params(&mut crop) {
            tracing::debug!(%error, "the stream of the screen");
        }
    }

    /// Takes the newest of the pictures that are there.
    fn take(&mut self, stream: &PwStream) {
        let mut newest = None;
        while let Some(buffer) = stream.dequeue_buffer() {
            // The one before goes back.
            newest = Some(buffer);
        }
        let Some(mut buffer) = newest else {
            return;
        };
        let size = self.format.size();
        let whole = (0, 0, size.width, size.height);
        let part = buffer
            .find_meta::<MetaVideoCrop>()
            .map(MetaVideoCrop::meta_region)
            .filter(|region| region.is_valid())
            .map_or(whole, |region| {
                let (at, size) = (region.position(), region.size());
                (at.x, at.y, size.width, size.height)
            });
        let Some(data) = buffer.datas_mut().first_mut() else {
            return;
        };
        let chunk = data.chunk();
        let (offset, length, stride) = (chunk.offset(), chunk.size(), chunk.stride());
        let damaged = chunk.flags().contains(ChunkFlags::CORRUPTED);
        let Some(bytes) = data.data() else {
            self.ended = Some(unsupported(&"its pictures cannot be read"));
            return;
        };
        // An empty one says that only something beside the picture has changed.
        if length == 0 || damaged {
            return;
        }
        let Some((start, stride)) = begins(offset, stride, part, (size.width, size.height)) else {
            return;
        };
        let Some(bytes) = bytes.get(start..) else {
            return;
        };
        let is_rgb = matches!(self.format.format(), VideoFormat::RGBx | VideoFormat::RGBA);
        let made = self.pool.make(part.2, part.3, |out| {
            if is_rgb {
                convert::rgba_to_i420(bytes, stride, out)
            } else {
                convert::bgra(bytes, stride, out)
            }
        });
        match made {
            Ok(buffer) => {
                self.begun = true;
                self.newest = Some(VideoFrame {
                    buffer,
                    color: SCREEN_COLOR,
                    captured: clock::now(),
                });
            }
            Err(error) => tracing::debug!(%error, "a picture of the screen is damaged"),
        }
    }
}

/// Where a part (left, upper edge, width, height) of a picture of this size begins in its bytes, and how many each row has.
/// `None`: it is not within.
fn begins(
    offset: u32,
    stride: i32,
    (x, y, width, height): (i32, i32, u32, u32),
    size: (u32, u32),
) -> Option<(usize, usize)> {
    let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
    if x.checked_add(width)? > size.0 || y.checked_add(height)? > size.1 {
        return None;
    }
    let stride = match usize::try_from(stride).ok()? {
        0 => size.0 as usize * 4,
        stride => stride,
    };
    let rows = stride.checked_mul(y as usize)?;
    Some((offset as usize + rows + x as usize * 4, stride))
}

/// What pictures are asked for: in memory that can be read, up to so many a second.
fn wanted(fps: u32) -> Vec<Value> {
    vec![Value::Object(object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(
            FormatProperties::VideoFormat,
            Choice,
            Enum,
            Id,
            VideoFormat::BGRx,
            VideoFormat::BGRx,
            VideoFormat::RGBx,
            VideoFormat::BGRA,
            VideoFormat::RGBA
        ),
        property!(
            FormatProperties::VideoSize,
            Choice,
            Range,
            Rectangle,
            Rectangle {
                width: 1920,
                height: 1080
            },
            Rectangle {
                width: 1,
                height: 1
            },
            Rectangle {
                width: MAX_SIDE,
                height: MAX_SIDE
            }
        ),
        property!(
            FormatProperties::VideoFramerate,
            Choice,
            Range,
            Fraction,
            Fraction { num: fps, denom: 1 },
            Fraction { num: 0, denom: 1 },
            Fraction {
                num: fps.max(60),
                denom: 1
            }
        ),
    ))]
}

fn bytes(values: Vec<Value>) -> Vec<Vec<u8>> {
    let serialize = |value: Value| {
        let out = std::io::Cursor::new(Vec::new());
        let done = PodSerializer::serialize(out, &value).ok()?;
        Some(done.0.into_inner())
    };
    values.into_iter().filter_map(serialize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_where_its_first_pixel_is_and_is_never_beyond_the_picture() {
        let size = (100, 50);
        assert_eq!(begins(0, 400, (0, 0, 100, 50), size), Some((0, 400)));
        assert_eq!(begins(16, 0, (0, 0, 100, 50), size), Some((16, 400)));
        assert_eq!(begins(0, 512, (3, 2, 10, 10), size), Some((1036, 512)));
        for part in [
            (-1, 0, 10, 10),
            (0, 41, 10, 10),
            (91, 0, 10, 10),
            (0, 0, u32::MAX, 1),
        ] {
            assert_eq!(begins(0, 400, part, size), None, "{part:?}");
        }
        assert_eq!(begins(0, -400, (0, 0, 100, 50), size), None, "upside down");
    }

    #[test]
    fn what_is_wanted_can_be_said() {
        assert_eq!(bytes(wanted(30)).len(), 1);
    }
}
