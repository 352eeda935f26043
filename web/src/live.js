/** The one stream of a page: whether it is up, and what it says to the charts. */
import { word } from "./words.js";

// The server says something at least every 15 s.
const SILENT_MS = 40_000;
const RETRY_MS = 3_000;
const PATIENCE_MS = 1500;
const GONE = [401, 403, 404, 410];
const WELL = ["connecting", "live"];

// What a stream says comes up from its own element, which another state of a table replaces.
const source = document.getElementById("stream")?.parentElement;
let state = "connecting";
let heard = Date.now();
let connection = null;
/** What the stream was read up to: the next one goes on from there. */
let last = "";

function show(next) {
  if (next !== state) document.dispatchEvent(new CustomEvent("live", { detail: next }));
  state = next;
  const time = new Date(heard).toLocaleTimeString();
  for (const each of document.querySelectorAll("[data-live]")) {
    // Over a page without a menu beside it, "Live" would be read as a word about the run.
    const quiet = each.dataset.live === "trouble" && WELL.includes(next);
    const text = quiet ? "" : word(next === "live" ? "live" : `live.${next}`, { time });
    if (each.dataset.state === next && each.textContent === text) continue;
    each.dataset.state = next;
    each.textContent = text;
    // Of the dot alone, for whoever hovers.
    if (quiet) each.title = word(next === "live" ? "live" : `live.${next}`);
    else each.removeAttribute("title");
  }
}

function hear(event) {
  heard = Date.now();
  connection = event?.detail?.connection ?? connection;
  if (state !== "live") show("live");
}

/** When the server was last heard of. */
export const lastHeard = () => heard;

export function isLive() {
  return state === "live";
}

/** Calls back with what a named event of the stream says. */
export function listen(name, callback) {
  source?.addEventListener(name, (event) => {
    if (typeof event.detail?.data === "string") callback(JSON.parse(event.detail.data));
  });
}

/** Resolves once the stream follows every run of the page, or soon anyway if it cannot; null: it does. */
export let following = null;
let ready = () => {};
let cursors = {};

/** From where on the stream tells of a run. */
export const cursorOf = (run) => cursors[run];

function begin() {
  let resolve;
  const mine = new Promise((resolved) => (resolve = resolved));
  following = mine;
  ready = () => {
    if (following === mine) following = null;
    resolve();
  };
  setTimeout(ready, PATIENCE_MS);
}

if (source) {
  begin();
  source.addEventListener("ready", ({ detail }) => {
    cursors = JSON.parse(detail.id);
    ready();
  });
  source.addEventListener("htmx:config:request", ({ target, detail }) => {
    if (last && target.id === "stream") detail.ctx.request.headers["Last-Event-ID"] = last;
  });
  source.addEventListener("htmx:sse:before:connection", ({ detail }) => (detail.connection.lastEventId ||= last));
  source.addEventListener("htmx:sse:before:message", ({ detail }) => (last = detail.message.id || last));
  source.addEventListener("htmx:sse:after:connection", hear);
  source.addEventListener("htmx:sse:before:message", hear);
  source.addEventListener("htmx:sse:error", () => show("reconnecting"));
  // A browser may take long to see that a stream is cut.
  window.addEventListener("offline", () => show("reconnecting"));
  source.addEventListener("htmx:sse:close", ({ detail }) => (detail.reason === "cleanup" ? begin() : show("stale")));
  // The page itself says best that there is no session any more, or that the run is gone.
  listen("refused", (status) => (GONE.includes(status) ? location.reload() : show("stale")));
  // Only a stream that was open comes back by itself.
  source.addEventListener("htmx:error", () => {
    show("reconnecting");
    setTimeout(() => document.getElementById("stream").dispatchEvent(new CustomEvent("connect")), RETRY_MS);
  });
  setInterval(() => {
    if (document.hidden || Date.now() - heard < SILENT_MS) return;
    show("stale");
    connection?.reader?.cancel();
  }, 5000);
  document.addEventListener("htmx:after:swap", () => show(state));
  show("connecting");
}
