/** How a chart looks: uPlot's options. Every line is four series: raw, smooth, and a band of two. */
import uPlot from "uplot";
import { colour, faded } from "./colours.js";
import { drawMarks } from "./marks.js";
import { span, tick } from "./numbers.js";
import { reachOf } from "./range.js";

const FONT = '11px "Geist Variable", system-ui';
const DASH_FROM = 8;
const SHARED = uPlot.sync("x");
export const PER_LINE = 4;

/** The index of a line's smooth series. */
export const smoothOf = (line) => line * PER_LINE + 2;

/** @param {import("./chart.js").Chart} chart */
export function plotOf(chart, element, data) {
  return new uPlot(options(chart, element), data, element);
}

function options(chart, element) {
  const log = chart.settings.log;
  return {
    width: element.clientWidth,
    height: chart.height,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    cursor: {
      y: false,
      sync: chart.isPair ? undefined : { key: SHARED.key, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: {
        // Only the smooth line of each four is read.
        size: (u, i) => (i % PER_LINE === 2 ? 6 : 0),
        width: (u, i, size) => (size ? 1.5 : 0),
        fill: () => colour("--surface"),
        stroke: (u, i) => strokeOf(chart, i),
      },
      bind: { dblclick: () => () => chart.resetZoom() },
    },
    scales: { x: { time: chart.settings.x === "TIME" && !chart.isPair }, y: { distr: log ? 3 : 1, range: rangeOf(chart) } },
    ms: 1,
    axes: [xAxis(chart), yAxis(log)],
    series: [{}, ...chart.runs.flatMap((run, i) => seriesOf(run, i))],
    bands: chart.runs.map((run, i) => ({
      series: [i * PER_LINE + 3, i * PER_LINE + 4],
      fill: () => faded(`--c${run.colour}`, 0.17),
    })),
    hooks: {
      draw: [(u) => drawMarks(u, chart)],
      setCursor: [() => chart.tooltip.show()],
      setSelect: [(u) => chart.select(u)],
    },
  };
}

const strokeOf = (chart, i) => colour(`--c${chart.runs[Math.floor((i - 1) / PER_LINE)]?.colour ?? 0}`);

function seriesOf(run, place) {
  const token = `--c${run.colour}`;
  const points = { show: false };
  const dash = place >= DASH_FROM ? [5, 3] : undefined;
  const edge = { stroke: "transparent", points };
  return [
    { stroke: () => faded(token, 0.24), width: 1, points },
    { stroke: () => colour(token), width: 1.7, points: { show: false, filter: alone, size: 4, width: 0, fill: () => colour(token), stroke: () => colour(token) }, dash },
    edge,
    edge,
  ];
}

/** The places of points with a gap or nothing on both sides: they have no line to be seen by. */
function alone(u, series) {
  const values = u.data[series];
  const places = [];
  let before = null;
  let candidate = null;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === undefined) continue;
    if (candidate !== null && values[i] === null) places.push(candidate);
    candidate = values[i] !== null && before === null ? i : null;
    before = values[i];
  }
  if (candidate !== null) places.push(candidate);
  return places;
}

function rangeOf(chart) {
  if (chart.settings.log) {
    return (u, low, high) => {
      chart.hides(false);
      return low > 0 && high > 0 ? uPlot.rangeLog(low, high, 10, false) : [0.1, 10];
    };
  }
  return (u, low, high) => {
    const reach = reachOf(visible(u, chart));
    chart.hides(reach !== null && (reach.least > reach.whole.least || reach.most < reach.whole.most));
    if (!reach) return [low ?? 0, high ?? 1];
    const { least, most } = chart.settings.outliers ? reach.whole : reach;
    // The band around a line may take as much room again as the line.
    const room = chart.settings.outliers ? Infinity : most - least;
    const bottom = chart.points.banded && low !== null ? Math.max(low, least - room) : least;
    const top = chart.points.banded && high !== null ? Math.min(high, most + room) : most;
    const air = (top - bottom) * 0.1 || Math.abs(top) * 0.1 || 1;
    return [bottom - air, top + air];
  };
}

/** The values of each line inside the shown part of x. */
function visible(u, chart) {
  const { min, max } = u.scales.x;
  const { x } = chart.points;
  const inside = (i) => min === null || min === undefined || (x[i] >= min && x[i] <= max);
  const shown = (value, i) => value !== null && value !== undefined && inside(i);
  return chart.runs.map((run, line) => u.data[smoothOf(line)].filter(shown));
}

function axis() {
  return { stroke: () => colour("--fg-3"), font: FONT, ticks: { show: false } };
}

function xAxis(chart) {
  const relative = chart.settings.x === "RELATIVE" && !chart.isPair;
  const time = chart.settings.x === "TIME" && !chart.isPair;
  const values = time ? {} : { values: (u, all) => all.map(relative ? span : tick) };
  const whole = chart.settings.x === "STEP" && !chart.isPair ? { incrs: STEPS } : {};
  return { ...axis(), ...values, ...whole, grid: { show: false }, size: 24, gap: 4, space: 64 };
}

const STEPS = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

function yAxis(log) {
  // Between the decades lines and labels are noise.
  const decades = (u, splits) => splits.map((v) => (Math.abs(Math.log10(v) % 1) < 1e-6 ? v : null));
  const filter = log ? { filter: decades } : {};
  const grid = { stroke: () => colour("--grid"), width: 1, ...filter };
  return { ...axis(), ...filter, grid, size: 48, gap: 6, space: 34, values: (u, all) => all.map(tick) };
}
