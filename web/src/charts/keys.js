/** The crosshair by keyboard, with a readout that is spoken. */
import { short } from "./numbers.js";
import { smoothOf } from "./plot.js";
import { placeOf } from "./readout.js";
import { word } from "../words.js";

const FAR = 10;

/** @param {import("./chart.js").Chart} chart @param {KeyboardEvent} event */
export function keys(chart, event) {
  if (event.target !== chart.figure) return;
  if (event.key === "f" && !event.ctrlKey && !event.metaKey && !event.altKey) return chart.card.querySelector("[data-act=expand]").click();
  if (!chart.plot) return;
  if (event.key === "Escape") return leave(chart);
  const to = place(chart, event);
  if (to === null) return;
  event.preventDefault();
  chart.byKeyboard = true;
  const { plot, points } = chart;
  const value = plot.data[smoothOf(0)][to];
  const top = typeof value === "number" ? plot.valToPos(value, "y") : plot.over.clientHeight / 2;
  plot.setCursor({ left: plot.valToPos(points.x[to], "x"), top: Math.max(0, top) });
  const values = chart.strands.filter((strand, i) => said(chart, i, to)).map((strand) => `${strand.name} ${read(chart, chart.strands.indexOf(strand), to)}`).join(", ");
  chart.figure.querySelector("[role=status]").textContent = word("chart.readout", { x: placeOf(chart, to), values });
}

/** Of many runs with one point each, only those that have one there. */
const said = (chart, line, at) => chart.x !== "VALUE" || chart.points.lines[line].values[at] !== undefined;

function read(chart, line, at) {
  const { values, marks } = chart.points.lines[line];
  if (values[at] === null) return marks.find((mark) => mark.x === chart.points.x[at])?.kind ?? short(null);
  return short(values[at]);
}

/** The next place of x that is on the screen, or null for another key. */
function place(chart, event) {
  const { x } = chart.points;
  const { min, max } = chart.plot.scales.x;
  const first = x.findIndex((value) => value >= min);
  const last = x.findLastIndex((value) => value <= max);
  const now = chart.plot.cursor.left >= 0 ? (chart.plot.cursor.idx ?? first - 1) : first - 1;
  const far = event.shiftKey ? FAR : 1;
  const wanted = { ArrowRight: now + far, ArrowLeft: now - far, Home: first, End: last }[event.key];
  return wanted === undefined ? null : Math.max(first, Math.min(last, wanted));
}

function leave(chart) {
  chart.byKeyboard = false;
  chart.plot.setCursor({ left: -10, top: -10 });
}
