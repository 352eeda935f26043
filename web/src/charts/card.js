/** What the buttons of a chart do: its table, its files, its size. */
import { colour, tokenOf } from "./colours.js";
import { csvOf, fill } from "./table.js";

const HEAD = 34;
const LINE = 18;
const FONT = '"Geist Variable", system-ui';

const ACTS = {
  reset: (chart) => chart.resetZoom(),
  outliers: (chart) => chart.board.set("outliers", !chart.settings.outliers),
  table: turn,
  csv: (chart) => save(new Blob([csvOf(chart)], { type: "text/csv" }), `${chart.name}.csv`),
  png: async (chart) => save(await pictureOf(chart), `${chart.name}.png`),
  pin: (chart) => pin(chart, true),
  unpin: (chart) => pin(chart, false),
  expand: (chart, button) => (chart.card.matches(":popover-open") ? chart.card.hidePopover() : expand(chart, button)),
};

/** @param {import("./chart.js").Chart} chart @param {MouseEvent} event */
function act(chart, event) {
  const button = event.target.closest("[data-act]");
  ACTS[button?.dataset.act]?.(chart, button);
}

/** Names the lines, where the colours of the page do not: one that fills the window covers these. */
export function legend(chart) {
  const list = chart.figure.querySelector(".legend");
  const { kind, metrics, strands } = chart;
  const isOfRuns = kind === "lines" && metrics.length === 1;
  list.classList.toggle("covered", isOfRuns);
  // Of several metrics of runs the dashes say which; of groups each line has its name.
  const named = kind === "groups" || isOfRuns ? strands : kind === "lines" ? metrics.map(({ label }, n) => ({ name: label, colour: null, dashed: n > 0 })) : [];
  list.replaceChildren(...named.map((strand) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.className = `stroke ${strand.colour === null ? "plain" : `c${strand.colour}`}${strand.dashed ? " dashed" : ""}`;
    item.append(mark, strand.name);
    return item;
  }));
  list.hidden = named.length < (isOfRuns ? 2 : 1);
  // Where it has no room it scrolls, by keyboard too.
  list.tabIndex = 0;
}

function turn(chart, button) {
  const shown = chart.figure.querySelector(".shown-table");
  shown.hidden = !shown.hidden;
  chart.canvas.hidden = !shown.hidden;
  button.setAttribute("aria-pressed", String(!shown.hidden));
  fill(chart);
  chart.resize();
}

/** The page knows by its address which charts stand before the others. */
function pin(chart, isPinned) {
  const query = new URLSearchParams(location.search);
  const others = query.getAll("pin").filter((name) => name !== chart.metrics[0].metric);
  query.delete("pin");
  for (const name of isPinned ? [...others, chart.metrics[0].metric] : others) query.append("pin", name);
  location.search = query;
}

/** From one chart that fills the window to the next. */
function step(chart, event) {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!way || event.target === chart.figure || !chart.card.matches(":popover-open")) return;
  const all = [...document.querySelectorAll(".chart:has([data-chart])")].filter((card) => card.checkVisibility());
  const next = all[all.indexOf(chart.card) + way];
  if (!next) return;
  event.preventDefault();
  chart.card.hidePopover();
  // Else it would be nowhere until the toggle is told.
  chart.card.removeAttribute("popover");
  next.querySelector("[data-act=expand]").click();
}

/** In the top layer it covers the page, and Escape leaves it. */
function expand({ card }, button) {
  card.popover = "auto";
  card.showPopover();
  button.focus();
}

/** After it has come to the top layer, or left it. */
function settle(chart) {
  const button = chart.card.querySelector("[data-act=expand]");
  const isLarge = chart.card.matches(":popover-open");
  button.setAttribute("aria-pressed", String(isLarge));
  if (!isLarge) chart.card.removeAttribute("popover");
  chart.resize();
  // Unless another chart has taken its place.
  if (!document.querySelector(".chart:popover-open")) button.focus();
}

/** @param {import("./chart.js").Chart} chart */
export function listen(chart) {
  chart.card.addEventListener("click", (event) => act(chart, event));
  chart.card.addEventListener("keydown", (event) => step(chart, event));
  chart.card.addEventListener("toggle", (event) => event.target === chart.card && settle(chart));
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replaceAll(/[^\p{L}\p{N}._ -]+/gu, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The picture with its name above and the names of its lines below. */
async function pictureOf(chart) {
  const drawn = await chart.canvasOf();
  const named = chart.strands.slice(0, 24);
  const ratio = devicePixelRatio;
  const made = document.createElement("canvas");
  made.width = drawn.width;
  made.height = drawn.height + (HEAD + LINE * named.length + (named.length ? 10 : 0)) * ratio;
  const ctx = made.getContext("2d");
  ctx.fillStyle = colour("--surface");
  ctx.fillRect(0, 0, made.width, made.height);
  ctx.drawImage(drawn, 0, HEAD * ratio);
  ctx.scale(ratio, ratio);
  ctx.fillStyle = colour("--fg");
  ctx.font = `600 13px ${FONT}`;
  ctx.fillText(chart.name, 14, 22);
  ctx.font = `12px ${FONT}`;
  for (const [n, strand] of named.entries()) {
    const y = HEAD + drawn.height / ratio + LINE * (n + 0.5);
    ctx.fillStyle = colour(tokenOf(strand));
    ctx.fillRect(14, y - 4, 8, 8);
    ctx.fillStyle = colour("--fg-2");
    ctx.fillText(strand.name, 28, y + 4);
  }
  return new Promise((resolve) => made.toBlob(resolve));
}
