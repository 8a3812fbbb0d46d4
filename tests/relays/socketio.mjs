// A server of Socket.IO as small pages use it: an offer or an answer goes to all clients, its sender too.
//
//   node socketio.mjs      prints `listening http://127.0.0.1:PORT` when it is ready
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Server } = createRequire(new URL("../../ui/package.json", import.meta.url))("socket.io");

const http = createServer();
const server = new Server(http, { cors: { origin: "*" } });
server.on("connection", (socket) => {
  socket.on("send-offer", (offer) => server.emit("receive-offer", offer));
  socket.on("send-answer", (answer) => server.emit("receive-answer", answer));
});
http.listen(0, "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${http.address().port}`);
});
