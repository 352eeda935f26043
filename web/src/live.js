/** The one stream of a page: whether it is up, and what it says to the charts. */
import { word } from "./words.js";

// The server says something at least every 15 s.
const SILENT_MS = 40_000;
const RETRY_MS = 3_000;
const GONE = [401, 403, 404, 410];
const WELL = ["connecting", "live"];

const source = document.querySelector("[hx-sse\\:connect]");
let state = "connecting";
let heard = Date.now();
let connection = null;

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

/** Resolves once the stream follows every run of the page, or soon anyway if it cannot. */
export const following = new Promise((resolve) => {
  if (!source) return resolve();
  listen("ready", resolve);
  setTimeout(resolve, 1500);
});

if (source) {
  source.addEventListener("htmx:sse:after:connection", hear);
  source.addEventListener("htmx:sse:before:message", hear);
  source.addEventListener("htmx:sse:error", () => show("reconnecting"));
  // A browser may take long to see that a stream is cut.
  window.addEventListener("offline", () => show("reconnecting"));
  source.addEventListener("htmx:sse:close", () => show("stale"));
  // The page itself says best that there is no session any more, or that the run is gone.
  listen("refused", (status) => (GONE.includes(status) ? location.reload() : show("stale")));
  // Only a stream that was open comes back by itself.
  source.addEventListener("htmx:error", () => {
    show("reconnecting");
    setTimeout(() => source.dispatchEvent(new CustomEvent("connect")), RETRY_MS);
  });
  setInterval(() => {
    if (document.hidden || Date.now() - heard < SILENT_MS) return;
    show("stale");
    connection?.reader?.cancel();
  }, 5000);
  document.addEventListener("htmx:after:swap", () => show(state));
  show("connecting");
}
