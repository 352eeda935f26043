/** Changes something by a mutation, or asks for a page anew, or says in plain words why not. */
import { word } from "./words.js";

const EXPLAINED = [401, 403, 429];

export class Refusal extends Error {}

/**
 * What became of it, with `userErrors` of those of many that could not be changed.
 * @param {string} query a document with one mutation
 */
export async function changeMany(query, variables) {
  const url = `${document.body.dataset.root}graphql`;
  const headers = { "content-type": "application/json", accept: "application/json" };
  const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) })
    .catch(() => { throw new Refusal(word("change.away")); });
  if (EXPLAINED.includes(reply.status)) throw new Refusal(word(`change.${reply.status}`));
  const { data, errors } = await reply.json().catch(() => ({}));
  const codes = (errors ?? []).map((each) => each.extensions?.code);
  if (codes.includes("FORBIDDEN")) throw new Refusal(word("change.403"));
  if (!data) throw new Refusal(errors?.[0]?.message ?? word("change.failed", { status: reply.status }));
  return Object.values(data)[0];
}

/** @param {string} query a document with one mutation of one thing */
export async function change(query, variables) {
  const { userErrors } = await changeMany(query, variables);
  if (userErrors.length) throw new Refusal(userErrors[0].message);
}

/** The answer to one of the documents of the pages. */
export async function ask(name, variables, signal) {
  const query = encodeURIComponent(JSON.stringify(variables));
  const reply = await fetch(`${document.body.dataset.root}documents/${name}?variables=${query}`, { signal }).catch(away);
  if (!reply.ok) throw new Refusal(await reply.text().catch(away));
  return reply.json().catch(away);
}

/** What the network does not bring is no fault of the page, and what was given up is no fault at all. */
function away(error) {
  throw error instanceof TypeError ? new Refusal(word("read.away")) : error;
}

/** A page of this server. */
export async function fetched(url) {
  const reply = await fetch(url).catch(away);
  if (!reply.ok) throw new Refusal(word("change.failed", { status: reply.status }));
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

/** Shows a part of this page as the server has it now. */
export async function renew(selector) {
  const page = await fetched(location.href);
  document.querySelector(selector).replaceWith(document.adoptNode(page.querySelector(selector)));
}
