// Chats with an application of Chainlit's, over Socket.IO as its own page does.
const path = require("path");
const { counted, finish, countIn } = require("./count.cjs");
// The one that Engine.IO's client uses.
countIn(require(require.resolve("ws", { paths: [path.join(process.env.NODE_PATH, "engine.io-client")] })));
const { io } = require(path.join(process.env.NODE_PATH, "socket.io-client"));
const url = new URL(process.argv[2].replace("ws://", "http://"));

const socket = io(url.origin, {
  path: "/ws/socket.io", transports: ["websocket"], reconnection: false,
  auth: { sessionId: "a-session", clientType: "webapp", userEnv: "{}", chatProfile: "", threadId: "" },
});
const said = (number, output) => ({
  id: `00000000-0000-4000-8000-00000000000${number}`, name: "user", type: "user_message", output, createdAt: "2026-01-01T00:00:00.000Z",
});

socket.on("connect", () => socket.emit("connection_successful"));
socket.on("connect_error", (error) => { console.error(error); process.exit(1); });
socket.on("ask", (question, acknowledge) => {
  counted.saw.push(["ask", question.msg.output]);
  acknowledge(said(2, "yes"));
});
socket.on("stream_token", ({ token }) => { counted.saw.push(["token", token]); });
socket.on("new_message", ({ name, output }) => {
  counted.saw.push(["new", name, output]);
  if (output === "hello") socket.emit("client_message", { message: said(1, "so"), fileReferences: [] });
});
socket.on("update_message", ({ name, output }) => { counted.saw.push(["update", name, output]); });
socket.on("task_end", () => {
  // The page's connection ends with one too.
  if (counted.saw.some(([kind, , text]) => kind === "update" && String(text).startsWith("The answer"))) {
    socket.emit("clear_session"); // so that the next one begins anew
    setTimeout(() => { socket.io.engine.close(); finish(); }, 300);
  }
});
