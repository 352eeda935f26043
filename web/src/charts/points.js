/**
 * What one chart holds: lines over one shared x.
 * A place where a line has no point is undefined, which is drawn across;
 * a value that is not finite is null, which is a gap, and a mark.
 */
import { kindOf, number } from "./numbers.js";

/** @typedef {{run: string, values: any[], low: any[], high: any[], marks: {x: number, kind: string}[]}} Line */

export class Points {
  /** @param {any} answer a `series` as GraphQL gives it @param {string[]} runs */
  constructor(answer, runs) {
    this.exact = answer?.exact ?? true;
    this.total = Number(answer?.pointsTotal ?? 0);
    this.added = 0;
    const x = (answer?.x ?? []).map(number);
    const order = sorted(x);
    /** @type {number[]} */
    this.x = order ? order.map((i) => x[i]) : x;
    /** @type {Line[]} */
    this.lines = runs.map((run) => lineOf(run, answer?.lines.find((line) => line.runId === run), order, this));
  }

  get empty() {
    return this.x.length === 0;
  }

  /** Whether places of x stand for several points each. */
  get banded() {
    return !this.exact;
  }

  line(run) {
    return this.lines.find((line) => line.run === run);
  }

  /** Adds points as they come; a point that is here already changes nothing. */
  append(run, xs, values) {
    const line = this.line(run);
    if (!line) return false;
    let changed = false;
    for (let i = 0; i < xs.length; i++) {
      if (xs[i] === null || values[i] === null || !Number.isFinite(xs[i])) continue;
      changed = this.#add(line, xs[i], values[i]) || changed;
    }
    return changed;
  }

  #add(line, x, value) {
    const finite = Number.isFinite(value);
    if (!finite) {
      if (line.marks.some((mark) => mark.x === x)) return false;
      line.marks.push({ x, kind: kindOf(value) });
    }
    const shown = finite ? value : null;
    let at = lastAtMost(this.x, x);
    if (!this.exact && at >= 0 && at < this.x.length - 1) return widen(line, at, shown);
    for (; at >= 0 && this.x[at] === x; at--) {
      const held = line.values[at];
      if (held === undefined) {
        put(line, at, shown);
        return true;
      }
      // Series come as float32.
      if (held === shown || (finite && Math.fround(held) === Math.fround(shown))) return false;
    }
    this.#insert(lastAtMost(this.x, x) + 1, x);
    put(line, lastAtMost(this.x, x), shown);
    this.added++;
    return true;
  }

  #insert(at, x) {
    this.x.splice(at, 0, x);
    for (const line of this.lines) {
      for (const column of [line.values, line.low, line.high]) column.splice(at, 0, undefined);
    }
  }
}

function lineOf(run, said, order, points) {
  const column = (name) => {
    const values = (said?.[name] ?? []).map(number);
    return order ? order.map((i) => values[i]) : values;
  };
  const marks = (said?.marks ?? []).map(({ x, kind }) => ({ x: number(x), kind }));
  const line = { run, values: said ? column("mean") : points.x.map(() => null), low: column("min"), high: column("max"), marks };
  const gaps = new Set(marks.map((mark) => mark.x));
  for (const [i, value] of line.values.entries()) {
    if (value === null) line.values[i] = gaps.has(points.x[i]) ? null : undefined;
    else if (!Number.isFinite(value)) {
      if (!gaps.has(points.x[i])) marks.push({ x: points.x[i], kind: kindOf(value) });
      line.values[i] = null;
    }
  }
  if (points.exact || !line.low.length) {
    line.low = [...line.values];
    line.high = [...line.values];
  }
  return line;
}

function put(line, at, value) {
  line.values[at] = line.low[at] = line.high[at] = value;
}

function widen(line, at, value) {
  if (value === null || value === undefined) return true;
  if (line.low[at] === undefined || line.low[at] === null) put(line, at, value);
  line.low[at] = Math.min(line.low[at], value);
  line.high[at] = Math.max(line.high[at], value);
  return true;
}

/** The order that sorts x, or null where it is sorted. */
function sorted(x) {
  for (let i = 1; i < x.length; i++) {
    if (x[i] < x[i - 1]) return [...x.keys()].sort((a, b) => x[a] - x[b] || a - b);
  }
  return null;
}

function lastAtMost(x, wanted) {
  if (!x.length || wanted >= x.at(-1)) return x.length - 1;
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
