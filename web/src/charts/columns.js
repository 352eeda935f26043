/** What uPlot draws of a chart: x, and of each line its values, these made smooth, and the edges of its band. */
import { smooth } from "./smoothing.js";

/** @param {import("./chart.js").Chart} chart */
export function columnsOf(chart) {
  const { x, lines, banded } = chart.points;
  const weight = chart.x === "METRIC" || chart.x === "VALUE" ? 0 : chart.settings.smooth;
  // On a logarithmic axis there is no place for zero, nor for what is less.
  const fits = (value, i) => (!chart.logY || value === null || value > 0) && (!chart.logX || x[i] > 0);
  const drawable = (values) => (chart.logY || chart.logX ? values.map((value, i) => (fits(value, i) ? value : undefined)) : values);
  const nothing = Array(x.length).fill(null);
  const bottom = chart.logY && banded ? bottomOf(lines) : null;
  const columns = lines.flatMap((line) => {
    const values = drawable(line.values);
    const band = banded ? [drawable(line.high), drawable(raised(line.low, bottom))] : [nothing, nothing];
    return [weight ? values : nothing, smooth(x, values, weight), ...band];
  });
  return [x, ...columns];
}

/** The power of ten below all that a logarithmic axis can show; null: it can show nothing. */
function bottomOf(lines) {
  const least = lines.reduce((found, { values, low }) => Math.min(found, leastOf(values), leastOf(low)), Infinity);
  return least < Infinity ? 10 ** Math.floor(Math.log10(least)) : null;
}

function leastOf(values) {
  return values.reduce((least, value) => (value > 0 && value < least ? value : least), Infinity);
}

/** A mean less its deviation may be no more than zero: there the band goes down to the bottom. */
function raised(low, bottom) {
  return bottom === null ? low : low.map((value) => (typeof value === "number" && value <= 0 ? bottom : value));
}
