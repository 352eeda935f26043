/** A question as text for elsewhere: curl, Python (gql) and JavaScript (fetch, graphql-sse). */

const MEDIA = "application/json";

/** @param {{url: string, document: string, variables: object, follows: boolean}} question */
export function curl({ url, document, variables, follows }) {
  const headers = ['"Authorization: Bearer $RUNVANE_TOKEN"', `'Content-Type: ${MEDIA}'`];
  if (follows) headers.push("'Accept: text/event-stream'");
  const words = [
    `curl --silent --show-error${follows ? " --no-buffer" : ""} ${quoted(url)}`,
    ...headers.map((header) => `-H ${header}`),
    `-d ${quoted(JSON.stringify({ query: document, variables }))}`,
  ];
  return `${words.join(" \\\n  ")}\n`;
}

/** For a shell: all is as it stands between single quotes, but for these themselves. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function python({ url, document, variables, follows }) {
  const question = `URL = ${JSON.stringify(url)}
HEADERS = {"Authorization": "Bearer " + os.environ["RUNVANE_TOKEN"]}
question = GraphQLRequest(
    ${literal(document)},
    variable_values=${pythonic(variables)},
)`;
  return follows ? followed(question) : answered(question);
}

function answered(question) {
  return `# pip install "gql[httpx2]"
import json
import os

from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXTransport

${question}
client = Client(transport=HTTPXTransport(URL, headers=HEADERS))
print(json.dumps(client.execute(question), indent=2))
`;
}

function followed(question) {
  return `# pip install "gql[websockets]"
import asyncio
import json
import os

from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport

${question}


async def main() -> None:
    transport = WebsocketsTransport(URL.replace("http", "ws", 1), headers=HEADERS)
    async with Client(transport=transport) as session:
        async for event in session.subscribe(question):
            print(json.dumps(event), flush=True)


asyncio.run(main())
`;
}

/** A document as it stands; one with quotes in threes or backslashes as one long line. */
function literal(document) {
  return /"""|\\|"$/.test(document) ? JSON.stringify(document) : `"""\n${document}\n"""`;
}

/** A value of JSON in Python's words. */
function pythonic(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonic).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${pythonic(each)}`).join(", ")}}`;
}

export function javascript({ url, document, variables, follows }) {
  const question = `const url = ${JSON.stringify(url)};
const headers = { authorization: \`Bearer \${process.env.RUNVANE_TOKEN}\` };
const query = \`
${document.replace(/[\\`]|\$\{/g, "\\$&")}
\`;
const variables = ${JSON.stringify(variables, null, 2)};`;
  return follows ? subscribed(question) : fetched(question);
}

function fetched(question) {
  return `${question}

const reply = await fetch(url, {
  method: "POST",
  headers: { ...headers, "content-type": "${MEDIA}" },
  body: JSON.stringify({ query, variables }),
});
const { data, errors } = await reply.json();
if (errors) throw new Error(errors.map((error) => error.message).join("; "));
console.log(JSON.stringify(data, null, 2));
`;
}

function subscribed(question) {
  return `// npm install graphql graphql-sse
import { createClient } from "graphql-sse";

${question}

const client = createClient({ url, headers });
for await (const event of client.iterate({ query, variables })) console.log(JSON.stringify(event));
`;
}
