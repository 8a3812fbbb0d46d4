/** A member as the call keeps it, and the joins that are over. */
import type { PeerView } from "../contract/PeerView";
import { type Party, identity } from "./auth";
import { cleanName } from "./name";
import type { Peer } from "./peer";
import type { RosterMember } from "./roster";

/** The most joins of each kind that are remembered: more than come to any call are made up. */
const MAX_JOINS = 1024;

export interface Entry {
  member: RosterMember;
  peer: Peer;
  authentic: boolean;
  /** Not in the roster; it stays as long as its media flows. */
  absent: boolean;
  /** The console was told that something came in its name that it did not prove. */
  warned: boolean;
}

/** Returns true while media flows. */
export const isConnected = ({ authentic, peer }: Entry): boolean => authentic && peer.state === "connected";

/** What is shown of a member. */
export const viewOf = ({ member, peer, authentic }: Entry): PeerView => ({
  peer: member.peer,
  name: cleanName(member.name),
  host: member.hostKey !== undefined,
  state: authentic ? peer.state : "not_authentic",
  muted: peer.muted,
  camera_off: peer.cameraOff,
  screen: peer.showsScreen,
  quality: peer.quality,
  words: authentic ? peer.words : null,
});

/** Joins that are over: a roster that names them is old, or wrong. */
export class EndedJoins {
  readonly #departed = new Set<string>();
  /** Apart, so that nobody's good-byes take the place of what the host has said. */
  readonly #sentAway = new Set<string>();

  /** Notes a join that its member has ended. */
  depart(party: Party): void {
    if (this.#departed.size < MAX_JOINS) this.#departed.add(identity(party));
  }

  /** Notes a join that the host has ended. */
  sendAway(party: Party): void {
    if (this.#sentAway.size < MAX_JOINS) this.#sentAway.add(identity(party));
  }

  has(party: Party): boolean {
    return this.#departed.has(identity(party)) || this.#sentAway.has(identity(party));
  }
}
