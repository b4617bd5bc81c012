const path = require("path");
const signalr = require(path.join(process.env.NODE_PATH, "@microsoft/signalr"));
const { CountingSocket, counted, finish } = require("./count.cjs");

const connection = new signalr.HubConnectionBuilder()
  .withUrl(process.argv[2].replace("ws://", "http://"), {
    skipNegotiation: true, transport: signalr.HttpTransportType.WebSockets, WebSocket: CountingSocket,
  })
  .configureLogging(signalr.LogLevel.None).build();
connection.keepAliveIntervalInMilliseconds = 300;
connection.on("agent_started", (data) => { counted.saw.push(["agent_started", data]); });

async function main() {
  await connection.start();
  counted.saw.push(await connection.invoke("Ask", "t1"));
  counted.saw.push(await connection.invoke("Nothing").catch((error) => String(error).includes("no such method")));
  await new Promise((resolve, reject) => {
    connection.stream("Count", 3).subscribe({ next: (n) => counted.saw.push(n), error: reject, complete: resolve });
  });
  await new Promise((resolve) => setTimeout(resolve, 700));
  await connection.stop();
  finish();
}

main().catch((error) => { console.error(error); process.exit(1); });
