// node clients.mjs {name, run, after, last}: ask, change and follow by one package of npm, until step
// `last` came, or the first event; print one JSON object of what was seen.
import { EventSource } from "eventsource";
import { createClient as byEvents } from "graphql-sse";
import { createClient as bySocket } from "graphql-ws";
import WebSocket from "ws";

const { name, run, after, last } = JSON.parse(process.argv[2]);
const url = process.env.RUNVANE_URL + "/graphql";
const headers = { authorization: `Bearer ${process.env.RUNVANE_TOKEN}` };

class Signed extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers });
  }
}

// As a browser has it: by GET, and it closes on `complete` or it would come again.
async function* events({ query, variables }) {
  const asked = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  const signed = (address, options) =>
    fetch(address, { ...options, headers: { ...options.headers, ...headers } });
  const source = new EventSource(`${url}?${asked}`, { fetch: signed });
  const came = [];
  let wake = () => {};
  const take = (event) => (came.push(event), wake());
  for (const kind of ["next", "complete", "error"]) source.addEventListener(kind, take);
  try {
    for (;;) {
      while (came.length === 0) await new Promise((then) => (wake = then));
      const event = came.shift();
      if (event.type === "error") throw new Error(event.message);
      if (event.type === "complete") return;
      yield JSON.parse(event.data);
    }
  } finally {
    source.close();
  }
}

const client = {
  "graphql-ws": () => bySocket({ url: url.replace("http", "ws"), webSocketImpl: Signed }),
  "graphql-sse": () => byEvents({ url, headers, retryAttempts: 0 }),
  eventsource: () => ({ iterate: events, dispose() {} }),
}[name]();

async function one(query, variables) {
  for await (const answer of client.iterate({ query, variables })) return answer;
}

const told = { steps: [], tagged: false };
const seen = await one("query ($run: String!) { run(runId: $run) { experiment } }", { run });
told.experiment = seen.data.run.experiment;
try {
  const tag = `mutation ($run: String!) {
    updateRun(runId: $run, input: {setTags: {by: "npm"}}) { run { tags } } }`;
  told.tagged = (await one(tag, { run })).data?.updateRun.run.tags.by === "npm";
} catch {
  told.tagged = false;
}
const query = `subscription ($run: String!, $after: String) {
  metricsAppended(runs: [{runId: $run, after: $after}]) { cursor blocks { steps } } }`;
for await (const { data } of client.iterate({ query, variables: { run, after } })) {
  told.cursor = data.metricsAppended.cursor;
  told.steps.push(...data.metricsAppended.blocks.flatMap(({ steps }) => steps));
  if (last === null || told.steps.at(-1) === last) break;
}
client.dispose();
console.log(JSON.stringify(told));
process.exit(0);
