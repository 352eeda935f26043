/** Compared runs: another is found and added. */
import { find } from "./palette/items.js";
import { word } from "./words.js";

const WAIT_MS = 120;

const field = document.querySelector("[data-add-run]");
const list = document.getElementById("addable");
const said = list?.nextElementSibling;
const compared = (field?.dataset.addRun ?? "").split(",").filter(Boolean);

let asking = new AbortController();
let timer = 0;
let at = -1;

const options = () => [...list.children];

function close() {
  clearTimeout(timer);
  asking.abort();
  list.hidden = true;
  list.replaceChildren();
  said.textContent = "";
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
  at = -1;
}

/** Those that fit what is typed, or else the newest beside the compared ones; these are left out. */
function narrowed(named, text) {
  const test = (attribute, value) => ({ test: { subject: { attribute }, value } });
  const { home } = field.dataset;
  const wanted = text || !home ? named : test("EXPERIMENT", home);
  return compared.length ? { all: [wanted, { not: { any: compared.map((run) => test("RUN_ID", run)) } }] } : wanted;
}

async function show() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const text = field.value.trim();
  let found;
  try {
    found = await find(text, signal, (named) => narrowed(named, text));
  } catch {
    if (!signal.aborted) said.textContent = word("compare.add.failed");
    return;
  }
  if (signal.aborted || document.activeElement !== field) return;
  const runs = found.filter(({ group, id }) => group === "runs" && !compared.includes(id));
  if (!runs.length) close();
  said.textContent = runs.length ? "" : word("compare.add.none");
  if (!runs.length) return;
  list.replaceChildren(...runs.map(option));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  mark(text ? 0 : -1);
}

function option({ id, text, note, status }, n) {
  const made = document.createElement("li");
  made.id = `addable-${n}`;
  made.setAttribute("role", "option");
  made.dataset.add = id;
  const [dot, name, where] = ["span", "b", "span"].map((tag) => document.createElement(tag));
  dot.className = "state";
  dot.dataset.s = status.toLowerCase().replaceAll("_", "");
  name.textContent = text;
  where.className = "kind";
  where.textContent = note;
  made.append(dot, name, where);
  return made;
}

/** @param {number} next -1: none yet */
function mark(next) {
  const all = options();
  at = next < 0 ? -1 : next % all.length;
  for (const [n, each] of all.entries()) each.setAttribute("aria-selected", String(n === at));
  if (at < 0) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
}

/** The next one is added from where this one was. */
function add({ dataset }) {
  const query = new URLSearchParams(location.search);
  query.set("runs", [...compared, dataset.add].join(","));
  location.assign(`${location.pathname}?${query}#${field.id}`);
}

function press(event) {
  if (event.isComposing) return;
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (way) {
    event.preventDefault();
    if (list.hidden) show();
    else mark(at < 0 ? (way > 0 ? 0 : options().length - 1) : at + way + options().length);
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    close();
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    add(options()[at]);
  }
}

if (field) {
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, WAIT_MS);
  });
  field.addEventListener("click", () => list.hidden && show());
  field.addEventListener("keydown", press);
  field.addEventListener("blur", close);
  // Before the field loses the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[data-add]");
    if (option) add(option);
  });
  if (location.hash === `#${field.id}`) field.focus();
}
