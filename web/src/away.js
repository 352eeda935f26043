/** Says over the page that this browser is offline or the server away, and takes it back by itself. */
import { lastHeard } from "./live.js";
import { word } from "./words.js";

const AGAIN_MS = 3_000;
// A page with a stream hears of it at once; others ask now and then.
const SELDOM_MS = 20_000;
const PATIENCE_MS = 8_000;

const banner = document.getElementById("away");
const streams = document.querySelector("[hx-sse\\:connect]") !== null;
let reached = Date.now();
let timer = 0;
let turn = 0;

async function isThere() {
  const asked = fetch(`${document.body.dataset.root}healthz`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  // Ill or well it answers with JSON; a proxy before it, that does not reach it, with a page.
  return asked.then(({ headers }) => Boolean(headers.get("content-type")?.startsWith("application/json")), () => false);
}

async function check() {
  clearTimeout(timer);
  const mine = (turn += 1);
  // A server on the same machine is there without a network.
  const there = await isThere();
  if (mine !== turn) return;
  if (there) reached = Date.now();
  say(there ? "" : navigator.onLine ? "server" : "offline");
  if (!there || !streams) timer = setTimeout(look, there ? SELDOM_MS : AGAIN_MS);
}

/** Nobody reads a page in the background: it is asked for again when it comes back. */
function look() {
  if (!document.hidden) check();
}

function say(what) {
  const text = what && word(`away.${what}`, { time: new Date(streams ? Math.max(reached, lastHeard()) : reached).toLocaleTimeString() });
  const said = banner.querySelector("span");
  if (said.textContent !== text) said.textContent = text;
  banner.hidden = !what;
}

if (banner) {
  for (const event of ["online", "offline"]) window.addEventListener(event, check);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("live", ({ detail }) => {
    if (detail === "live" ? !banner.hidden : detail !== "connecting") check();
  });
  // What is cut off by leaving the page was not away.
  window.addEventListener("pagehide", () => {
    turn += 1;
    clearTimeout(timer);
  });
  if (!navigator.onLine) check();
  else if (!streams) timer = setTimeout(look, SELDOM_MS);
}
