/** The charts of a page: their settings, their runs, and the points that come in. */
import { Chart } from "./chart.js";
import { start as startCustom } from "./custom.js";
import { nameLit, startLighting } from "./lighting.js";
import { startMoments } from "./moments.js";
import { Picture } from "./picture.js";
import { held } from "./readout.js";
import { number } from "./numbers.js";
import { recall, remember } from "../address.js";
import { listen } from "../live.js";
import { listedRuns, shownRuns } from "../shown.js";

const SMOOTH = 0.6;
const RELOAD_MS = 1000;
// A chart of all runs of the list asks for more.
const RELOAD_ALL_MS = 3000;
const NEAR = "200px";
const BY_METRIC = "metric:";

export class Board {
  constructor() {
    /** @type {Map<HTMLElement, Chart>} */
    this.charts = new Map();
    this.runs = [];
    this.dragged = null;
    this.settings = {
      smooth: Number(recall("smooth") ?? SMOOTH),
      ...xIn(recall("x") ?? "STEP"),
      log: recall("log") === "y",
      logX: recall("logx") === "y",
      outliers: recall("outliers") === "y",
    };
    this.zoom = zoomIn(recall("z"));
    this.lit = null;
    this.waiting = new Set();
    this.late = new Map();
    this.seen = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: NEAR });
    this.sized = new ResizeObserver((entries) => entries.forEach(({ target }) => this.#of(target).resize()));
  }

  /** Takes up charts that came into the page, and leaves those that went. */
  scan() {
    for (const [figure, chart] of this.charts) if (!figure.isConnected) this.#drop(figure, chart);
    const fixed = document.querySelector("[data-runs-of]");
    if (fixed) this.runs = JSON.parse(fixed.dataset.runsOf);
    else if (!this.runs.length) this.runs = shownRuns();
    for (const figure of document.querySelectorAll("[data-chart]")) {
      if (this.charts.has(figure)) continue;
      const kind = JSON.parse(figure.dataset.chart).kind;
      const chart = new (kind === "bars" || kind === "parallel" ? Picture : Chart)(figure, this);
      if (chart.isShared) [chart.zoom, chart.range] = [this.zoom, this.zoom];
      this.charts.set(figure, chart);
      this.seen.observe(figure);
      this.sized.observe(chart.canvas);
    }
    this.#relist();
    this.search();
  }

  /** Charts of all runs are asked for anew where the list has others, or they stand otherwise. */
  #relist() {
    const rows = [...document.querySelectorAll("[data-runs] tr[data-run]")];
    const said = rows.map((row) => `${row.dataset.run} ${row.querySelector("[data-s]")?.dataset.s}`).join();
    const isOther = this.rowsSaid !== undefined && said !== this.rowsSaid;
    this.rowsSaid = said;
    if (!isOther) return;
    for (const chart of this.charts.values()) if (chart.kind !== "lines" && chart.asked) this.reload(chart);
  }

  /** The runs that a chart of all is of, with the colours of those that have one in the list. */
  get listed() {
    const listed = listedRuns();
    // Where no list is, they are what the page is of.
    if (!listed.length) return this.runs;
    const colours = new Map(this.runs.map((run) => [run.id, run.colour]));
    return listed.map((run) => ({ ...run, colour: colours.get(run.id) ?? null }));
  }

  setRuns(runs) {
    this.runs = runs;
    for (const chart of this.charts.values()) if (chart.asked) chart.load();
  }

  set(name, value) {
    if (name === "x") Object.assign(this.settings, xIn(value));
    else this.settings[name] = value;
    remember({
      smooth: this.settings.smooth === SMOOTH ? null : String(this.settings.smooth),
      x: xSaid(this.settings),
      log: this.settings.log ? "y" : null,
      logx: this.settings.logX ? "y" : null,
      outliers: this.settings.outliers ? "y" : null,
    });
    for (const chart of this.charts.values()) {
      if (name === "x" && !chart.ownX && chart.isDrawn && chart.asked) {
        chart.zoom = chart.range = null;
        chart.load();
      } else if (chart.plot) this.redraw(chart);
    }
    if (name === "x") this.#keepZoom(null);
  }

  /** Lines over the same x are zoomed together; what has an x of its own is not. */
  zoomTo(chart, zoom) {
    if (!chart.isShared) return chart.setZoom(zoom);
    this.#keepZoom(zoom);
    for (const each of this.charts.values()) if (each.isShared) each.setZoom(zoom);
  }

  /** Raises one run's lines in all charts; null: all are alike again. */
  light(run) {
    if (run === this.lit) return;
    this.lit = run;
    nameLit(run);
    for (const chart of this.charts.values()) if (chart.seen) chart.raise();
  }

  #keepZoom(zoom) {
    this.zoom = zoom;
    remember({ z: zoom && `${+zoom.from.toPrecision(8)},${+zoom.to.toPrecision(8)}` });
  }

  /** Points of a live event go where their metric is drawn. */
  append({ runId, reset, blocks }) {
    const charts = [...this.charts.values()].filter((chart) => chart.asked);
    if (reset) return charts.filter((chart) => chart.of.some((run) => run.id === runId)).forEach((chart) => this.reload(chart));
    for (const block of blocks) {
      const told = charts.filter((chart) => chart.draws(block.name));
      if (!told.length) continue;
      const columns = block.columns.map(({ name, values }) => ({ name, values: values.map(number) }));
      const read = { name: block.name, steps: block.steps.map(number), times: block.times.map(number), columns };
      for (const chart of told) chart.append(runId, read);
    }
  }

  /** Draws once before the next frame, and not at all what nobody sees. */
  redraw(chart) {
    if (!this.waiting.size) requestAnimationFrame(() => this.#draw());
    this.waiting.add(chart);
  }

  #draw() {
    for (const chart of this.waiting) {
      if (chart.seen) chart.draw();
      else chart.stale = true;
    }
    this.waiting.clear();
  }

  /** Asks the server again, soon and once; for what nobody sees when it is seen again. */
  reload(chart) {
    if (this.late.has(chart)) return;
    this.late.set(chart, setTimeout(() => {
      this.late.delete(chart);
      if (chart.seen) chart.load();
      else chart.outdated = true;
    }, chart.kind === "lines" ? RELOAD_MS : RELOAD_ALL_MS));
  }

  /** Hides the charts whose name does not fit; what is no pattern is taken as it is. */
  search() {
    const field = document.querySelector('[data-setting="search"]');
    if (!field) return;
    const fits = patternOf(field.value.trim());
    for (const card of document.querySelectorAll("#charts .chart")) card.hidden = !fits(card.dataset.words);
    for (const section of document.querySelectorAll("#charts .section")) {
      section.hidden = !section.querySelector(".chart:not([hidden])");
    }
  }

  #of(canvas) {
    return this.charts.get(canvas.closest("[data-chart]"));
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      const chart = this.charts.get(target);
      if (!chart) continue;
      chart.seen = isIntersecting;
      if (isIntersecting && (!chart.asked || chart.outdated)) chart.load();
      else if (isIntersecting && chart.stale) {
        chart.stale = false;
        chart.draw();
      }
    }
  }

  #drop(figure, chart) {
    this.charts.delete(figure);
    this.seen.unobserve(figure);
    this.sized.unobserve(chart.canvas);
    chart.dispose();
  }
}

