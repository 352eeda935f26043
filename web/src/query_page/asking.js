/** One question to the server, and what went wrong in plain words. */
import { word } from "../words.js";

const HEADERS = { "content-type": "application/json" };
const EXPLAINED = [400, 401, 403, 413, 421, 429, 503];

export class Refusal extends Error {}

/** What is sent: without variables where there are none. */
export function body(document, variables) {
  const query = document.trim();
  return Object.keys(variables).length ? { query, variables } : { query };
}

/**
 * Answers what came back, after how many milliseconds, with how many bytes.
 * Throws a `Refusal` where there is no answer of GraphQL.
 */
export async function ask(url, asked, signal) {
  const begun = performance.now();
  const reply = await reached(url, { accept: "application/json" }, asked, signal);
  const text = await reply.text().catch(() => lost(signal));
  const ms = performance.now() - begun;
  const answer = parsed(text);
  if (!answer) throw new Refusal(said(reply.status, text));
  return { status: reply.status, answer, ms, bytes: new Blob([text]).size };
}

export function reached(url, headers, asked, signal) {
  const sent = { method: "POST", headers: { ...HEADERS, ...headers }, body: JSON.stringify(asked), signal };
  return fetch(url, sent).catch(() => lost(signal));
}

/** The messages of an answer, each with the place it speaks of. */
export function complaints(answer) {
  return (answer.errors ?? []).map(({ message, path }) =>
    path ? word("query_page.at", { message, path: path.join(".") }) : message,
  );
}

/** A refusal in words, with what the server said of it. */
export function said(status, text) {
  const known = EXPLAINED.includes(status) ? word(`query_page.${status}`) : word("query_page.other", { status });
  const reason = reasonIn(text);
  return reason ? `${known} ${reason}` : known;
}

/** GraphQL says it by `errors`, the gate before it by `error`, a proxy by a page or a word. */
function reasonIn(text) {
  try {
    const { errors, error } = JSON.parse(text);
    return errors?.[0]?.message ?? error ?? "";
  } catch {
    return text.startsWith("<") ? "" : text.trim();
  }
}

function lost(signal) {
  signal?.throwIfAborted();
  throw new Refusal(word("query_page.away"));
}

/** An answer of GraphQL: a refusal at the gate is none. */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return "data" in value || "errors" in value ? value : null;
  } catch {
    return null;
  }
}
