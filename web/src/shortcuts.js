/** `?` shows the keys that do something on this page; `g` and a letter goes to another. */
import { word } from "./words.js";

const TOGETHER_MS = 1200;
const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const PAGES = { e: "experiments", r: "all_runs", c: "compute", v: "views", q: "query_page", s: "settings" };

const has = (selector) => () => document.querySelector(selector) !== null;
const to = (letter) => document.querySelector(`#side a[data-page="${PAGES[letter]}"]`);

/** What each key does and where: the sheet lists those that do something here. */
const KEYS = [
  ["everywhere", [MAC ? "⌘" : "Ctrl", "K"], "palette", has("#palette")],
  ["everywhere", ["?"], "sheet", () => true],
  ...Object.keys(PAGES).map((letter) => ["everywhere", ["g", letter], `go.${letter}`, () => to(letter) !== null]),
  ["everywhere", ["Esc"], "escape", () => true],
  ["page", ["/"], "filter", has("#filter")],
  ["page", ["j"], "down", has("[data-runs] tr[data-run]")],
  ["page", ["k"], "up", has("[data-runs] tr[data-run]")],
  ["page", ["x"], "select", has("[data-runs] tr[data-run] .sel .box")],
  ["page", ["Enter"], "open", has("[data-runs] tr[data-run]")],
  ["page", ["F2"], "rename", has("[data-runs] tr[data-run]")],
  ["page", ["←", "→"], "crosshair", has("figure[data-chart]")],
  ["page", ["f"], "expand", has("figure[data-chart]")],
  ["page", ["Enter"], "log", has("[data-moments] figure[data-chart]")],
  ["page", ["Enter"], "match", has("[data-find]")],
  ["page", [MAC ? "⌘" : "Ctrl", "Enter"], "run", has("#query-page")],
];

const sheet = document.getElementById("shortcuts");
let going = 0;

/** Whoever types means a letter, and what is open over the page has keys of its own. */
function isTyping({ target }) {
  return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog");
}

function row(keys, what) {
  const [line, name, does] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  for (const key of keys) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    name.append(cap, " ");
  }
  does.textContent = word(`shortcuts.${what}`);
  line.append(does, name);
  return line;
}

export function openShortcuts() {
  for (const part of sheet.querySelectorAll("[data-keys]")) {
    const here = KEYS.filter(([where, , , works]) => where === part.dataset.keys && works());
    part.querySelector("dl").replaceChildren(...here.map(([, keys, what]) => row(keys, what)));
    part.hidden = !here.length;
  }
  sheet.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || event.defaultPrevented) return;
  if (event.key === "?" && sheet) {
    event.preventDefault();
    openShortcuts();
  } else if (event.key === "g") {
    going = Date.now();
  } else if (Date.now() - going < TOGETHER_MS && Object.hasOwn(PAGES, event.key)) {
    going = 0;
    to(event.key)?.click();
  } else {
    going = 0;
  }
});

sheet?.addEventListener("click", (event) => {
  if (event.target === sheet || event.target.closest("[data-shut]")) sheet.close();
});
