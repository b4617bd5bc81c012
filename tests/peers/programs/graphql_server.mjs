// graphql-ws's own server: a query, and a subscription that counts to three.
import { createRequire } from "module";
const require = createRequire(process.env.NODE_PATH + "/");
const { WebSocketServer } = require("ws");
const { useServer } = require("graphql-ws/use/ws");
const { buildSchema } = require("graphql");

const schema = buildSchema("type Query { hello: String } type Subscription { count: Int }");
const roots = {
  query: { hello: () => "world" },
  subscription: { async *count() { for (let n = 1; n <= 3; n += 1) yield { count: n }; } },
};
useServer({ schema, roots }, new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), path: "/graphql" }));
