/** From a point of a run's chart to the log of that moment, and a mark on the charts for a moment of the log. */
import { ask } from "../asking.js";
import { colour } from "./colours.js";
import { recall, remember } from "../address.js";
import { carried } from "../carried.js";
import { word } from "../words.js";

// Before every step there is.
const FIRST = -1e15;
const HEAD = 5;

/** The point of the chart's metric nearest to a step or a time, as the server knows it. */
async function pointAt(chart, place) {
  const [{ metric, column }] = chart.metrics;
  const variables = { runId: chart.board.runs[0].id, metric, column, place };
  const found = (await ask("moment", variables).catch(() => null))?.run?.metric?.moment;
  return found ? { step: Number(found.step), at: Date.parse(found.at) } : null;
}

/** The time of a place on the chart's x; null where it has none. */
async function timeOf(chart, x) {
  if (chart.x === "TIME") return x;
  if (chart.x === "STEP") return (await pointAt(chart, { step: Math.round(x) }))?.at ?? null;
  const first = chart.x === "RELATIVE" ? await pointAt(chart, { step: FIRST }) : null;
  return first && first.at + x;
}

/** The place of a time on the chart's x. */
async function placeOf(chart, at) {
  if (chart.x === "TIME") return at;
  if (chart.x === "STEP") return (await pointAt(chart, { at: new Date(at).toISOString() }))?.step ?? null;
  const first = await pointAt(chart, { step: FIRST });
  return first && at - first.at;
}

async function seek(chart, at) {
  chart.moment = { at, x: chart.x, place: null };
  const place = await placeOf(chart, at);
  if (chart.moment.at !== at || chart.moment.x !== chart.x) return;
  chart.moment.place = place;
  if (chart.plot) chart.board.redraw(chart);
}

/** @param {import("uplot")} u @param {import("./chart.js").Chart} chart */
export function drawMoment(u, chart) {
  const at = chart.board.moment ?? null;
  // For whoever looks from outside: where the mark is on x.
  delete chart.figure.dataset.mark;
  if (at === null || chart.kind !== "lines" || !["STEP", "RELATIVE", "TIME"].includes(chart.x)) return;
  if (chart.moment?.at !== at || chart.moment.x !== chart.x) return void seek(chart, at);
  if (chart.moment.place === null) return;
  const { ctx, bbox } = u;
  const left = Math.round(u.valToPos(chart.moment.place, "x", true));
  if (left < bbox.left || left > bbox.left + bbox.width) return;
  chart.figure.dataset.mark = chart.moment.place;
  const size = HEAD * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--warn");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(left - size, bbox.top);
  ctx.lineTo(left + size, bbox.top);
  ctx.lineTo(left, bbox.top + size * 1.4);
  ctx.fill();
  ctx.restore();
}

/** Marks a moment on every chart; null takes the mark away. */
function set(board, at, line = null) {
  board.moment = at;
  for (const chart of board.charts.values()) if (chart.plot) board.redraw(chart);
  const time = at === null ? "" : new Date(at).toLocaleTimeString();
  const chip = document.querySelector("[data-moment]");
  if (chip) {
    chip.hidden = at === null;
    chip.querySelector("span").textContent = word("moment.marked", { time });
  }
  if (line) say(board, at, word("moment.line", { number: Number(line.number).toLocaleString("en-US"), time }));
}

/** Above a log: which line it is, and where the run was. */
async function say(board, at, text) {
  const said = document.querySelector("[data-moment-said]");
  const [chart] = board.charts.values();
  if (!said || !chart) return;
  said.textContent = text;
  const link = document.querySelector("[data-moment-link]");
  const url = new URL(link.href);
  url.searchParams.set("at", String(at));
  link.href = url.href;
  const found = await pointAt(chart, { at: new Date(at).toISOString() });
  if (found && board.moment === at) said.textContent = `${text} · ${word("chart.step")} ${found.step.toLocaleString("en-US")}`;
}

/** Goes to the log of the moment that the crosshair is at. */
async function open(chart) {
  const at = chart?.plot?.cursor.idx;
  const home = chart?.figure.closest("[data-moments]");
  if (at === null || at === undefined || !home) return;
  const time = await timeOf(chart, chart.points.x[at]);
  if (time === null) return;
  const { viewer } = document.querySelector("[data-log]") ?? {};
  if (viewer) viewer.toMoment(Math.round(time));
  else location.assign(`${carried(new URL(home.dataset.moments, location.origin)).href}#T${Math.round(time)}`);
}

/** @param {import("./board.js").Board} board */
export function startMoments(board) {
  const of = (element) => board.charts.get(element.closest("[data-chart]"));
  let touched = null;
  document.addEventListener("click", (event) => {
    const over = event.target.closest("[data-moments] .u-over");
    if (event.target.closest("[data-moment]")) {
      remember({ at: null });
      set(board, null);
    }
    if (!over) return;
    const chart = of(over);
    // A first touch only reads the point.
    const key = `${chart?.name} ${chart?.plot?.cursor.idx}`;
    if (event.pointerType === "touch" && touched !== key) touched = key;
    else open(chart);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-moments] [data-chart]")) open(of(event.target));
  });
  document.addEventListener("moment", ({ detail }) => set(board, Date.parse(detail.at), detail));
  const line = document.querySelector("[data-log]")?.viewer?.line;
  const asked = Number(recall("at"));
  if (line) set(board, Date.parse(line.at), line);
  else if (asked) set(board, asked);
}
