// A broadcast relay as small pages use it: each text goes to every other client, and never back.
//
//   node broadcast.mjs [strict]      prints `listening ws://127.0.0.1:PORT` when it is ready
//
// `strict` decodes each message into four texts and sends all four on, so that what was left out arrives as "".
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(new URL("../../ui/package.json", import.meta.url))("ws");
const strict = process.argv.includes("strict");

function passedOn(text) {
  if (!strict) return text;
  const { id = "", type = "", sdp = "", ice = "" } = JSON.parse(text);
  return JSON.stringify({ id, type, sdp, ice });
}

const relay = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => {
  console.log(`listening ws://127.0.0.1:${relay.address().port}`);
});
relay.on("connection", (socket) => {
  socket.on("message", (data) => {
    const text = passedOn(data.toString());
    for (const other of relay.clients) {
      if (other !== socket) other.send(text);
    }
  });
});
