const path = require("path");
const { createClient } = require(path.join(process.env.NODE_PATH, "graphql-ws"));
const { CountingSocket, counted, finish } = require("./count.cjs");
const client = createClient({ url: process.argv[2], webSocketImpl: CountingSocket, retryAttempts: 0 });

function ask(query) {
  return new Promise((resolve, reject) => {
    client.subscribe({ query }, { next: (data) => counted.saw.push(data), error: reject, complete: resolve });
  });
}

ask("{ hello }").then(() => ask("subscription { count }")).then(async () => { await client.dispose(); finish(); });
