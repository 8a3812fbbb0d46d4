//! The calls that were, with what leads back to them. Pure, but for the file's form.

use std::collections::VecDeque;

use ahoy_contract::{ErrorCode, Link, RoomId, Secret, ui::RecentCall, wire::RoomKind};
use ahoy_engine::call::HostKey;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::{app::Room, kept::Kept};

/// How many are kept; the oldest go.
const MAX: usize = 20;

/// The calls that were, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Recents {
    version: u32,
    /// The number of the next call.
    next: u64,
    calls: VecDeque<Recent>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    id: u64,
    /// Files of before there were broadcasts do not say it.
    #[serde(default = "call")]
    kind: RoomKind,
    name: Option<String>,
    at: u64,
    seconds: Option<u64>,
    room: KeptRoom,
}

fn call() -> RoomKind {
    RoomKind::Call
}

/// A room as the file holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum KeptRoom {
    /// The user's own.
    Own {
        /// The secret half of its key pair, base64url.
        key: String,
        /// The link's secret.
        secret: Secret,
    },
    /// Somebody's.
    Theirs {
        /// The link.
        link: String,
    },
}

impl std::fmt::Debug for KeptRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptRoom(…)")
    }
}

impl Kept for Recents {
    const FILE: &'static str = "recents.json";
    const SET_ASIDE: &'static str = "recents.broken.json";
    const VERSION: u32 = 1;
    const UNREADABLE: ErrorCode = ErrorCode::RecentsUnreadable;
    const OTHER_VERSION: ErrorCode = ErrorCode::RecentsVersion;

    fn version(&self) -> u32 {
        self.version
    }
}

impl Default for Recents {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            next: 1,
            calls: VecDeque::new(),
        }
    }
}

