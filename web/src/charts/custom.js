/** Charts of one's own: they stand in the address, where they are added, changed, moved and taken away. */
import { fill } from "../sheets.js";
import { word } from "../words.js";

const TIMES = ["STEP", "RELATIVE", "TIME"];

/** @type {HTMLDialogElement} */
let dialog = null;
/** The chart that is changed; null: a new one. */
let changed = null;

const form = () => dialog.querySelector("form");
const kindIn = () => form().elements.kind.value;

/** Shows what a kind of chart needs, and nothing else. */
function show() {
  for (const part of dialog.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(kindIn());
    if (part.localName === "option") part.disabled = part.hidden;
  }
  const by = form().elements.by;
  if (by.selectedOptions[0]?.disabled) by.value = kindIn() === "bars" ? "" : "all";
}

const ticked = (name) => [...dialog.querySelectorAll(`input[name="${name}"]:checked`)].map(({ value }) => value);

function valued(key, stat) {
  return key.startsWith("param:") ? key : `${stat}:${key}`;
}

/** What the form says, as the address has it; see web/custom_charts.py. */
function read() {
  const { elements } = form();
  const kind = kindIn();
  const said = new URLSearchParams({ kind });
  const metrics = ticked("metric");
  if (kind === "lines" || kind === "groups") {
    for (const key of metrics) said.append("y", `last:${key}`);
    const x = elements.x.value;
    if (x !== "STEP") said.set("x", TIMES.includes(x) ? x : `last:${x}`);
  } else if (kind === "parallel") {
    for (const key of ticked("param")) said.append("y", key);
    for (const key of metrics) said.append("y", `${elements.each.value}:${key}`);
  } else {
    said.append("y", valued(elements.y.value, elements.stat.value));
    if (kind === "scatter") said.set("x", valued(elements.xvalue.value, elements.xstat.value));
  }
  if ((kind === "groups" || kind === "bars") && elements.by.value) said.set("by", elements.by.value);
  if (kind === "groups" && elements.band.value) said.set("band", elements.band.value);
  const log = (elements.logx.checked ? "x" : "") + (elements.logy.checked ? "y" : "");
  if (log && !["bars", "parallel"].includes(kind)) said.set("log", log);
  return said;
}

/** What is missing, in words; null: nothing. */
function problem(said) {
  const least = said.get("kind") === "parallel" ? 2 : 1;
  if (said.getAll("y").length >= least) return null;
  return word(least === 1 ? "custom.none" : "custom.few");
}

function write(said) {
  const { elements } = form();
  form().reset();
  elements.kind.value = said.get("kind");
  const parted = said.getAll("y").map(part);
  for (const [key, stat] of parted) {
    for (const box of dialog.querySelectorAll("input[name=metric], input[name=param]")) if (box.value === key) box.checked = true;
    elements.y.value = key;
    if (stat) elements.stat.value = elements.each.value = stat;
  }
  const x = said.get("x") ?? "STEP";
  const [key, stat] = TIMES.includes(x) ? [x] : part(x);
  elements[said.get("kind") === "scatter" ? "xvalue" : "x"].value = key;
  if (stat) elements.xstat.value = stat;
  elements.by.value = said.get("by") ?? "";
  elements.band.value = said.get("band") ?? "";
  elements.logx.checked = said.get("log")?.includes("x") ?? false;
  elements.logy.checked = said.get("log")?.includes("y") ?? false;
}

/** A key of a column without its statistic, and this. */
function part(key) {
  if (key.startsWith("param:")) return [key, null];
  const [stat] = key.split(":", 1);
  return [key.slice(stat.length + 1), stat];
}

/** @param {string | null} said the chart to change */
export async function open(said) {
  await fill(form());
  if (!form().elements.kind) return dialog.showModal();
  changed = said;
  if (said) write(new URLSearchParams(said));
  else form().reset();
  for (const each of dialog.querySelectorAll("[data-new]")) each.textContent = said ? each.dataset.edit : each.dataset.new;
  tell(null);
  show();
  dialog.showModal();
}

function tell(why) {
  const place = dialog.querySelector("[data-said]");
  place.textContent = why ?? "";
  place.hidden = !why;
}

/** Opens the page with these charts. @param {(charts: string[]) => string[]} change */
function turn(change) {
  const query = new URLSearchParams(location.search);
  const charts = change(query.getAll("chart"));
  query.delete("chart");
  for (const each of charts) query.append("chart", each);
  location.search = query;
}

function moved(charts, said, way) {
  const at = charts.indexOf(said);
  const to = at + way;
  if (at < 0 || to < 0 || to >= charts.length) return charts;
  [charts[at], charts[to]] = [charts[to], charts[at]];
  return charts;
}

const ACTS = {
  edit: open,
  remove: (said) => turn((charts) => charts.filter((each) => each !== said)),
  sooner: (said) => turn((charts) => moved(charts, said, -1)),
  later: (said) => turn((charts) => moved(charts, said, 1)),
};

function submit(event) {
  event.preventDefault();
  const said = read();
  const why = problem(said);
  if (why) return tell(why);
  dialog.close();
  const text = said.toString();
  turn((charts) => {
    const others = charts.filter((each) => each !== text || each === changed);
    return changed ? others.map((each) => (each === changed ? text : each)) : [...others, text];
  });
}

export function start() {
  if (dialog) return;
  dialog = document.getElementById("custom-chart");
  if (!dialog) return;
  form().addEventListener("change", show);
  form().addEventListener("submit", submit);
  document.addEventListener("click", ({ target }) => {
    if (target.closest("#custom-chart [data-leave]")) dialog.close();
    const card = target.closest("[data-custom]");
    const act = card && target.closest("[data-act]");
    if (act) ACTS[act.dataset.act]?.(card.dataset.custom);
  });
}
