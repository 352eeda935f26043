/** What a chart asks the server, and how the answers to several questions become lines over one x. */
import { ask } from "../asking.js";
import { number } from "./numbers.js";
import { plural, word } from "../words.js";

const POINTS_MAX = 1000;
const COLOURS = 8;
// As many as the server draws together, of a tree with more in sight.
const RUNS_MAX = 200;

/** @typedef {{id: string, run?: string, name: string, colour: number | null, dashed: boolean}} Strand what a line is of */

/** What `series` is asked about one of a chart's metrics, as the Query button shows it. */
export function variablesOf(chart, { metric, column } = chart.metrics[0]) {
  const x = chart.x === "METRIC" ? { x: "METRIC", xMetric: chart.xMetric, xColumn: chart.xColumn } : { x: chart.x };
  const range = chart.range ? { range: chart.range } : {};
  const by = chart.by ? { by: chart.by } : {};
  const band = chart.band ? { extremes: false, [chart.band]: true } : {};
  return { runs: chart.of.slice(0, RUNS_MAX).map((run) => run.id), ...by, ...band, metric, column, ...x, ...range, maxPoints: POINTS_MAX };
}

/** The name of a line: its run alone, where there is one metric. */
export const lineOf = (run, place) => (place ? `${run} ${place}` : run);

/** A line for each run and metric. */
export async function runLines(chart) {
  const runs = chart.of;
  const answers = await each(chart, "series");
  const several = chart.metrics.length > 1;
  const strands = chart.metrics.flatMap(({ label }, place) =>
    runs.map((run) => ({
      id: lineOf(run.id, place),
      run: run.id,
      name: several ? `${run.name} · ${label}` : run.name,
      colour: run.colour,
      dashed: place > 0,
    })));
  const lines = answers.map(({ lines }, place) => lines.map((line) => ({ ...line, runId: lineOf(line.runId, place) })));
  return { strands, series: together(answers, lines), read: answers.flatMap(({ lines: read }) => read) };
}

/** A line for each group of runs and metric; the band is what lies between its runs, or a deviation around their mean. */
export async function groupLines(chart) {
  const answers = await each(chart, "series_groups");
  const several = chart.metrics.length > 1;
  const found = new Map();
  for (const { groups } of answers) for (const group of groups) found.set(JSON.stringify(group.values), group);
  const keys = [...found.keys()].sort((a, b) => order(found.get(a).values[0], found.get(b).values[0]));
  const strands = chart.metrics.flatMap(({ label }, place) =>
    keys.map((key, n) => ({
      id: lineOf(key, place),
      name: [named(chart, found.get(key)), ...(several ? [label] : [])].join(" · "),
      colour: n % COLOURS,
      dashed: place > 0,
    })));
  const lines = answers.map(({ groups }, place) =>
    groups.map((group) => ({
      runId: lineOf(JSON.stringify(group.values), place),
      mean: group.mean,
      ...(chart.band ? around(group.mean, group[chart.band]) : { min: group.min, max: group.max }),
      marks: [],
    })));
  return { strands, series: together(answers.map((each) => ({ ...each, exact: false })), lines) };
}

/** A band as wide as a deviation; none where there is none, as of one run. */
function around(mean, deviation) {
  const edge = (sign) => mean.map((value, place) => {
    const [middle, away] = [number(value), number(deviation[place])];
    return middle === null || away === null || !Number.isFinite(away) ? null : middle + sign * away;
  });
  return { min: edge(-1), max: edge(1) };
}

function named(chart, { values, runIds }) {
  const count = plural("chart.runs", runIds.length);
  if (!values.length) return count;
  return `${groupName(chart, values[0])} (${count})`;
}

/** What the runs of a group have, in the words of the page. */
export function groupName(chart, value) {
  return value === null ? word("chart.without") : (chart.words[value] ?? said(value));
}

/** A value of a parameter or a tag, as people read it. */
export function said(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Numbers first by their size, then words, then what has none. */
export function order(a, b) {
  const rank = (value) => (value === null ? 2 : typeof value === "number" ? 0 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  return rank(a) ? said(a).localeCompare(said(b), "en", { numeric: true }) : a - b;
}

async function each(chart, name) {
  const answers = await Promise.all(chart.metrics.map((metric) => ask(name, variablesOf(chart, metric))));
  return answers.map(({ series }) => series);
}

/** One answer of several: each line keeps its points, on the places of x of all. */
function together(answers, lines) {
  if (answers.length === 1) return { ...answers[0], lines: lines[0] };
  const xs = answers.map(({ x }) => x.map(number));
  const x = [...new Set(xs.flat())].sort((a, b) => a - b);
  const places = new Map(x.map((value, place) => [value, place]));
  const moved = lines.flatMap((some, n) => {
    const to = (values) => {
      const column = Array(x.length).fill(null);
      values.forEach((value, place) => (column[places.get(xs[n][place])] = value));
      return column;
    };
    return some.map((line) => ({ ...line, mean: to(line.mean), min: to(line.min), max: to(line.max) }));
  });
  const total = answers.reduce((sum, { pointsTotal }) => sum + Number(pointsTotal), 0);
  return { x, lines: moved, exact: answers.every(({ exact }) => exact), pointsTotal: total };
}
