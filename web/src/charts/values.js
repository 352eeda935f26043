/** One value or parameter of each run: what scatters, bars and parallel coordinates are drawn from. */
import { ask } from "../asking.js";
import { order, said } from "./asked.js";
import { number } from "./numbers.js";

/** @typedef {{id: string, name: string, colour: number | null, values: any[], by: any}} Row */

// As many tests as a filter may have.
const IDS_MAX = 50;

/** What the listed runs are asked for, in one question; in several where the list is of trees, whose runs go by their ids. */
export function questionsOf(chart) {
  const { metrics, by } = chart;
  const params = metrics.flatMap(({ param }) => (param ? [param] : []));
  if (by?.[0]?.param) params.push(by[0].param);
  const cells = metrics.filter(({ param }) => !param).map(({ metric, column, stat }) => ({ metric, column, stat }));
  const { trees, ...listing } = JSON.parse(document.querySelector("[data-listing]").dataset.listing);
  if (!trees) return [{ ...listing, cells, params }];
  const { deleted = false } = listing.filter;
  const tests = chart.of.map(({ id }) => ({ test: { subject: { attribute: "RUN_ID" }, value: id } }));
  return Array.from({ length: Math.ceil(tests.length / IDS_MAX) }, (_, n) => {
    const where = { any: tests.slice(n * IDS_MAX, (n + 1) * IDS_MAX) };
    return { filter: { scope: "ANY", where, deleted }, first: IDS_MAX, cells, params };
  });
}

/** @returns {Promise<Row[]>} of the runs the chart is of, those that are no number included */
export async function rowsOf(chart) {
  const answers = await Promise.all(questionsOf(chart).map((variables) => ask("run_values", variables)));
  const found = new Map();
  for (const { runs } of answers) {
    for (const [n, { node }] of runs.edges.entries()) {
      found.set(node.runId, { node, cells: [...runs.metricCells[n]], params: [...runs.paramCells[n]] });
    }
  }
  return chart.of.filter(({ id }) => found.has(id)).map(({ id, name, colour }) => {
    const { node, cells, params } = found.get(id);
    const values = chart.metrics.map(({ param }) => (param ? params.shift() : number(cells.shift())));
    return { id, name, colour, values, by: groupOf(chart, node, params) };
  });
}

function groupOf(chart, node, params) {
  const [key] = chart.by ?? [];
  if (!key) return undefined;
  if (key.param) return params[0] ?? null;
  if (key.tag) return key.tag in node.tags ? (node.tags[key.tag] ?? "") : null;
  return node[key.attribute.toLowerCase()];
}

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Words as numbers, where not all are numbers: each has its place in their order. */
export function scaled(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.every((value) => typeof value === "number")) return { at: (value) => value, words: null };
  const words = [...new Map(known.toSorted(order).map((value) => [said(value), value])).keys()];
  return { at: (value) => (value === null || value === undefined ? null : words.indexOf(said(value))), words };
}

/** A point for each run, as lines of one point. */
export async function scatterPoints(chart) {
  const rows = await rowsOf(chart);
  const across = scaled(rows.map(({ values }) => values[0]));
  const points = rows
    .map((row) => ({ row, x: across.at(row.values[0]), y: row.values[1] }))
    .filter(({ x, y }) => isNumber(x) && isNumber(y));
  const x = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  chart.xWords = across.words;
  const alone = (point) => x.map((value) => (value === point.x ? point.y : null));
  return {
    strands: points.map(({ row }) => ({ id: row.id, run: row.id, name: row.name, colour: row.colour, dashed: false })),
    series: { x, exact: true, lines: points.map((point) => ({ runId: point.row.id, mean: alone(point), marks: [] })) },
  };
}
