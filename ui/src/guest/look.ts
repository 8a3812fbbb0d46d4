/** What the link's room is for: asked before anything of the user's is opened. */
import type { ErrorCode } from "../contract/ErrorCode";
import type { RoomId } from "../contract/RoomId";
import type { RoomKind } from "../contract/RoomKind";
import type { ConnectRelay, Relay } from "./session";

/** Longer than a relay takes that is busy and far away. */
const ANSWER_WITHIN_MS = 10_000;

/** What the room is for, or why the relay does not say: there is no such room, or it is away or busy. */
export type Looked = { kind: RoomKind } | { refused: ErrorCode };

/** Asks the relay on a socket of its own. The returned function ends it without an answer. */
export function look(room: RoomId, connect: ConnectRelay, tell: (looked: Looked) => void): () => void {
  let relay: Relay | null = null;
  let over = false;
  const end = () => {
    over = true;
    clearTimeout(patience);
    relay?.close();
  };
  const answer = (looked: Looked) => {
    if (over) return;
    end();
    tell(looked);
  };
  const away = () => answer({ refused: "relay_unreachable" });
  const patience = setTimeout(away, ANSWER_WITHIN_MS);
  relay = connect(
    {
      message(message) {
        if (message.type === "welcome") relay?.send({ type: "look", room });
        else if (message.type === "found" && message.room === room) answer({ kind: message.kind });
        // An old relay does not know the question. Its rooms are for calls.
        else if (message.type === "error") answer(message.code === "bad_message" ? { kind: "call" } : { refused: message.code });
      },
      lost: away,
    },
    null,
  );
  return end;
}
