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
