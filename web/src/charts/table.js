/** The same values as a table, for whoever reads better than looks. */
import { short } from "./numbers.js";
import { word } from "../words.js";

const ROWS_MAX = 200;

/** @param {import("./chart.js").Chart} chart */
export function fill(chart) {
  const place = chart.figure.querySelector(".shown-table");
  if (place.hidden) return;
  const { points, runs } = chart;
  const first = Math.max(0, points.x.length - ROWS_MAX);
  const table = document.createElement("table");
  const caption = table.createCaption();
  caption.className = first ? "muted" : "vh";
  caption.textContent = first ? word("chart.rows", { shown: ROWS_MAX, count: points.x.length }) : chart.name;
  const head = table.createTHead().insertRow();
  for (const name of [chart.isPair ? chart.xColumn : word("chart.step"), ...runs.map((run) => run.name)]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (let i = first; i < points.x.length; i++) {
    const row = body.insertRow();
    row.insertCell().textContent = short(points.x[i]);
    for (const line of points.lines) {
      const mark = line.values[i] === null && line.marks.find((each) => each.x === points.x[i]);
      row.insertCell().textContent = mark ? mark.kind : short(line.values[i]);
    }
  }
  place.replaceChildren(table);
}