/** What x is, by the words of an address (as web/charts.py reads it). */
function xIn(text) {
  if (text.startsWith(BY_METRIC)) return { x: "METRIC", xMetric: text.slice(BY_METRIC.length) };
  return { x: text.toUpperCase(), xMetric: null };
}

function xSaid({ x, xMetric }) {
  if (x === "METRIC") return BY_METRIC + xMetric;
  return x === "STEP" ? null : x.toLowerCase();
}

function zoomIn(text) {
  const [from, to] = (text ?? "").split(",").map(Number);
  return text && Number.isFinite(from) && to > from ? { from, to } : null;
}

function patternOf(text) {
  try {
    const pattern = new RegExp(text, "i");
    return (name) => pattern.test(name);
  } catch {
    return (name) => name.toLowerCase().includes(text.toLowerCase());
  }
}

let board = null;

export function start() {
  if (board) return board.scan();
  board = new Board();
  board.scan();
  startCustom();
  startMoments(board);
  listen("metrics", (events) => events.forEach((event) => board.append(event)));
  document.addEventListener("shown", (event) => board.setRuns(event.detail));
  document.addEventListener("theme", () => board.charts.forEach((chart) => (chart.plot || !chart.isDrawn) && board.redraw(chart)));
  document.fonts.ready.then(() => board.charts.forEach((chart) => chart.plot?.redraw(false, true)));
  startLighting(board);
  const still = () => board.charts.forEach((chart) => chart.tooltip.hide());
  document.addEventListener("scroll", still, { capture: true, passive: true });
  document.addEventListener("input", ({ target }) => {
    if (target.dataset.setting === "search") {
      remember({ m: target.value.trim() });
      board.search();
    }
    if (target.dataset.setting === "smooth") {
      target.style.setProperty("--v", `${(target.value / target.max) * 100}%`);
      target.parentElement.querySelector("output").value = Number(target.value).toFixed(2);
      board.set("smooth", Number(target.value));
    }
    if (target.dataset.setting === "log") board.set("log", target.checked);
    if (target.dataset.setting === "logx") board.set("logX", target.checked);
    if (target.dataset.setting === "xmetric") setX(target.value ? BY_METRIC + target.value : "STEP");
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest('[data-setting="x"]');
    if (button) setX(button.value);
  });
  window.runvane = {
    /** What each chart holds, by the name of its metric. */
    get charts() {
      return new Map([...board.charts.values()].map((chart) => [chart.name, held(chart)]));
    },
  };
}

function setX(value) {
  const metric = document.querySelector('[data-setting="xmetric"]');
  for (const each of document.querySelectorAll('[data-setting="x"]')) each.setAttribute("aria-pressed", String(each.value === value));
  if (metric && !value.startsWith(BY_METRIC)) metric.value = "";
  board.set("x", value);
}
