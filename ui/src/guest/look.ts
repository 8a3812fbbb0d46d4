/** What the link's room is for: asked before anything of the user's is opened. */
import type { RoomId } from "../contract/RoomId";
import type { RoomKind } from "../contract/RoomKind";
import type { ConnectRelay, Relay } from "./session";

/** Longer than any relay that knows the answer takes. */
const ANSWER_WITHIN_MS = 3_000;

/**
 * Asks the relay on a socket of its own; `null`: there is no such room. A relay that does not know the question, or does
 * not answer, has it taken for a call: the way in says what is wrong. The returned function ends it without an answer.
 */
export function look(room: RoomId, connect: ConnectRelay, tell: (kind: RoomKind | null) => void): () => void {
  let relay: Relay | null = null;
  let over = false;
  const end = () => {
    over = true;
    clearTimeout(patience);
    relay?.close();
  };
  const answer = (kind: RoomKind | null) => {
    if (over) return;
    end();
    tell(kind);
  };
  const patience = setTimeout(() => answer("call"), ANSWER_WITHIN_MS);
  relay = connect(
    {
      message(message) {
        if (message.type === "welcome") relay?.send({ type: "look", room });
        else if (message.type === "found" && message.room === room) answer(message.kind);
        else if (message.type === "error") answer(message.code === "not_found" ? null : "call");
      },
      lost: () => answer("call"),
    },
    null,
  );
  return end;
}
