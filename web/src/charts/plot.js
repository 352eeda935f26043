/** How a chart looks: uPlot's options. Every line is four series: raw, smooth, and a band of two. */
import uPlot from "uplot";
import { colour, faded, tokenOf } from "./colours.js";
import { drawMarks } from "./marks.js";
import { drawMoment } from "./moments.js";
import { span, tick } from "./numbers.js";
import { reachOf } from "./range.js";

const FONT = '11px "Geist Variable", system-ui';
const DASH_FROM = 8;
const SHARED = uPlot.sync("x");
export const PER_LINE = 4;
// What is not pointed at.
const BEHIND = 0.25;
const BAND = 0.17;
// Bands tint no more of the picture than this, however wide they are; where they are what is looked for, more.
const TINT_MAX = { lines: 0.05, groups: 0.12, scatter: 0 };

/** The index of a line's smooth series. */
export const smoothOf = (line) => line * PER_LINE + 2;

/** @param {import("./chart.js").Chart} chart */
export function plotOf(chart, element, data) {
  return new uPlot(options(chart, element), data, element);
}

function options(chart, element) {
  const time = chart.x === "TIME";
  return {
    width: chart.width || element.clientWidth,
    height: chart.height,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    cursor: {
      y: false,
      sync: chart.isShared ? { key: SHARED.key, setSeries: false } : undefined,
      drag: { x: true, y: false, setScale: false },
      points: {
        // Only the smooth line of each four is read.
        size: (u, i) => (i % PER_LINE === 2 ? 6 : 0),
        width: (u, i, size) => (size ? 1.5 : 0),
        fill: () => colour("--surface"),
        stroke: (u, i) => colour(tokenOf(strandOf(chart, i))),
      },
      bind: { dblclick: () => () => chart.resetZoom() },
    },
    scales: {
      x: { time, distr: chart.logX ? 3 : 1, ...(chart.logX || chart.x === "VALUE" ? { range: xRangeOf(chart) } : {}) },
      y: { distr: chart.logY ? 3 : 1, range: rangeOf(chart) },
    },
    ms: 1,
    axes: [xAxis(chart), yAxis(chart.logY)],
    series: [{}, ...chart.strands.flatMap((strand, i) => seriesOf(chart, strand, i))],
    bands: chart.strands.map((strand, i) => ({
      series: [i * PER_LINE + 3, i * PER_LINE + 4],
      fill: (u) => faded(tokenOf(strand), alphaOf(u, chart, i) * (isBehind(chart, strand) ? BEHIND : 1)),
    })),
    hooks: {
      draw: [(u) => drawMarks(u, chart), (u) => drawMoment(u, chart)],
      setCursor: [() => chart.tooltip.show()],
      setSelect: [(u) => chart.select(u)],
    },
  };
}

const NONE = { colour: 0 };
const strandOf = (chart, i) => chart.strands[Math.floor((i - 1) / PER_LINE)] ?? NONE;

/** Whether another run is pointed at, here or in another chart that both are in. */
function isBehind(chart, strand) {
  const { lit } = chart.board;
  const own = (each) => each.run ?? each.id;
  return lit !== null && own(strand) !== lit && chart.strands.some((each) => own(each) === lit);
}

/** A band far wider than its line would tint the whole picture: the more it covers, the fainter it is. */
function alphaOf(u, chart, line) {
  const [high, low] = [u.data[line * PER_LINE + 3], u.data[line * PER_LINE + 4]];
  const { min, max } = u.scales.x;
  const { x } = chart.points;
  const room = u.bbox.height / devicePixelRatio;
  let covered = 0;
  let places = 0;
  for (let i = 0; i < x.length; i++) {
    if (x[i] < min || x[i] > max || typeof high[i] !== "number" || typeof low[i] !== "number") continue;
    const [top, bottom] = [u.valToPos(high[i], "y"), u.valToPos(low[i], "y")];
    covered += Math.min(bottom, room) - Math.max(top, 0);
    places++;
  }
  const share = (covered / (places || 1) / room) * chart.strands.length;
  return Math.min(BAND, TINT_MAX[chart.kind] / (share || 1));
}

