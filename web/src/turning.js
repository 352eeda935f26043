/**
 * A table of runs in another order, filter, grouping or page takes the place of what is shown, and the rest of the
 * page stays. The links and forms work without this too, by opening the address.
 */
import htmx from "htmx.org";
import { isSameList } from "./address.js";
import { reselect } from "./shown.js";

// What is shown of the page at another address, as `answered` in render.py knows.
const HEADERS = { "HX-Request-Type": "partial" };
const NEXT = "runs-next";
// Less is no wait, and a table that fades meanwhile is painted once more.
const WAIT_MS = 300;

let asked = null;

const field = () => document.getElementById("filter");
const isTable = () => document.getElementById("runs") !== null;

function isHere({ origin, pathname, search }) {
  return origin === location.origin && pathname === location.pathname && isSameList(search);
}

/** @param {string} address @param {"pushState" | "replaceState" | null} keep how the browser remembers it; null: it does already */
export async function turn(address, keep = "pushState") {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  const typed = field().value;
  // What takes its place is not busy any more, and waits for nothing.
  const table = document.getElementById("runs");
  table.setAttribute("aria-busy", "true");
  const wait = setTimeout(() => table.setAttribute("data-waits", ""), WAIT_MS);
  let text;
  try {
    const reply = await fetch(address, { headers: HEADERS, signal });
    text = reply.ok && (await reply.text());
  } catch {
    text = "";
  } finally {
    clearTimeout(wait);
  }
  if (signal.aborted) return;
  // The page itself says best what is wrong.
  if (!text) return keep ? location.assign(address) : location.reload();
  if (keep) history[keep](null, "", address);
  else reselect();
  const focused = document.activeElement;
  const main = document.getElementById("main");
  // With fewer lines for a moment the page would scroll.
  main.style.minHeight = `${main.offsetHeight}px`;
  await htmx.swap({ sourceElement: main, text, swap: "none" });
  settle(typed, focused);
  requestAnimationFrame(() => setTimeout(fill));
}

/** Put the lines into the table that waited until those above them were on the screen. */
function fill() {
  const waiting = document.querySelector("#runs tbody > template");
  waiting?.replaceWith(waiting.content);
  document.getElementById("main").style.minHeight = "";
}

/** What was written since stays; other fields show what the table is of. */
function settle(typed, focused) {
  const { value } = field();
  field().form.reset();
  if (value !== typed) field().value = value;
  if (focused.isConnected && focused.checkVisibility()) return;
  // The last page has no link to a next one.
  document.getElementById("runs-scroll")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("#tools a[href], #runs a[href]");
  if (!link || !isHere(link)) return;
  event.preventDefault();
  const isPage = link.id === NEXT;
  turn(link.href).then(() => isPage && document.getElementById("runs")?.scrollIntoView({ behavior: "instant" }));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("#tools form")) return;
  const address = new URL(form.action);
  address.search = "";
  for (const [name, value] of new FormData(form)) if (value) address.searchParams.append(name, value);
  if (!isHere(address)) return;
  event.preventDefault();
  // As on a new page the keys are those of the table.
  if (document.activeElement === field()) field().blur();
  turn(address.href);
});

addEventListener("popstate", () => isTable() && !location.hash && turn(location.href, null));
