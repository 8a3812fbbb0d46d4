/** What the guest's page shows, made of what it knows. Pure. */
import type { AppView } from "../contract/AppView";
import type { CallView } from "../contract/CallView";
import type { EndReason } from "../contract/EndReason";
import type { Language } from "../contract/Language";
import type { MediaView } from "../contract/MediaView";
import type { RoomKind } from "../contract/RoomKind";
import type { Screen } from "../contract/Screen";
import type { ShareView } from "../contract/ShareView";
import type { Theme } from "../contract/Theme";
import type { UserError } from "../contract/UserError";
import { LANGUAGES, userError } from "../text";
import type { Call } from "./call";
import type { ChatLog } from "./chat";

export interface GuestState {
  screen: "lobby" | "call" | "ended";
  /** What the link leads to; `null` while the relay is asked. */
  kind: RoomKind | null;
  /** What it led to the last time; a call, where that is not known. */
  was: RoomKind;
  /** On the way in. */
  busy: boolean;
  name: string;
  theme: Theme;
  language: Language;
  /** Host and port of the relay that served the page. */
  relay: string;
  error: UserError | null;
  ended: { reason: EndReason; name: string | null; seconds?: number | null } | null;
}

/** The state at the start, with what the browser has kept. */
export function initialState(relay: string, kept: { name: string; theme: string; language: string }): GuestState {
  const { name, theme, language } = kept;
  return {
    screen: "lobby",
    kind: null,
    was: "call",
    busy: false,
    name,
    theme: theme === "dark" || theme === "light" ? theme : "system",
    language: LANGUAGES.find((known) => known === language) ?? "system",
    relay,
    error: null,
    ended: null,
  };
}

/** What was written, and whether some of it is left out. */
export type ChatState = Pick<ChatLog, "lines" | "cut">;

export type CallState = Pick<Call, "phase" | "kind" | "others" | "peers" | "connectedAt" | "relayLost" | "locked">;

/** What the user sends: camera and sound, and a screen beside them. */
export interface OwnMedia {
  media: Omit<MediaView, "screen">;
  share: ShareView;
}

export function viewOf(state: GuestState, { media, share }: OwnMedia, call: CallState | null, chat: ChatState): AppView {
  return {
    screen: screenOf(state, call, chat),
    media: { ...media, screen: share.state },
    share,
    settings: {
      name: state.name,
      theme: state.theme,
      language: state.language,
      relay: { type: "server", url: state.relay },
      ask_before_entry: false,
      relay_only: false,
      last_relay: null,
    },
    relay: call?.relayLost
      ? { type: "failed", error: userError("relay_unreachable") }
      : { type: "server", url: state.relay },
    recents: [],
    waiting_link: null,
    error: state.error,
  };
}

function screenOf(state: GuestState, call: CallState | null, chat: ChatState): Screen {
  if (state.screen === "ended" && state.ended) {
    const { reason, name, seconds } = state.ended;
    return { type: "ended", kind: state.kind ?? state.was, host: false, reason, name, seconds: seconds ?? null, can_call_again: canReturn(reason), relay: null };
  }
  if (state.screen === "call" && call) return { type: "call", ...callView(call, chat) };
  return { type: "lobby", kind: state.kind, host: false, busy: state.busy, relay: null };
}

function callView(call: CallState, chat: ChatState): CallView {
  return {
    phase: call.phase,
    kind: call.kind,
    others: call.others,
    host: false,
    link: null,
    addresses: [],
    peers: call.peers(),
    knocks: [],
    locked: call.locked,
    relay_lost: call.relayLost,
    chat: chat.lines,
    chat_cut: chat.cut,
    connected_at: call.connectedAt,
    relay: null,
  };
}

/** Where trying again could lead somewhere else than here. */
function canReturn(reason: EndReason): boolean {
  return reason.type !== "refused" || !["bad_link", "removed", "unsupported", "not_authentic"].includes(reason.code);
}