impl Recents {
    /// Takes note of a call or broadcast; one in the same room before it is not worth a line of its own.
    pub(crate) fn add(
        &mut self,
        room: &Room,
        kind: RoomKind,
        name: Option<String>,
        at: u64,
        seconds: Option<u64>,
    ) {
        // At a relay of strangers there is nobody to be called again.
        let Some(kept) = KeptRoom::of(room) else {
            return;
        };
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let known = room.id();
        self.calls
            .retain(|call| call.room().is_some_and(|room| room.id() != known));
        self.calls.push_front(Recent {
            id,
            kind,
            name,
            at,
            seconds,
            room: kept,
        });
        self.calls.truncate(MAX);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    /// The room of a call.
    pub(crate) fn room(&self, id: &str) -> Option<Room> {
        let call = self.calls.iter().find(|call| call.id.to_string() == id)?;
        call.room()
    }

    /// What a room was for.
    pub(crate) fn kind(&self, id: &RoomId) -> Option<RoomKind> {
        let is_it = |call: &&Recent| {
            call.room()
                .is_some_and(|room| room.id().as_ref() == Some(id))
        };
        self.calls.iter().find(is_it).map(|call| call.kind)
    }

    /// What the window shows of them.
    pub(crate) fn view(&self) -> Vec<RecentCall> {
        let calls = self.calls.iter().take(MAX);
        calls
            .map(|call| RecentCall {
                id: call.id.to_string(),
                kind: call.kind,
                name: call.name.clone(),
                at: call.at,
                seconds: call.seconds,
                host: matches!(call.room, KeptRoom::Own { .. }),
            })
            .collect()
    }
}

impl Recent {
    /// `None`: somebody changed the file.
    fn room(&self) -> Option<Room> {
        match &self.room {
            KeptRoom::Own { key, secret } => {
                let bytes = BASE64URL_NOPAD.decode(key.as_bytes()).ok()?;
                Some(Room::Own {
                    key: HostKey::from_bytes(&bytes.try_into().ok()?),
                    secret: secret.clone(),
                    kind: self.kind,
                })
            }
            KeptRoom::Theirs { link } => link.parse::<Link>().ok().map(Room::Theirs),
        }
    }
}

impl KeptRoom {
    /// `None`: it is no room of Ahoy's.
    fn of(room: &Room) -> Option<Self> {
        match room {
            Room::Own { key, secret, .. } => Some(Self::Own {
                key: BASE64URL_NOPAD.encode(&key.to_bytes()),
                secret: secret.clone(),
            }),
            Room::Theirs(link) => Some(Self::Theirs {
                link: link.to_string(),
            }),
            Room::Relay(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(n: u8) -> Room {
        Room::Own {
            key: HostKey::from_bytes(&[n; 32]),
            secret: Secret::new([n; 16]),
            kind: RoomKind::Call,
        }
    }

    fn theirs(room: &str) -> Room {
        let link = format!("https://example.org/r/{room}#ICEiIyQlJicoKSorLC0uLw");
        Room::Theirs(link.parse().unwrap())
    }

    #[test]
    fn the_newest_is_first_and_a_room_has_one_line() {
        let mut recents = Recents::default();
        recents.add(&own(1), RoomKind::Call, Some("Grace".into()), 10, Some(61));
        recents.add(&theirs(&"a".repeat(26)), RoomKind::Call, None, 20, None);
        recents.add(&own(1), RoomKind::Call, Some("Mika".into()), 30, Some(5));
        let view = recents.view();
        let names: Vec<_> = view.iter().map(|call| call.name.as_deref()).collect();
        assert_eq!(names, [Some("Mika"), None]);
        assert_eq!((view[0].host, view[1].host), (true, false));
        assert_ne!(view[0].id, view[1].id);
    }

    #[test]
    fn what_is_read_again_leads_to_the_same_rooms() {
        let mut recents = Recents::default();
        recents.add(&own(1), RoomKind::Call, None, 10, None);
        recents.add(&theirs(&"a".repeat(26)), RoomKind::Call, None, 20, None);
        let text = serde_json::to_string(&recents).unwrap();
        let read: Recents = serde_json::from_str(&text).unwrap();
        assert_eq!(read, recents);
        let rooms: Vec<_> = read
            .view()
            .iter()
            .map(|call| read.room(&call.id).unwrap().id())
            .collect();
        assert_eq!(rooms, [theirs(&"a".repeat(26)).id(), own(1).id()]);
        assert!(read.room("99").is_none() && read.room("").is_none());
    }

    #[test]
    fn a_broadcast_is_one_when_it_is_read_again_and_a_file_of_before_knows_calls_only() {
        let mut recents = Recents::default();
        let mut room = own(1);
        if let Room::Own { kind, .. } = &mut room {
            *kind = RoomKind::Broadcast;
        }
        recents.add(&room, RoomKind::Broadcast, None, 10, Some(60));
        let text = serde_json::to_string(&recents).unwrap();
        let kind = |text: &str| {
            let read: Recents = serde_json::from_str(text).unwrap();
            let view = read.view();
            let Some(Room::Own { kind, .. }) = read.room(&view[0].id) else {
                panic!("the room is its user's own");
            };
            (view[0].kind, kind)
        };
        assert_eq!(kind(&text), (RoomKind::Broadcast, RoomKind::Broadcast));
        let before = text.replace(r#""kind":"broadcast","#, "");
        assert_ne!(before, text);
        assert_eq!(kind(&before), (RoomKind::Call, RoomKind::Call));
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut recents = Recents::default();
        for n in 0..=u8::try_from(MAX).unwrap() {
            recents.add(&own(n), RoomKind::Call, None, u64::from(n), None);
        }
        assert_eq!(recents.view().len(), MAX);
        assert_eq!(recents.view().last().unwrap().at, 1);
        recents.clear();
        assert!(recents.view().is_empty());
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let mut recents = Recents::default();
        recents.add(&theirs(&"a".repeat(26)), RoomKind::Call, None, 20, None);
        assert!(!format!("{recents:?}").contains("ICEiIyQlJicoKSorLC0uLw"));
    }
}
