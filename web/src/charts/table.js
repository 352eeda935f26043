/** The same values as a table, for whoever reads better than looks, and as CSV. */
import { number, short } from "./numbers.js";
import { nameOfX, saidOfX } from "./readout.js";
import { word } from "../words.js";

const ROWS_MAX = 200;
// What a spreadsheet would take for a formula, as web/spreadsheet.py has it.
const FORMULA = /^[=+\-@\t\r]/;

/**
 * The values of a plot in rows; `whole`: with the extremes of each place, too.
 * @param {import("./chart.js").Chart} chart
 * @returns {{head: string[], rows: any[][]}}
 */
export function sheetOf(chart, whole = false) {
  const { points, strands } = chart;
  if (chart.x === "VALUE") {
    const values = ({ values }) => points.x.findIndex((x, i) => typeof values[i] === "number");
    const rows = points.lines.map((line, n) => [strands[n].name, chart.xWords?.[points.x[values(line)]] ?? points.x[values(line)], line.values[values(line)]]);
    return { head: [word("chart.run"), chart.metrics[0].label, chart.metrics[1].label], rows };
  }
  const banded = whole && points.banded;
  const names = strands.flatMap(({ name }) => (banded ? [name, ...edgesOf(chart, name)] : [name]));
  const cell = (line, i) => {
    const mark = line.values[i] === null && line.marks.find((each) => each.x === points.x[i]);
    const value = mark ? number(mark.kind) : line.values[i];
    return banded ? [value, line.low[i], line.high[i]] : [value];
  };
  const [name, place] = whole ? filedX(chart) : [nameOfX(chart), (x) => saidOfX(chart, x)];
  return { head: [name, ...names], rows: points.x.map((x, i) => [place(x), ...points.lines.flatMap((line) => cell(line, i))]) };
}

/** How a file has x: its name, and each place exactly. */
function filedX(chart) {
  if (chart.x === "TIME") return [nameOfX(chart), (x) => new Date(x).toISOString()];
  if (chart.x === "RELATIVE") return [word("chart.relative.seconds"), (x) => x / 1000];
  return [nameOfX(chart), (x) => x];
}

function edgesOf({ band }, name) {
  return band ? [`${name} - ${band}`, `${name} + ${band}`] : [`${name} min`, `${name} max`];
}

/** @param {import("./chart.js").Chart} chart */
export function fill(chart) {
  const place = chart.figure.querySelector(".shown-table");
  if (place.hidden) return;
  const { head, rows } = chart.sheet();
  const first = Math.max(0, rows.length - ROWS_MAX);
  const table = document.createElement("table");
  const caption = table.createCaption();
  caption.className = first ? "muted" : "vh";
  caption.textContent = first ? word("chart.rows", { shown: ROWS_MAX, count: rows.length }) : chart.name;
  const names = table.createTHead().insertRow();
  for (const name of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    names.append(cell);
  }
  const body = table.createTBody();
  for (const values of rows.slice(first)) {
    const row = body.insertRow();
    for (const value of values) row.insertCell().textContent = typeof value === "string" ? value : short(value);
  }
  place.replaceChildren(table);
}

/** @param {import("./chart.js").Chart} chart */
export function csvOf(chart) {
  const { head, rows } = chart.sheet(true);
  return [head, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

/** Numbers as they are; what others wrote runs in nobody's spreadsheet. */
function quoted(value) {
  const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
