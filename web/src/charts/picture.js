/** Bars and parallel coordinates: one value or several of each run, drawn as SVG. */
import { colour, faded, tokenOf } from "./colours.js";
import { Chart } from "./chart.js";
import { short } from "./numbers.js";
import { fill } from "./table.js";
import { isNumber, rowsOf, scaled } from "./values.js";
import { groupName, order, said } from "./asked.js";
import { plural, word } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR = 22;
const EDGE = 14;
const BEHIND = 0.2;
const COLOURS = 8;
// As for the trials of a search.
const WIDE = 100;

/** @typedef {{id: string, name: string, colour: number | null, value: number, low?: number, high?: number}} Bar */

export class Picture extends Chart {
  /** @type {import("./values.js").Row[]} */
  rows = [];

  found() {
    return rowsOf(this);
  }

  take(rows) {
    this.rows = rows.filter(({ values }) => (this.kind === "bars" ? isNumber(values[0]) : values.some((value) => value !== null)));
  }

  get isEmpty() {
    return !this.rows.length;
  }

  draw() {
    if (this.isEmpty) return this.say(word("chart.none"));
    const svg = this.kind === "bars" ? this.#bars() : this.#parallel();
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", this.name);
    this.canvas.replaceChildren(svg);
    this.canvas.classList.add("drawn");
    this.figure.setAttribute("aria-label", word("chart.label.values", { name: this.name, runs: plural("chart.runs", this.rows.length) }));
    fill(this);
  }

  sheet() {
    if (this.kind === "bars" && this.by) {
      const head = [word("chart.group"), word("chart.mean"), word("chart.least"), word("chart.most")];
      return { head, rows: this.bars.map((bar) => [bar.name, bar.value, bar.low, bar.high]) };
    }
    const head = [word("chart.run"), ...this.metrics.map(({ label }) => label)];
    return { head, rows: this.rows.map(({ name, values }) => [name, ...values.map((value) => (typeof value === "object" && value ? said(value) : value))]) };
  }

  resize() {
    const { clientWidth: width } = this.canvas;
    if (width && this.drawnFor !== `${width} ${this.height}` && !this.isEmpty) this.draw();
  }

  raise() {
    const { lit } = this.board;
    const some = this.rows.some((row) => row.id === lit) && !this.by;
    for (const link of this.canvas.querySelectorAll("[data-of]")) {
      link.setAttribute("opacity", some && link.dataset.of !== lit ? BEHIND : 1);
    }
  }

  /** As a canvas, through an image of what is drawn. */
  async canvasOf() {
    const svg = this.canvas.querySelector("svg");
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = svg.width.baseVal.value * devicePixelRatio;
    canvas.height = svg.height.baseVal.value * devicePixelRatio;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** @returns {Bar[]} of each run, or the mean of each group with its least and greatest */
  get bars() {
    if (!this.by) return this.rows.map(({ id, name, colour, values }) => ({ id, name, colour, value: values[0] }));
    const groups = Map.groupBy(this.rows, ({ by }) => (by === null ? null : said(by)));
    return [...groups.values()]
      .toSorted((a, b) => order(a[0].by, b[0].by))
      .map((rows, n) => {
        const values = rows.map((row) => row.values[0]);
        const name = groupName(this, rows[0].by);
        return {
          id: name,
          name: `${name} (${rows.length})`,
          colour: n % COLOURS,
          value: values.reduce((a, b) => a + b) / values.length,
          low: Math.min(...values),
          high: Math.max(...values),
        };
      });
  }

  #bars() {
    const { bars } = this;
    const width = this.#width();
    const svg = made("svg", { width, height: Math.max(this.wanted - 12, bars.length * BAR + 8) });
    const names = Math.min(170, width * 0.38);
    const room = width - names - 76;
    const ends = bars.flatMap(({ value, low = value, high = value }) => [low, high, value]);
    const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const at = (value) => names + 10 + ((value - least) / (most - least || 1)) * room;
    for (const [n, bar] of bars.entries()) {
      const y = 6 + n * BAR;
      const token = tokenOf(bar);
      const row = this.by ? made("g", {}) : linked(bar);
      row.dataset.of = bar.id;
      row.append(
        titled(bar.low === undefined ? `${bar.name}: ${short(bar.value)}` : `${bar.name}: ${short(bar.value)} (${short(bar.low)} – ${short(bar.high)})`),
        text(names, y + 12, cut(bar.name, names), "--fg-2", "end"),
        made("rect", { x: Math.min(at(0), at(bar.value)), y: y + 2, width: Math.max(1, Math.abs(at(bar.value) - at(0))), height: BAR - 9, rx: 2, fill: colour(token) }),
        text(Math.max(at(bar.value), at(bar.high ?? bar.value)) + 6, y + 12, short(bar.value), "--fg", "start"),
      );
      if (bar.low !== bar.high) {
        row.append(made("path", { d: `M${at(bar.low)} ${y + 5}v${BAR - 15}m0 ${-(BAR - 15) / 2}H${at(bar.high)}m0 ${-(BAR - 15) / 2}v${BAR - 15}`, stroke: colour("--fg"), "stroke-width": 1.2, fill: "none" }));
      }
      svg.append(row);
    }
    return svg;
  }

