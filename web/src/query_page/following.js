/** A subscription over server-sent events; it comes back by itself, with its place. */
import { Refusal, reached, said } from "./asking.js";

const RETRY_MS = 500;
const RETRY_MS_MAX = 10_000;
const END = /\r\n\r\n|\n\n/;

/**
 * Follows until the server says that this is all, or `signal` stops it.
 *
 * `told.event(answer, bytes)` is called for each event and `told.state(name)` with `open` or
 * `reconnecting`. Throws a `Refusal` where coming again would be no use.
 */
export async function follow(url, asked, signal, told) {
  const place = { id: "", waited: 0 };
  while (!(await once(url, asked, signal, told, place))) {
    told.state("reconnecting");
    place.waited = Math.min(RETRY_MS_MAX, place.waited * 2 || RETRY_MS);
    await pause(place.waited, signal);
  }
}

/** Whether it is over: else the connection was lost. */
async function once(url, asked, signal, told, place) {
  const headers = { accept: "text/event-stream" };
  if (place.id) headers["last-event-id"] = place.id;
  const reply = await reached(url, headers, asked, signal).catch((error) => {
    if (place.waited || place.id) return null;
    throw error;
  });
  if (reply === null || reply.status >= 500) return false;
  if (!reply.ok) throw new Refusal(said(reply.status, await reply.text()));
  told.state("open");
  try {
    for await (const event of events(reply.body)) {
      place.waited = 0;
      if (event.id) place.id = event.id;
      if (event.event === "complete") return true;
      if (event.event === "next") told.event(JSON.parse(event.data), event.data.length);
    }
  } catch {
    signal.throwIfAborted();
  }
  return false;
}

async function* events(stream) {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of chunks(stream)) {
    rest += decoder.decode(bytes, { stream: true });
    const blocks = rest.split(END);
    rest = blocks.pop();
    for (const block of blocks) yield fields(block);
  }
}

/** Not every browser has streams that can be looped over. */
async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function fields(block) {
  const found = {};
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w*):? ?(.*)$/.exec(line) ?? [];
    if (name) found[name] = name === "data" && found.data ? `${found.data}\n${value}` : value;
  }
  return found;
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
