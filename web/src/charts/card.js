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
  expand: (chart, button) => (chart.card.matches(":popover-open") ? chart.card.hidePopover() : expand(chart, button)),
};

/** @param {import("./chart.js").Chart} chart @param {MouseEvent} event */
export function act(chart, event) {
  const button = event.target.closest("[data-act]");
  ACTS[button?.dataset.act]?.(chart, button);
}

/** Names the lines, where the colours of the list do not. */
export function legend(chart) {
  const list = chart.figure.querySelector(".legend");
  const isNeeded = chart.kind === "groups" || (chart.kind === "lines" && chart.metrics.length > 1);
  if (!list || !isNeeded) return;
  // Of several metrics of runs the dashes say which; of groups each line has its name.
  const named = chart.kind === "groups" ? chart.strands : chart.metrics.map(({ label }, n) => ({ name: label, colour: null, dashed: n > 0 }));
  list.replaceChildren(...named.map((strand) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.className = `stroke ${strand.colour === null ? "plain" : `c${strand.colour}`}${strand.dashed ? " dashed" : ""}`;
    item.append(mark, strand.name);
    return item;
  }));
  list.hidden = false;
}

function turn(chart, button) {
  const shown = chart.figure.querySelector(".shown-table");
  shown.hidden = !shown.hidden;
  chart.canvas.hidden = !shown.hidden;
  button.setAttribute("aria-pressed", String(!shown.hidden));
  fill(chart);
  chart.resize();
}

/** In the top layer it covers the page, and Escape leaves it. */
function expand(chart, button) {
  const { card } = chart;
  card.popover = "auto";
  card.showPopover();
  button.setAttribute("aria-pressed", "true");
  chart.resize();
  card.addEventListener("toggle", ({ newState }) => {
    if (newState !== "closed") return;
    card.removeAttribute("popover");
    button.setAttribute("aria-pressed", "false");
    chart.resize();
    button.focus();
  });
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
