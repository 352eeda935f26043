/** What a chart says in words and numbers. */
import { short, span } from "./numbers.js";
import { PER_LINE } from "./plot.js";
import { word } from "../words.js";

/** @typedef {import("./chart.js").Chart} Chart */

/** Reads a chart of one line at one place of x, or at its end. @param {Chart} chart */
export function tell(chart, at) {
  const now = chart.card.querySelector(".now");
  const { lines } = chart.points;
  const text = lines.length === 1 ? read(chart, lines[0], at) : "";
  if (now.textContent !== text) now.textContent = text;
}

function read(chart, line, at) {
  const { x } = chart.points;
  const last = line.values.findLastIndex((value) => typeof value === "number");
  const end = at === null || at === undefined;
  // What is no number there, or behind the last one, is said as it is.
  const marks = line.marks.filter((mark) => (end ? last < 0 || mark.x > x[last] : mark.x === x[at]));
  if (marks.length) return marks.reduce((a, b) => (b.x > a.x ? b : a)).kind;
  if (!end) return short(chart.plot.data[2][at] ?? line.values[at]);
  return last < 0 ? "" : short(line.values[last]);
}

/** A place on x, which times say alone. @param {Chart} chart */
export function placeOf(chart, at) {
  const said = saidOfX(chart, chart.points.x[at]);
  return ["TIME", "RELATIVE"].includes(chart.x) ? said : `${nameOfX(chart)} ${said}`;
}

/** A value of x, as its axis says it. @param {Chart} chart */
export function saidOfX(chart, x) {
  if (chart.x === "TIME") return new Date(x).toLocaleString();
  if (chart.x === "RELATIVE") return span(x);
  return chart.xWords?.[x] ?? short(x);
}

const NAMES = { STEP: "chart.step", RELATIVE: "chart.relative", TIME: "chart.time" };

/** @param {Chart} chart */
export function nameOfX(chart) {
  if (chart.x === "VALUE") return chart.metrics[0].label;
  if (chart.x in NAMES) return word(NAMES[chart.x]);
  return chart.xColumn === "value" ? chart.xMetric : chart.xColumn;
}

/** @param {Chart} chart */
export function describe(chart) {
  const { x, lines } = chart.points;
  const finite = lines.flatMap((line) => line.values).filter((value) => typeof value === "number");
  const many = chart.kind === "groups" ? "chart.label.groups" : "chart.label.runs";
  const label = word("chart.label", {
    name: chart.name,
    runs: chart.strands.length === 1 ? chart.strands[0].name : word(many, { count: chart.strands.length }),
    from: saidOfX(chart, x[0]),
    to: saidOfX(chart, x.at(-1)),
    min: short(finite.length ? finite.reduce((a, b) => Math.min(a, b)) : null),
    max: short(finite.length ? finite.reduce((a, b) => Math.max(a, b)) : null),
  });
  const marks = lines.reduce((sum, line) => sum + line.marks.length, 0);
  chart.figure.setAttribute("aria-label", marks ? `${label}, ${word("chart.marks", { count: marks })}` : label);
}

/** What a chart holds, for whoever looks from outside. */
export function held(chart) {
  const { points } = chart;
  return {
    x: [...points.x],
    series: points.lines.map((line, i) => ({
      run: line.run,
      name: chart.strands[i].name,
      values: [...line.values],
      smooth: chart.plot ? [...chart.plot.data[i * PER_LINE + 2]] : [],
      low: [...line.low],
      high: [...line.high],
    })),
    marks: points.lines.flatMap((line) => line.marks.map((mark) => ({ run: line.run, ...mark }))),
    zoom: chart.zoom,
    y: chart.plot && [chart.plot.scales.y.min, chart.plot.scales.y.max],
    exact: points.exact,
    // Of bars and parallel coordinates: a value or several of each run.
    rows: chart.rows ?? [],
  };
}
