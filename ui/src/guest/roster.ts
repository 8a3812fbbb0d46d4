/** Who is in the room. Pure. */
import type { Member } from "../contract/Member";
import type { RelayMessage } from "../contract/RelayMessage";

export type RoomMessage = Extract<RelayMessage, { type: "room" }>;

/** A member as the call sees it. */
export interface RosterMember extends Member {
  /** The room's key, for the host only: what its signals must be signed with. */
  hostKey?: string;
}

/** Host and others in one list, in the order in which they came. */
export function membersOf(room: RoomMessage): RosterMember[] {
  const members: RosterMember[] = [...room.peers];
  if (room.host) {
    const { key, ...member } = room.host;
    members.push({ ...member, hostKey: key });
  }
  return members.sort((a, b) => a.order - b.order);
}

/** Who was there first offers to the one who comes. */
export const offersTo = (me: Member, other: Member): boolean => me.order < other.order;

/** In a collision of two offers the smaller id gives way. */
export const isPolite = (me: Member, other: Member): boolean => me.peer < other.peer;

/** Who binds itself first when the four words are drawn: the host, or else the smaller id. This page is never a host. */
export const commitsTo = (me: Member, other: RosterMember): boolean => other.hostKey === undefined && me.peer < other.peer;

/** The longest name of a member, in bytes of UTF-8: a relay refuses a longer one. */
const MAX_NAME_BYTES = 128;

/** The own name as it is sent and proven: cut at the end of a character. */
export function cutName(name: string): string {
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(MAX_NAME_BYTES));
  return name.slice(0, read).replace(/\p{Cs}/gu, "\ufffd");
}

/** Letters without a form, blank Braille, and what fonts draw as nothing: a name of these alone would look like none. */
const BLANK = /[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufff0-\uffff]/gu;
/** More than four marks on one letter cover the lines around it. */
const PILED_MARKS = /(\p{Mn}{4})\p{Mn}+/gu;

/** The name of another person, made fit to be shown: no control or direction characters, nothing invisible, not endless. */
export function tidyName(name: string): string {
  const seen = name.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "").replace(BLANK, "").replace(PILED_MARKS, "$1");
  return [...seen.trim()].slice(0, 64).join("");
}