function seriesOf(chart, strand, place) {
  const token = tokenOf(strand);
  const scattered = chart.x === "VALUE";
  const stroke = (alpha) => () => {
    // What has no colour of its own leaves those in front that have one.
    const seen = alpha * (isBehind(chart, strand) ? BEHIND : 1) * (strand.colour === null ? 0.5 : 1);
    return seen === 1 ? colour(token) : faded(token, seen);
  };
  const dash = place >= DASH_FROM || strand.dashed ? [5, 3] : undefined;
  const edge = { stroke: "transparent", points: { show: false } };
  const dots = { show: false, filter: alone, size: scattered ? 8 : 4, width: 0, fill: stroke(1), stroke: stroke(1) };
  return [
    { stroke: stroke(0.24), width: 1, points: { show: false } },
    { stroke: stroke(1), width: 1.7, points: dots, dash },
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

/** Points have room at both sides; a logarithmic axis begins at what it can show. */
function xRangeOf(chart) {
  return (u, low, high) => {
    if (low === null || low === undefined) return [0, 1];
    if (chart.logX) {
      const least = low > 0 ? low : chart.points.x.find((value) => value > 0);
      if (!least || !(high > least)) return [(least ?? 0.1) / 10, (least ?? 1) * 10];
      const air = chart.x === "VALUE" ? (high / least) ** 0.05 : 1;
      return [least / air, high * air];
    }
    const air = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
    return [low - air, high + air];
  };
}

function rangeOf(chart) {
  if (chart.logY) {
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
  return chart.strands.map((strand, line) => u.data[smoothOf(line)].filter(shown));
}

function axis() {
  return { stroke: () => colour("--fg-3"), font: FONT, ticks: { show: false } };
}

function xAxis(chart) {
  const { xWords } = chart;
  const said = (value) => (xWords ? (xWords[value] ?? "") : chart.x === "RELATIVE" ? span(value) : tick(value));
  const values = chart.x === "TIME" ? {} : { values: (u, all) => all.map((value) => (value === null ? "" : said(value))) };
  const whole = (chart.x === "STEP" && !chart.logX) || xWords ? { incrs: STEPS } : {};
  const splits = chart.logX ? { splits: (u, n, low, high) => powers(low, high, chart.x === "RELATIVE"), filter: (u, all) => all } : {};
  return { ...axis(), ...values, ...whole, ...splits, grid: { show: false }, size: chart.x === "TIME" ? 38 : 24, gap: 4, space: 64 };
}

const STEPS = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

const SPANS = [1e3, 1e4, 6e4, 6e5, 36e5, 36e6, 36e7];

/** What is written beside a logarithmic x: powers of ten, or between fewer than two of these what is round. */
function powers(low, high, isTime) {
  const inside = (values) => values.filter((value) => value >= low && value <= high);
  const from = Math.floor(Math.log10(low));
  const tens = [...Array(Math.ceil(Math.log10(high)) - from + 1).keys()].map((n) => 10 ** (from + n));
  const found = inside(isTime ? SPANS : tens);
  if (found.length > 1) return found;
  const round = inside(tens.flatMap((ten) => [1, 2, 5].map((digit) => digit * ten)));
  return round.length > 1 ? round : [low, high];
}

/** Between the decades lines and labels are noise, unless there are none of these. */
function decades(u, splits) {
  const whole = splits.map((v) => (Math.abs(Math.log10(v) % 1) < 1e-6 ? v : null));
  return whole.filter((v) => v !== null).length > 1 ? whole : splits;
}

function yAxis(log) {
  const filter = log ? { filter: decades } : {};
  const grid = { stroke: () => colour("--grid"), width: 1, ...filter };
  return { ...axis(), ...filter, grid, size: 48, gap: 6, space: 34, values: (u, all) => all.map(tick) };
}
