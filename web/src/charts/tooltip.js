/** What stands under the crosshair. It may leave its card, and turns only at the window's edge. */
import { short } from "./numbers.js";
import { smoothOf } from "./plot.js";
import { placeOf } from "./readout.js";

const AWAY = 16;
const EDGE = 8;

export class Tooltip {
  /** @param {import("./chart.js").Chart} chart */
  constructor(chart) {
    this.chart = chart;
    this.element = document.createElement("div");
    this.element.className = "tip";
    this.element.hidden = true;
  }

  attach(u) {
    u.over.append(this.element);
    u.over.addEventListener("mouseleave", () => (this.element.hidden = true));
  }

  hide() {
    this.element.hidden = true;
  }

  show() {
    const { chart, element } = this;
    const u = chart.plot;
    if (!u) return;
    const at = u.cursor.left >= 0 ? u.cursor.idx : null;
    chart.tell(at);
    if (at === null || at === undefined || !(u.over.matches(":hover") || chart.byKeyboard)) {
      element.hidden = true;
      return;
    }
    this.#fill(u, at);
    element.hidden = false;
    this.#place(u);
  }

  #fill(u, at) {
    const { chart } = this;
    const head = document.createElement("header");
    head.textContent = placeOf(chart, at);
    const table = document.createElement("table");
    const near = this.#nearest(u, at);
    chart.board.light(chart.strands.length > 1 ? (chart.strands[near].run ?? chart.strands[near].id) : null);
    for (const [i, strand] of chart.strands.entries()) {
      // Of many runs with one point each, those that have theirs here.
      if (chart.x === "VALUE" && chart.points.lines[i].values[at] === undefined) continue;
      const row = table.insertRow();
      if (i === near && chart.strands.length > 1) row.className = "near";
      const name = row.insertCell();
      const dot = document.createElement("i");
      dot.className = `dot ${strand.colour === null ? "off" : `c${strand.colour}`}`;
      const said = document.createElement("span");
      said.textContent = strand.name;
      name.append(dot, said);
      const smooth = u.data[smoothOf(i)][at];
      const raw = chart.points.lines[i].values[at];
      const mark = raw === null && chart.points.lines[i].marks.find(({ x }) => x === chart.points.x[at]);
      const value = row.insertCell();
      value.textContent = mark ? mark.kind : short(smooth ?? raw);
      if (chart.settings.smooth && !mark && short(raw) !== value.textContent) {
        const before = document.createElement("span");
        before.className = "raw";
        before.textContent = short(raw);
        value.append(before);
      }
    }
    this.element.replaceChildren(head, table);
  }

  #nearest(u, at) {
    let best = Infinity;
    let near = 0;
    for (const [i] of this.chart.strands.entries()) {
      const value = u.data[smoothOf(i)][at];
      if (value === null || value === undefined) continue;
      const away = Math.abs(u.valToPos(value, "y") - u.cursor.top);
      if (away < best) [best, near] = [away, i];
    }
    return near;
  }

  /** In the window, not in the card: a card that scrolls would cut it off. */
  #place(u) {
    const { element } = this;
    const { left, top } = u.cursor;
    const over = u.over.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const right = over.left + left + AWAY;
    const x = right + width > innerWidth - EDGE ? over.left + left - width - AWAY : right;
    const y = Math.max(over.top, Math.min(over.top + top - 20, over.bottom - height));
    const inside = (at, size, room) => Math.round(Math.max(EDGE, Math.min(at, room - size - EDGE)));
    element.style.transform = `translate(${inside(x, width, innerWidth)}px, ${inside(y, height, innerHeight)}px)`;
  }
}
