/** The run table's choice: which runs are selected, and which the charts above show. */
import { isSameList, recall, remember } from "./address.js";
import { word } from "./words.js";

const SHOWN_MAX = 10;
const COLOURS = 8;

const selected = new Set();
let told = "";

// A line without a number has no colour of its own, and stands in other tables.
const ROW = "tr[data-run][data-number]";
// Some may wait for the next frame (see turning.js).
const rows = () =>
  [...document.querySelectorAll(`[data-runs] ${ROW}, [data-runs] tbody > template`)].flatMap((row) =>
    row.content ? [...row.content.querySelectorAll(ROW)] : row,
  );

/** The selected runs, or else the newest of the page. */
function chosen(all) {
  const picked = all.filter((row) => selected.has(row.dataset.run));
  if (picked.length) return picked;
  return all.toSorted((a, b) => b.dataset.number - a.dataset.number).slice(0, SHOWN_MAX);
}

/** A run keeps the colour of its number where no other shown run has it (as run_table.py does). */
function coloured(shown) {
  const colours = new Map();
  let free = new Set();
  for (const row of shown.toSorted((a, b) => a.dataset.number - b.dataset.number)) {
    if (!free.size) free = new Set(Array(COLOURS).keys());
    let colour = row.dataset.number % COLOURS;
    while (!free.has(colour)) colour = (colour + 1) % COLOURS;
    free.delete(colour);
    colours.set(row, colour);
  }
  return colours;
}

function paint(all, colours) {
  for (const row of all) {
    const colour = colours.get(row);
    const dot = row.querySelector(".sel .dot");
    const line = row.querySelector(".spark path:not(.broken)");
    dot.className = `dot ${colour === undefined ? "off" : `c${colour}`}`;
    line?.setAttribute("class", colour === undefined ? "s-mute" : `s${colour}`);
    const isSelected = selected.has(row.dataset.run);
    row.querySelector(".box").checked = isSelected;
    if (isSelected) row.setAttribute("aria-selected", "true");
    else row.removeAttribute("aria-selected");
  }
}

function dock(all, colours) {
  const bar = document.querySelector("[data-dock]");
  if (!bar) return;
  bar.hidden = selected.size === 0;
  bar.querySelector("[data-count]").textContent = word("selected", { count: selected.size });
  const dots = [...colours.values()].map((colour) => {
    const dot = document.createElement("i");
    dot.className = `dot c${colour}`;
    return dot;
  });
  bar.querySelector(".dots").replaceChildren(...dots);
  const rename = bar.querySelector("[data-rename]");
  // The name is changed where it stands.
  if (rename) rename.hidden = selected.size !== 1 || !all.some((row) => selected.has(row.dataset.run));
  const compare = bar.querySelector("[data-compare]");
  if (compare) compare.search = new URLSearchParams({ runs: [...selected].join(",") });
}

function sync() {
  const all = rows();
  const colours = coloured(chosen(all));
  dock(all, colours);
  if (!all.length) return;
  paint(all, colours);
  const box = document.querySelector("[data-select-all]");
  if (box) box.checked = all.every((row) => selected.has(row.dataset.run));
  const runs = [...colours].map(([row, colour]) => ({ id: row.dataset.run, name: row.dataset.name, colour }));
  const said = JSON.stringify(runs);
  if (said === told) return;
  told = said;
  document.dispatchEvent(new CustomEvent("shown", { detail: runs }));
}

/** The runs to draw, as the table has them now. */
export function shownRuns() {
  return told ? JSON.parse(told) : [];
}

/** The selected runs of the table, or else all that it has. */
export function listedRuns() {
  const all = rows();
  const picked = all.filter((row) => selected.has(row.dataset.run));
  return (picked.length ? picked : all).map((row) => ({ id: row.dataset.run, name: row.dataset.name }));
}

/** The selected runs by their names; those that another page of the table has, by their ids. */
export function selectedRuns() {
  const names = new Map(rows().map((row) => [row.dataset.run, row.dataset.name]));
  return new Map([...selected].map((run) => [run, names.get(run) ?? run]));
}

/** @param {Iterable<string>} runs */
export function deselect(runs) {
  for (const run of runs) selected.delete(run);
  choose();
}

/** As the address says. */
export function reselect() {
  selected.clear();
  for (const run of (recall("sel") ?? "").split(",")) if (run) selected.add(run);
}

function choose() {
  remember({ sel: [...selected].join(",") });
  sync();
}

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.matches("[data-select-all]")) {
    for (const row of rows()) selected[target.checked ? "add" : "delete"](row.dataset.run);
    choose();
  } else if (target.matches("[data-runs] tr[data-run] .sel .box")) {
    selected[target.checked ? "add" : "delete"](target.closest("tr").dataset.run);
    choose();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-clear]")) deselect([...selected]);
});

// Of the same table in another way, be it in order, filter or page, the choice stays.
document.addEventListener("click", ({ target }) => {
  const link = target.closest("a[href]");
  if (!told || link?.pathname !== location.pathname) return;
  if (!isSameList(link.search)) return;
  const query = new URLSearchParams(link.search);
  if (selected.size) query.set("sel", [...selected].join(","));
  else query.delete("sel");
  link.search = query;
});
document.addEventListener("formdata", ({ target, formData }) => {
  if (!told || target.method !== "get") return;
  if (selected.size) formData.set("sel", [...selected].join(","));
  else formData.delete("sel");
});
document.addEventListener("htmx:after:swap", sync);
reselect();
sync();
