/** Ctrl-K, or the Mac's ⌘K: search over everything, by keyboard first. */
import { find, fits, near } from "./palette/items.js";
import { word } from "./words.js";

const WAIT_MS = 90;
const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const GROUPS = ["recent", "experiments", "runs", "targets", "views", "pages", "actions"];

const dialog = document.getElementById("palette");
const field = dialog?.querySelector("[role=combobox]");
const list = dialog?.querySelector("[role=listbox]");
const said = dialog?.querySelector("[role=status]");

let far = [];
let shown = [];
let at = 0;
let timer = 0;
let asking = new AbortController();

const keyOf = ({ group, text, href }) => `${group} ${href ?? text}`;
const typed = () => field.value.trim();

function open() {
  if (dialog.open) return field.select();
  field.value = "";
  far = [];
  dialog.showModal();
  search();
}

/** What is here is shown at once; what was found before stays as far as it fits, until the answer is here. */
function search() {
  clearTimeout(timer);
  asking.abort();
  const text = typed();
  far = text ? far.filter((item) => fits(item, text)) : [];
  draw(text ? null : "");
  if (text) timer = setTimeout(() => ask(text), WAIT_MS);
}

async function ask(text) {
  asking = new AbortController();
  try {
    far = await find(text, asking.signal);
    draw(far.length || shown.length ? "" : word("palette.none", { text }));
  } catch (error) {
    if (error.name !== "AbortError") draw(word("palette.failed"));
  }
}

/** @param {string | null} text what is to be said below, null: nothing new */
function draw(text) {
  const before = shown[at] && keyOf(shown[at]);
  const all = [...near(typed(), copy), ...far];
  shown = GROUPS.flatMap((group) => all.filter((item) => item.group === group));
  const parts = GROUPS.map((group) => drawn(group)).filter(Boolean);
  list.replaceChildren(...parts);
  field.setAttribute("aria-expanded", String(shown.length > 0));
  const kept = shown.findIndex((item) => keyOf(item) === before);
  mark(typed() && kept > 0 ? kept : 0);
  if (text !== null) said.textContent = text;
  else if (shown.length) said.textContent = "";
}

function drawn(group) {
  const items = shown.filter((item) => item.group === group);
  if (!items.length) return null;
  const box = document.createElement("div");
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", `palette-${group}`);
  const title = made("div", "title", word(`palette.${group}`));
  title.id = `palette-${group}`;
  title.setAttribute("role", "presentation");
  box.append(title, ...items.map(option));
  return box;
}

function option(item) {
  const line = made("div", "found", "");
  line.id = `palette-option-${shown.indexOf(item)}`;
  line.setAttribute("role", "option");
  if (item.status) {
    const dot = made("span", "state", "");
    dot.dataset.s = item.status.toLowerCase().replaceAll("_", "");
    line.append(dot);
  } else {
    line.append(dialog.querySelector(`template[data-kind="${item.kind}"]`).content.cloneNode(true));
  }
  line.append(made("b", "cut", item.text), made("span", "note cut", item.note ?? ""));
  return line;
}

function made(tag, style, text) {
  const element = document.createElement(tag);
  element.className = style;
  element.textContent = text;
  return element;
}

function mark(next) {
  const options = [...list.querySelectorAll("[role=option]")];
  at = options.length ? (next + options.length) % options.length : 0;
  for (const [n, each] of options.entries()) each.setAttribute("aria-selected", String(n === at));
  if (!options.length) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", options[at].id);
  // The title of the first group is seen, too.
  if (at === 0) list.scrollTop = 0;
  else options[at].scrollIntoView({ block: "nearest" });
}

async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    said.textContent = word("copied");
  } catch {
    // Without a secure origin there is no clipboard: what is marked can be copied by hand.
    field.value = location.href;
    field.select();
    said.textContent = word("copy.failed");
  }
}

function take(item, elsewhere) {
  if (!item) return;
  if (item.href) {
    if (elsewhere) return window.open(item.href, "_blank", "noopener");
    dialog.close();
    return location.assign(item.href);
  }
  if (!item.stays) dialog.close();
  item.act();
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

function press(event) {
  if (event.isComposing) return;
  if (event.key in STEPS) mark(Math.abs(STEPS[event.key]) === 1 ? at + STEPS[event.key] : far8(STEPS[event.key]));
  else if (event.key === "Enter") take(shown[at], event.ctrlKey || event.metaKey);
  else return;
  event.preventDefault();
}

/** A page on does not turn around at an end. */
const far8 = (by) => Math.max(0, Math.min(shown.length - 1, at + by));

if (dialog) {
  for (const each of document.querySelectorAll("[data-palette] kbd")) each.textContent = MAC ? "⌘K" : each.textContent;
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || !(MAC ? event.metaKey : event.ctrlKey)) return;
    event.preventDefault();
    event.stopPropagation();
    open();
  }, true);
  document.addEventListener("click", ({ target }) => target.closest("[data-palette]") && open());
  dialog.addEventListener("close", () => asking.abort());
  field.addEventListener("input", search);
  field.addEventListener("keydown", press);
  // Before the field loses the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[role=option]");
    if (line) take(shown[Number(line.id.split("-").at(-1))], event.ctrlKey || event.metaKey);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
