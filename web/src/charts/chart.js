/** One chart: what it holds, how it gets more, and when it draws. */
import { groupLines, lineOf, runLines, variablesOf } from "./asked.js";
import { legend, listen } from "./card.js";
import { columnsOf } from "./columns.js";
import { keys } from "./keys.js";
import { plotOf } from "./plot.js";
import { Points } from "./points.js";
import { describe, tell } from "./readout.js";
import { fill, sheetOf } from "./table.js";
import { Tooltip } from "./tooltip.js";
import { questionsOf, scatterPoints } from "./values.js";
import { cursorOf, following } from "../live.js";
import { word } from "../words.js";

// After as many new places the server thins the line anew.
const ADDED_MAX = 1000;
const SOURCES = { lines: runLines, groups: groupLines, scatter: scatterPoints };

export class Chart {
  /** @param {HTMLElement} figure @param {import("./board.js").Board} board */
  constructor(figure, board) {
    const said = JSON.parse(figure.dataset.chart);
    this.figure = figure;
    this.card = figure.closest(".chart");
    this.canvas = figure.querySelector(".canvas");
    this.board = board;
    this.kind = said.kind ?? "lines";
    /** @type {{metric?: string, column?: string, stat?: string, param?: string, label: string}[]} */
    this.metrics = said.metrics ?? [{ metric: said.metric, column: said.column, label: said.metric }];
    this.by = said.by ?? null;
    this.band = said.band ?? null;
    this.words = said.words ?? {};
    this.title = said.name;
    this.log = said.log ?? null;
    this.ownX = said.xColumn ? "METRIC" : (said.x ?? null);
    this.ownXMetric = said.xMetric ?? said.metric;
    this.ownXColumn = said.xColumn;
    this.xWords = null;
    this.wanted = Number(figure.dataset.height);
    /** As it was last told; asked for between two charts it would have the page laid out for each. */
    this.width = 0;
    /** @type {import("./asked.js").Strand[]} */
    this.strands = [];
    this.points = new Points(null, []);
    this.plot = null;
    this.zoom = this.range = null;
    this.seen = false;
    this.byKeyboard = this.outdated = false;
    this.asked = 0;
    /** What came while points are on their way. @type {[string, any][] | null} */
    this.late = null;
    this.tooltip = new Tooltip(this);
    figure.addEventListener("keydown", (event) => keys(this, event));
    figure.addEventListener("focusout", () => (this.byKeyboard = false));
    listen(this);
  }

  /** Whether its points are those of runs, and not one value of each. */
  get isDrawn() {
    return this.kind === "lines" || this.kind === "groups";
  }

  /** STEP, RELATIVE, TIME, METRIC, or VALUE of a run. */
  get x() {
    return this.isDrawn ? (this.ownX ?? this.settings.x) : "VALUE";
  }

  /** Charts over the same x are zoomed and pointed at together. */
  get isShared() {
    return this.isDrawn && this.ownX !== "METRIC" && this.x === this.settings.x;
  }

  get xMetric() {
    return this.ownX ? this.ownXMetric : this.settings.xMetric;
  }

  get xColumn() {
    return this.ownX ? this.ownXColumn : "value";
  }

  get logX() {
    if (this.x === "TIME") return false;
    return this.log?.includes("x") ?? (this.ownX ? false : this.settings.logX);
  }

  get logY() {
    return this.log?.includes("y") ?? this.settings.log;
  }

  get settings() {
    return this.board.settings;
  }

  get height() {
    return this.card.matches(":popover-open") ? Math.max(this.wanted, this.figure.clientHeight - this.figure.querySelector(".legend").offsetHeight - 24) : this.wanted;
  }

  /** The runs that it is of: those shown, or, where they stand together, all that the list has. */
  get of() {
    return this.kind === "lines" ? this.board.runs : this.board.listed;
  }

  get name() {
    if (this.title) return this.title;
    const [{ metric, column }] = this.metrics;
    return column === "value" || this.ownX ? metric : `${metric}.${column}`;
  }

  draws(metric) {
    return this.metrics.some((each) => each.metric === metric) || (this.x === "METRIC" && this.xMetric === metric);
  }

  /** What it asks, as the Query button shows it. */
  get variables() {
    return this.isDrawn ? variablesOf(this) : questionsOf(this)[0];
  }

