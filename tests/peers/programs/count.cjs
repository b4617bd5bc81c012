// A WebSocket that counts its messages, and how a client says at its end what it counted and saw.
const path = require("path");
const WebSocket = require(path.join(process.env.NODE_PATH, "ws"));

const counted = { sent: 0, received: 0, saw: [] };

function countIn(Socket) {
  const { send, emit } = Socket.prototype;
  Socket.prototype.send = function (...args) { counted.sent += 1; return send.apply(this, args); };
  Socket.prototype.emit = function (name, ...args) {
    if (name === "message") counted.received += 1;
    return emit.call(this, name, ...args);
  };
}

class CountingSocket extends WebSocket {}
countIn(CountingSocket);

function finish() {
  setTimeout(() => { console.log(JSON.stringify(counted)); process.exit(0); }, 200);
}

setTimeout(() => { console.error("the talk does not end", JSON.stringify(counted)); process.exit(1); }, 30000).unref();
module.exports = { CountingSocket, countIn, counted, finish };
