// What Ahoy's relay is measured against: rooms and signals as one would write them on `ws` in an afternoon. It speaks
// the same messages, and leaves out what costs: no proof of the room's key, no limits, nothing kept for a broken socket.
//
//   node --expose-gc node.mjs      prints `listening http://127.0.0.1:PORT` when it is ready
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(new URL("../../../ui/package.json", import.meta.url))("ws");

/** Member id to its socket, by the room's key. */
const rooms = new Map();

function send(member, message) {
  member.socket.send(JSON.stringify(message));
}

function roster(room) {
  const shown = ({ peer, name, nonce, mac, order }) => ({ peer, name, nonce, mac, order });
  const members = [...room.members.values()];
  const host = members.find((member) => member.peer === room.host);
  const text = JSON.stringify({
    type: "room",
    kind: "call",
    host: host ? { key: room.key, ...shown(host) } : null,
    peers: members.filter((member) => member !== host).map(shown),
    count: members.length,
    capacity: 8,
    locked: false,
  });
  for (const { socket } of members) {
    socket.send(text);
  }
}

function enter(member, id, room, { name, nonce, mac }) {
  Object.assign(member, { room: id, name, nonce, mac, order: room.order });
  room.order += 1;
  room.members.set(member.peer, member);
  roster(room);
}

function leave(member) {
  const room = rooms.get(member.room);
  member.room = null;
  if (!room) {
    return;
  }
  room.members.delete(member.peer);
  for (const other of room.members.values()) {
    send(other, { type: "left", peer: member.peer });
  }
  if (room.members.size === 0) {
    rooms.delete(room.id);
  } else {
    roster(room);
  }
}

function hear(member, message) {
  switch (message.type) {
    case "hello":
      send(member, { type: "welcome", peer: member.peer, challenge: "AAAAAAAAAAAAAAAAAAAAAA", ice_servers: [], resume: "" });
      break;
    case "create": {
      const room = { id: message.key, key: message.key, host: member.peer, order: 0, members: new Map() };
      rooms.set(room.id, room);
      send(member, { type: "created", room: room.id });
      enter(member, room.id, room, message);
      break;
    }
    case "join": {
      const room = rooms.get(message.room);
      if (room) {
        enter(member, message.room, room, message);
      } else {
        send(member, { type: "error", code: "not_found", message: "There is no such room." });
      }
      break;
    }
    case "signal": {
      const to = rooms.get(member.room)?.members.get(message.to);
      if (to) {
        to.delivered += 1;
        const { seq, body, sig } = message;
        send(to, { type: "signal", from: member.peer, n: to.delivered, seq, body, sig });
      } else {
        send(member, { type: "error", code: "no_such_peer", message: "The addressee is not in the room." });
      }
      break;
    }
    case "leave":
      leave(member);
      break;
  }
}

const server = createServer((_request, response) => {
  // Asked for before memory is measured, so that what is only waiting to be collected does not count.
  globalThis.gc?.();
  response.end("ok\n");
});
const sockets = new WebSocketServer({ server, path: "/ws", perMessageDeflate: false, maxPayload: 64 * 1024 });
sockets.on("connection", (socket) => {
  const peer = randomBytes(8).toString("hex");
  const member = { socket, peer, room: null, name: "", nonce: "", order: 0, delivered: 0 };
  socket.on("message", (data) => {
    try {
      hear(member, JSON.parse(data.toString()));
    } catch {
      send(member, { type: "error", code: "bad_message", message: "This is not JSON." });
    }
  });
  socket.on("close", () => leave(member));
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${server.address().port}`);
});
