/** One chart: what it holds, how it gets more, and when it draws. */
import { keys } from "./keys.js";
import { short, span } from "./numbers.js";
import { PER_LINE, plotOf } from "./plot.js";
import { Points } from "./points.js";
import { smooth } from "./smoothing.js";
import { fill } from "./table.js";
import { Tooltip } from "./tooltip.js";
import { word } from "../words.js";

const POINTS_MAX = 1000;
// After as many new places the server thins the line anew.
const ADDED_MAX = 1000;

export class Chart {
  /** @param {HTMLElement} figure @param {import("./board.js").Board} board */
  constructor(figure, board) {
    const said = JSON.parse(figure.dataset.chart);
    this.figure = figure;
    this.card = figure.closest(".chart");
    this.canvas = figure.querySelector(".canvas");
    this.board = board;
    this.metric = said.metric;
    this.column = said.column;
    this.xColumn = said.xColumn;
    this.height = Number(figure.dataset.height);
    /** @type {{id: string, name: string, colour: number}[]} */
    this.runs = [];
    this.points = new Points(null, []);
    this.plot = null;
    this.zoom = null;
    this.range = null;
    this.seen = false;
    this.byKeyboard = false;
    this.asked = 0;
    this.tooltip = new Tooltip(this);
    figure.addEventListener("keydown", (event) => keys(this, event));
    figure.addEventListener("focusout", () => (this.byKeyboard = false));
    this.card.addEventListener("click", (event) => this.#act(event));
  }

  get isPair() {
    return this.xColumn !== null;
  }

  get settings() {
    return this.board.settings;
  }

  get name() {
    return this.column === "value" || this.isPair ? this.metric : `${this.metric}.${this.column}`;
  }

  /** What `series` is asked, as the Query button shows it. */
  get variables() {
    const x = this.isPair
      ? { x: "METRIC", xMetric: this.metric, xColumn: this.xColumn }
      : { x: this.settings.x };
    const range = this.range ? { range: this.range } : {};
    const runs = this.board.runs.map((run) => run.id);
    return { runs, metric: this.metric, column: this.column, ...x, ...range, maxPoints: POINTS_MAX };
  }

  /** Asks for the points; what is on the screen stays until they are here. */
  async load() {
    const { runs } = this.board;
    const turn = ++this.asked;
    const query = encodeURIComponent(JSON.stringify(this.variables));
    this.card.querySelector('[data-act="query"]').search = `?variables=${query}`;
    if (!runs.length) return;
    try {
      const reply = await fetch(`${document.body.dataset.root}documents/series?variables=${query}`);
      if (!reply.ok) throw new Error(await reply.text());
      const { series } = await reply.json();
      // An answer that was overtaken by a later question is dropped.
      if (turn !== this.asked) return;
      this.runs = runs;
      this.points = new Points(series, runs.map((run) => run.id));
      this.draw();
    } catch (error) {
      if (turn === this.asked && this.points.empty) this.#say(word("chart.failed", { why: error.message }));
    }
  }

  /** Takes a block of a live event; a chart out of sight draws when it is seen again. */
  append(run, block) {
    const column = block.columns.find((each) => each.name === this.column);
    if (!column || !this.asked) return;
    const xs = this.#placesOf(block);
    if (xs === null) return this.board.reload(this);
    const inside = this.range ? xs.map((x) => (x < this.range.from || x > this.range.to ? null : x)) : xs;
    if (!this.points.append(run, inside, column.values)) return;
    if (this.points.added > ADDED_MAX && !this.points.exact) this.board.reload(this);
    this.board.redraw(this);
  }

  /** Where a block's points stand on x; null where only the server knows. */
  #placesOf(block) {
    if (this.isPair) return block.columns.find((each) => each.name === this.xColumn)?.values ?? [];
    if (this.settings.x === "STEP") return block.steps;
    return this.settings.x === "TIME" ? block.times : null;
  }

  draw() {
    if (this.points.empty) return this.#say(word("chart.none"));
    const data = this.#columns();
    const shape = JSON.stringify([this.runs, this.settings.x, this.settings.log]);
    if (this.plot && this.shape === shape) {
      this.plot.setData(data, !this.zoom);
    } else {
      this.plot?.destroy();
      this.canvas.replaceChildren();
      this.shape = shape;
      this.plot = plotOf(this, this.canvas, data);
      this.plot.over.addEventListener("mousedown", () => (this.board.dragged = this));
      this.tooltip.attach(this.plot);
    }
    if (this.zoom) this.plot.setScale("x", { min: this.zoom.from, max: this.zoom.to });
    this.card.querySelector('[data-act="reset"]').hidden = !this.zoom;
    this.#describe();
    this.tell(this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null);
    fill(this);
  }

