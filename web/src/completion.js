/** The filter of a table says how it can go on: words of its language, what runs have, and values of it. */
import { word } from "./words.js";

const WAIT_MS = 120;

const field = document.querySelector("[data-complete]");
const list = document.getElementById("completions");
let asked = 0;
let timer = 0;
let place = null;
let at = -1;

// Tags before a filter's text are no part of it.
const behindTags = () => field.value.match(/^(?:#\S+\s*)*/)[0].length;

const options = () => [...list.children];

function close() {
  asked += 1;
  clearTimeout(timer);
  list.hidden = true;
  list.replaceChildren();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
  at = -1;
}

function mark(next) {
  const all = options();
  at = (next + all.length) % all.length;
  for (const [n, each] of all.entries()) each.setAttribute("aria-selected", n === at);
  field.setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
}

function item({ text, kind, description }, n) {
  const made = document.createElement("li");
  made.id = `completion-${n}`;
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  made.dataset.text = text;
  const [name, what, why] = ["b", "span", "span"].map((tag) => document.createElement(tag));
  name.textContent = text;
  what.textContent = word(`filter.kind.${kind}`);
  what.className = "kind";
  why.textContent = description;
  made.append(name, what, why);
  return made;
}

async function show() {
  const mine = (asked += 1);
  const from = behindTags();
  const variables = {
    text: field.value.slice(from),
    at: Math.max(0, field.selectionStart - from),
    experiment: field.dataset.experiment || null,
  };
  const query = new URLSearchParams({ variables: JSON.stringify(variables) });
  const reply = await fetch(`${field.dataset.complete}?${query}`).catch(() => null);
  // A filter works without being completed.
  if (!reply?.ok || mine !== asked || document.activeElement !== field) return;
  const { filterCompletion: found } = await reply.json();
  if (mine !== asked) return;
  place = { ...found, begin: found.begin + from, end: found.end + from };
  if (!place.options.length) return close();
  list.replaceChildren(...place.options.map(item));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  field.removeAttribute("aria-activedescendant");
  at = -1;
}

function take(option) {
  const { begin, end } = place;
  const rest = field.value.slice(end);
  const space = rest.startsWith(" ") ? "" : " ";
  const { text } = option.dataset;
  // What opens something goes on at once.
  const gap = text.endsWith("(") || text.endsWith(" ") ? "" : space;
  field.value = field.value.slice(0, begin) + text + gap + rest;
  const behind = begin + text.length + gap.length;
  field.setSelectionRange(behind, behind);
  field.focus();
  show();
}

function press(event) {
  if (event.isComposing) return;
  if (list.hidden) {
    if (event.key !== "ArrowDown" && !(event.key === " " && event.ctrlKey)) return;
    event.preventDefault();
    show();
    return;
  }
  const ways = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in ways) {
    event.preventDefault();
    mark(at < 0 && event.key === "ArrowUp" ? -1 : at + ways[event.key]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close();
  } else if (at >= 0 && (event.key === "Enter" || event.key === "Tab")) {
    event.preventDefault();
    take(options()[at]);
  }
}

if (field) {
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, WAIT_MS);
  });
  field.addEventListener("keydown", press);
  field.addEventListener("blur", close);
  // Before the field loses the focus.
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
}
