// node persisted.mjs {run}: ask, and follow, by hash as automatic persisted queries do, over graphql-ws;
// print for each document what was answered to its hash alone, to both, and to its hash again.
import { createHash } from "node:crypto";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { run } = JSON.parse(process.argv[2]);
const url = process.env.RUNVANE_URL + "/graphql";
const headers = { authorization: `Bearer ${process.env.RUNVANE_TOKEN}` };

class Signed extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers });
  }
}

const client = createClient({ url: url.replace("http", "ws"), webSocketImpl: Signed });

async function one(query, document) {
  const sha256Hash = createHash("sha256").update(document).digest("hex");
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  try {
    for await (const { data } of client.iterate({ query, variables: { run }, extensions })) return data;
  } catch (errors) {
    return errors.map(({ message, extensions }) => [message, extensions.code]);
  }
}

const told = [];
for (const document of [
  "query ($run: String!) { run(runId: $run) { runId } }",
  "subscription ($run: String!) { runChanged(runId: $run) { runId } }",
]) {
  told.push([await one("", document), await one(document, document), await one("", document)]);
}
await client.dispose();
console.log(JSON.stringify(told));
process.exit(0);