  /** Asks for the points; what is on the screen stays until they are here. */
  async load() {
    const turn = ++this.asked;
    const unfollowed = following;
    this.outdated = false;
    const query = encodeURIComponent(JSON.stringify(this.variables));
    this.card.querySelector('[data-act="query"]').search = `?variables=${query}`;
    if (!this.of.length) return;
    this.late ??= [];
    try {
      // Only lines say up to where they are.
      if (this.kind !== "lines") await unfollowed;
      const found = await this.found();
      // An answer that was overtaken by a later question is dropped.
      if (turn !== this.asked) return;
      this.take(found);
      this.draw();
      const late = this.late;
      this.late = null;
      for (const [run, block] of late) this.append(run, block);
      if (unfollowed) this.#mend(unfollowed, found.read);
    } catch (error) {
      if (turn !== this.asked) return;
      this.late = null;
      if (this.isEmpty) this.say(word("chart.failed", { why: error.message }));
    }
  }

  /** Of points that came after these were read, and before the stream began, nobody tells. */
  async #mend(following, read) {
    await following;
    if (read?.some(({ runId, cursor }) => cursor !== cursorOf(runId))) this.board.reload(this);
  }

  found() {
    return SOURCES[this.kind](this);
  }

  take({ strands, series }) {
    this.strands = strands;
    this.points = new Points(series, strands.map((strand) => strand.id));
    legend(this);
  }

  get isEmpty() {
    return this.points.empty;
  }

  /** Takes a block of a live event; a chart out of sight draws when it is seen again. */
  append(run, block) {
    if (!this.asked) return;
    this.late?.push([run, block]);
    const xs = this.kind === "lines" ? this.#placesOf(block) : null;
    if (xs === null) return this.board.reload(this);
    const inside = this.range ? xs.map((x) => (x < this.range.from || x > this.range.to ? null : x)) : xs;
    let changed = false;
    for (const [place, { metric, column }] of this.metrics.entries()) {
      const values = metric === block.name && block.columns.find((each) => each.name === column)?.values;
      if (values) changed = this.points.append(lineOf(run, place), inside, values) || changed;
    }
    if (!changed) return;
    this.card.classList.remove("none");
    if (this.points.added > ADDED_MAX && !this.points.exact) this.board.reload(this);
    this.board.redraw(this);
  }

  /** Where a block's points stand on x; null where only the server knows. */
  #placesOf(block) {
    if (this.x === "METRIC") {
      if (this.xMetric !== block.name || !this.draws(block.name)) return null;
      return this.metrics.length > 1 ? null : (block.columns.find((each) => each.name === this.xColumn)?.values ?? []);
    }
    if (this.x === "STEP") return block.steps;
    return this.x === "TIME" ? block.times : null;
  }

  draw() {
    // A list leaves out the chart of what none of its shown runs has.
    this.card.classList.toggle("none", this.points.empty);
    if (this.points.empty) return this.say(word("chart.none"));
    const data = columnsOf(this);
    const shape = JSON.stringify([this.strands, this.x, this.xWords, this.logX, this.logY]);
    if (this.plot && this.shape === shape) {
      this.plot.setData(data, !this.zoom);
    } else {
      this.plot?.destroy();
      this.canvas.replaceChildren();
      this.shape = shape;
      this.plot = plotOf(this, this.canvas, data);
      this.plot.over.addEventListener("mousedown", () => (this.board.dragged = this));
      this.plot.over.addEventListener("mouseleave", () => this.board.light(null));
      this.tooltip.attach(this.plot);
    }
    if (this.zoom) this.plot.setScale("x", { min: this.zoom.from, max: this.zoom.to });
    this.card.querySelector('[data-act="reset"]').hidden = !this.zoom;
    describe(this);
    this.tell(this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null);
    fill(this);
  }

  /** Reads a chart of one line at one place of x, or at its end. */
  tell(at) {
    tell(this, at);
  }

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
    const { clientWidth: width } = this.canvas;
    this.width = width;
    if (!this.plot || !width) return;
    if (Math.abs(this.plot.width - width) > 1 || this.plot.height !== this.height) {
      this.plot.setSize({ width, height: this.height });
    }
  }

  sheet(whole = false) {
    return sheetOf(this, whole);
  }

  async canvasOf() {
    return this.plot?.ctx.canvas ?? document.createElement("canvas");
  }

  raise() {
    this.plot?.redraw(false);
  }

  dispose() {
    this.asked++;
    this.plot?.destroy();
    this.plot = null;
  }

  say(text) {
    this.plot?.destroy();
    this.plot = null;
    const said = document.createElement("p");
    said.className = "said muted";
    said.textContent = text;
    this.canvas.replaceChildren(said);
  }
}