  #columns() {
    const { x } = this.points;
    const weight = this.isPair ? 0 : this.settings.smooth;
    const drawable = (values) =>
      this.settings.log ? values.map((value) => (value === null || value > 0 ? value : undefined)) : values;
    const nothing = Array(x.length).fill(null);
    const columns = this.points.lines.flatMap((line) => {
      const values = drawable(line.values);
      const band = this.points.banded ? [drawable(line.high), drawable(line.low)] : [nothing, nothing];
      return [weight ? values : nothing, smooth(x, values, weight), ...band];
    });
    return [x, ...columns];
  }

  /** Reads a chart of one line at one place of x, or at its end. */
  tell(at) {
    const now = this.card.querySelector(".now");
    const { lines } = this.points;
    const text = lines.length === 1 ? this.#read(lines[0], at) : "";
    if (now.textContent !== text) now.textContent = text;
  }

  #read(line, at) {
    const { x } = this.points;
    const last = line.values.findLastIndex((value) => typeof value === "number");
    const end = at === null || at === undefined;
    // What is no number there, or behind the last one, is said as it is.
    const marks = line.marks.filter((mark) => (end ? last < 0 || mark.x > x[last] : mark.x === x[at]));
    if (marks.length) return marks.reduce((a, b) => (b.x > a.x ? b : a)).kind;
    if (!end) return short(this.plot.data[2][at] ?? line.values[at]);
    return last < 0 ? "" : short(line.values[last]);
  }

  xText(at) {
    const x = this.points.x[at];
    if (this.isPair) return `${this.xColumn} ${short(x)}`;
    if (this.settings.x === "TIME") return new Date(x).toLocaleString();
    if (this.settings.x === "RELATIVE") return span(x);
    return `${word("chart.step")} ${short(x)}`;
  }

  /** A drag over the plot has ended. */
  select(u) {
    const { left, width } = u.select;
    if (!width) return;
    const range = { from: u.posToVal(left, "x"), to: u.posToVal(left + width, "x") };
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (this.board.dragged === this) this.board.zoomTo(this, range);
  }

  resetZoom() {
    this.board.zoomTo(this, null);
  }

  /** Shows another range: at once with what is here, then with what the server knows of it. */
  setZoom(zoom) {
    const whole = this.points.exact && !this.range;
    this.zoom = zoom;
    this.range = whole ? null : zoom;
    if (this.plot) this.draw();
    if (!whole && this.asked) this.load();
  }

  /** Says that there is more above or below than the y axis reaches. */
  hides(some) {
    const button = this.card.querySelector('[data-act="outliers"]');
    const { outliers } = this.settings;
    const text = word(outliers ? "chart.outliers.shown" : "chart.outliers.hidden");
    button.hidden = !some;
    button.setAttribute("aria-pressed", String(outliers));
    if (button.textContent !== text) button.textContent = text;
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (this.plot && width && Math.abs(this.plot.width - width) > 1) this.plot.setSize({ width, height: this.height });
  }

  dispose() {
    this.asked++;
    this.plot?.destroy();
    this.plot = null;
  }

  #act(event) {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "reset") this.resetZoom();
    if (act === "outliers") this.board.set("outliers", !this.settings.outliers);
    if (act === "table") {
      const shown = this.figure.querySelector(".shown-table");
      shown.hidden = !shown.hidden;
      this.canvas.hidden = !shown.hidden;
      event.target.closest("[data-act]").setAttribute("aria-pressed", String(!shown.hidden));
      fill(this);
      this.resize();
    }
  }

  #say(text) {
    this.plot?.destroy();
    this.plot = null;
    const said = document.createElement("p");
    said.className = "said muted";
    said.textContent = text;
    this.canvas.replaceChildren(said);
  }

  #describe() {
    const finite = this.points.lines.flatMap((line) => line.values).filter((value) => typeof value === "number");
    const { x } = this.points;
    const label = word("chart.label", {
      name: this.name,
      runs: this.runs.length === 1 ? this.runs[0].name : word("chart.label.runs", { count: this.runs.length }),
      from: short(x[0]),
      to: short(x.at(-1)),
      min: short(finite.length ? finite.reduce((a, b) => Math.min(a, b)) : null),
      max: short(finite.length ? finite.reduce((a, b) => Math.max(a, b)) : null),
    });
    const marks = this.points.lines.reduce((sum, line) => sum + line.marks.length, 0);
    this.figure.setAttribute("aria-label", marks ? `${label}, ${word("chart.marks", { count: marks })}` : label);
  }
}

/** What a chart holds, for whoever looks from outside. */
export function held(chart) {
  const { points } = chart;
  return {
    x: [...points.x],
    series: points.lines.map((line, i) => ({
      run: line.run,
      name: chart.runs[i].name,
      values: [...line.values],
      smooth: chart.plot ? [...chart.plot.data[i * PER_LINE + 2]] : [],
      low: [...line.low],
      high: [...line.high],
    })),
    marks: points.lines.flatMap((line) => line.marks.map((mark) => ({ run: line.run, ...mark }))),
    zoom: chart.zoom,
    y: chart.plot && [chart.plot.scales.y.min, chart.plot.scales.y.max],
    exact: points.exact,
  };
}
