const path = require("path");
const { CountingSocket, counted, finish } = require("./count.cjs");
global.window = { addEventListener() {}, location: { protocol: "http:", host: "x" }, WebSocket: CountingSocket };
const { Socket } = require(path.join(process.env.NODE_PATH, "phoenix"));

const socket = new Socket(process.argv[2], { transport: CountingSocket, heartbeatIntervalMs: 300 });
socket.connect();
const channel = socket.channel("room:lobby", { token: "t" });
channel.on("shouted", (payload) => { counted.saw.push(["shouted", payload]); });
channel.join().receive("ok", () => {
  counted.saw.push("joined");
  channel.push("shout", { text: "hello" }).receive("ok", (answer) => {
    counted.saw.push(["reply", answer]);
    setTimeout(leave, 700);
  });
});

// The push of a leave says "ok" at once; the server's answer comes later.
function leave() {
  const leaving = channel.leave();
  socket.onMessage((message) => {
    if (message.event === "phx_reply" && message.ref === leaving.ref) {
      counted.saw.push("left");
      socket.disconnect(finish);
    }
  });
}
