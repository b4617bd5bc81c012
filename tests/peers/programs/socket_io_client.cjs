const path = require("path");
const { counted, finish, countIn } = require("./count.cjs");
// The one that Engine.IO's client uses.
countIn(require(require.resolve("ws", { paths: [path.join(process.env.NODE_PATH, "engine.io-client")] })));
const { io } = require(path.join(process.env.NODE_PATH, "socket.io-client"));
const url = process.argv[2].replace("ws://", "http://");
const socket = io(url, { transports: ["websocket"], reconnection: false });
const admin = socket.io.socket("/admin");

for (const name of ["agent_started", "partial_result", "agent_completed"]) {
  socket.on(name, (data) => { counted.saw.push([name, data]); });
}
socket.on("picture", (data) => { counted.saw.push(["picture", Buffer.from(data.data).toString("hex")]); });
socket.on("connect", () => {
  socket.emit("chat", { thread_id: "t1", message: "hello" }, (answer) => {
    counted.saw.push(["ack", answer]);
    admin.emit("note", "remember", (...args) => {
      counted.saw.push(["note", args]);
      setTimeout(() => { socket.io.engine.close(); finish(); }, 1500);
    });
  });
});
socket.on("connect_error", (error) => { console.error(error); process.exit(1); });
