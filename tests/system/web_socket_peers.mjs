// npm's ws, for web_socket_peers_test.py: `server FOLDER` echoes on a port that it prints; `client FOLDER URL TOKEN`
// prints what comes of a conversation, as JSON. FOLDER is where ws is installed.
import { createRequire } from "node:module";
import path from "node:path";

const [role, folder, url, token] = process.argv.slice(2);
const { WebSocket, WebSocketServer } = createRequire(path.join(folder, "package.json"))("ws");
const large = "0123456789abcdef".repeat(65_536); // 1 MiB

if (role === "server") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => {
      if (data.toString() === "close") return socket.close(4001, "as you wish");
      socket.send(data, { binary });
    });
  });
  server.on("listening", () => console.log(server.address().port));
} else {
  const socket = new WebSocket(url, ["chat.v2", "chat.v1"], { headers: { Authorization: `Bearer ${token}` } });
  const told = { echoes: 0, refused: null };
  const sent = ["hello", "", "ü€😀", large, Buffer.from([0, 255, 10])];
  socket.on("unexpected-response", (_, answer) => {
    console.log(JSON.stringify({ ...told, refused: answer.statusCode }));
    process.exit(0);
  });
  socket.on("open", () => {
    told.deflated = "permessage-deflate" in (socket._extensions ?? {});
    sent.forEach((each) => socket.send(each));
    socket.ping("there?");
  });
  socket.on("pong", (data) => { told.pong = data.toString(); });
  socket.on("message", (data, binary) => {
    const expected = sent[told.echoes];
    if (Buffer.compare(data, Buffer.from(expected)) !== 0 || binary !== Buffer.isBuffer(expected)) process.exit(1);
    if (++told.echoes === sent.length) socket.send("close");
  });
  socket.on("close", (code, reason) => console.log(JSON.stringify({ ...told, code, reason: reason.toString() })));
  socket.on("error", (error) => { console.error(error); process.exit(1); });
}
