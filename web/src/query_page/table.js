/** The first list of an answer as a table: a line for each of its objects, a column for each plain value in them. */
import { word } from "../words.js";

const ROWS_MAX = 1000;
const COLUMNS_MAX = 60;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (value) => Array.isArray(value) && value.length > 0;

/** The table of what is in `value`; null where there is no list of objects. */
export function tableOf(value) {
  const found = listIn(value);
  if (!found) return null;
  const [list, beside] = found;
  const lines = list.slice(0, ROWS_MAX).map((each, at) => {
    const line = new Map();
    const { node, ...edge } = each;
    // What stands at an edge of a connection is what was asked for.
    put(line, "", isObject(node) ? { ...node, ...edge } : each);
    for (const [name, cells] of beside) cells[at].forEach((cell, n) => line.set(`${name}.${n}`, cell));
    return line;
  });
  return drawn(lines, list.length);
}

/** The list that is nearest to the root, and the lists of lists beside it which speak of the same lines. */
function listIn(root) {
  let level = [["", root, {}]];
  while (level.length) {
    const found = level.find(([, value]) => isList(value) && value.every(isObject));
    if (found) {
      const [, list, around] = found;
      const beside = Object.entries(around).filter(
        ([, each]) => isList(each) && each.length === list.length && each.every(Array.isArray),
      );
      return [list, beside];
    }
    level = level.flatMap(([, value]) => (isObject(value) ? Object.entries(value).map(([name, each]) => [name, each, value]) : []));
  }
  return null;
}

function put(line, path, value) {
  for (const [name, each] of Object.entries(value)) {
    const at = path ? `${path}.${name}` : name;
    if (isObject(each)) put(line, at, each);
    else if (!isList(each) || !each.some(isObject)) line.set(at, each);
  }
}

/** Lines are Maps of values by the path to them. */
function drawn(lines, count) {
  const names = [...new Set(lines.flatMap((line) => [...line.keys()]))].slice(0, COLUMNS_MAX);
  const numbers = new Set(names.filter((name) => lines.some((line) => typeof line.get(name) === "number")));
  const table = document.createElement("table");
  if (count > lines.length) table.createCaption().textContent = word("query_page.lines", { shown: lines.length, count });
  const head = table.createTHead().insertRow();
  for (const name of names) {
    const className = numbers.has(name) ? "r" : "";
    head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: name, className }));
  }
  const body = table.createTBody();
  for (const line of lines) {
    const row = body.insertRow();
    for (const name of names) {
      const cell = row.insertCell();
      cell.textContent = said(line.get(name));
      if (numbers.has(name)) cell.className = "r";
    }
  }
  return table;
}

function said(value) {
  if (value === null || value === undefined) return "–";
  return Array.isArray(value) ? value.map(said).join(", ") : String(value);
}