  #parallel() {
    const [width, height] = [this.#width(), this.height - 4];
    const svg = made("svg", { width, height });
    const top = 34;
    const bottom = height - 22;
    const axes = this.metrics.map(({ label }, n) => {
      const { at, words } = scaled(this.rows.map(({ values }) => values[n]));
      const known = this.rows.map(({ values }) => at(values[n])).filter(isNumber);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const x = EDGE + (n * (width - 2 * EDGE)) / (this.metrics.length - 1);
      const share = shareOf(low, high);
      const place = (value) => (isNumber(value) ? bottom - share(value) * (bottom - top) : null);
      const written = (value) => (known.length ? (words?.[value] ?? short(value)) : "");
      return { label, x, y: (value) => place(at(value)), low: written(low), high: written(high) };
    });
    // Those without a colour are behind the others.
    for (const row of this.rows.toSorted((a, b) => (a.colour !== null) - (b.colour !== null))) {
      const points = axes.map((axis, n) => [axis.x, axis.y(row.values[n])]).filter(([, y]) => y !== null);
      if (points.length < 2) continue;
      const stroke = row.colour === null ? faded("--idle", 0.45) : colour(tokenOf(row));
      const line = linked(row);
      line.dataset.of = row.id;
      const d = `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
      const values = axes.map(({ label }, n) => `${label} ${typeof row.values[n] === "number" ? short(row.values[n]) : said(row.values[n] ?? "–")}`);
      line.append(titled(`${row.name}: ${values.join(", ")}`), made("path", { d, stroke, "stroke-width": 1.6, fill: "none" }));
      svg.append(line);
    }
    const room = (width - 2 * EDGE) / (axes.length - 1);
    for (const [n, axis] of axes.entries()) {
      const anchor = n === 0 ? "start" : n === axes.length - 1 ? "end" : "middle";
      const x = axis.x + (n === 0 ? -EDGE + 4 : n === axes.length - 1 ? EDGE - 4 : 0);
      svg.append(
        made("line", { x1: axis.x, x2: axis.x, y1: top, y2: bottom, stroke: colour("--line-strong") }),
        text(x, 12, cut(axis.label, room - 6), "--fg-2", anchor),
        text(x, 27, cut(axis.high, room - 6), "--fg-3", anchor),
        text(x, height - 7, cut(axis.low, room - 6), "--fg-3", anchor),
      );
    }
    return svg;
  }

  #width() {
    const { clientWidth: width } = this.canvas;
    this.drawnFor = `${width} ${this.height}`;
    return width || 300;
  }
}

/** Where a value is between two others; by powers of ten, where these are far apart. */
function shareOf(low, high) {
  const scale = low > 0 && high / low >= WIDE ? Math.log : Number;
  return (value) => (high > low ? (scale(value) - scale(low)) / (scale(high) - scale(low)) : 0.5);
}

function made(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function linked({ id, name }) {
  const link = made("a", { href: `${document.body.dataset.root}runs/${encodeURIComponent(id)}` });
  link.setAttribute("aria-label", name);
  return link;
}

function titled(said) {
  const title = made("title", {});
  title.textContent = said;
  return title;
}

function text(x, y, said, token, anchor) {
  const element = made("text", { x, y, fill: colour(token), "text-anchor": anchor, "font-size": 11, "font-family": '"Geist Variable", system-ui, sans-serif' });
  element.textContent = said;
  return element;
}

/** As much of a name as there is room for. */
function cut(name, room) {
  const most = Math.max(3, Math.floor(room / 6));
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}
