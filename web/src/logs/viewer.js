/** A log: its end while it is written, any place of it, and what is found in it. */
import { Refusal } from "../asking.js";
import { listen } from "../live.js";
import { plural, word } from "../words.js";
import { lines } from "./asking.js";
import { drawn, keyOf } from "./lines.js";
import { Pages } from "./pages.js";
import { Scroll } from "./scroll.js";
import { Search } from "./search.js";

const PAGE = 200;
const TAIL = 300;
// So near to an end of what is here, and more of it is asked for.
const NEAR_PX = 600;
const PLACE = /^#L(\d+)(?:\.(\d+))?$/;
const MOMENT = /^#T(\d+)$/;

export class Viewer {
  #asked;
  #box;
  #pages;
  #scroll;
  #writer = "";
  #busy = Promise.resolve();
  #marks = null;
  #total = 0;
  #told = 0;
  #stale = false;
  /** The line that is pointed at. */
  #at = "";

  constructor(root) {
    this.root = root;
    this.#asked = JSON.parse(root.dataset.log);
    this.#box = root.querySelector(".log");
    this.#scroll = new Scroll(this.#box);
    this.#pages = new Pages(this.#box.querySelector("ol"));
    this.follows = "liveLog" in root.dataset;
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("change", (event) => {
      if (event.target.matches("[data-follow]")) this.follow(event.target.checked);
    });
    this.search = new Search(this);
    const place = PLACE.exec(location.hash);
    const moment = MOMENT.exec(location.hash);
    if (place) this.#toLine(place[1], place[2]);
    else if (moment) this.toMoment(Number(moment[1]));
    else this.#toEnd();
  }

  get variables() {
    const { run, log } = this.#asked;
    return { runId: run, log, ...(this.#writer && { writer: this.#writer }) };
  }

  /** Something was written. */
  news() {
    if (this.#stale) return;
    this.#stale = true;
    this.#next(async () => {
      this.#stale = false;
      await (this.follows && !this.#pages.moreAfter ? this.#readOn() : this.#count());
    });
  }

  follow(follows) {
    this.follows = follows;
    const box = this.root.querySelector("[data-follow]");
    if (box) box.checked = follows;
    if (follows) this.#toEnd();
  }

  /** Marks what fits in what is shown, and in what comes. */
  mark(marks) {
    this.#marks = marks;
    const text = this.#box.scrollTop;
    for (const item of this.#box.querySelectorAll("li")) {
      if (!item.source) continue;
      const fresh = this.#drawn(item.source);
      item.replaceChildren(...fresh.childNodes);
    }
    this.#box.scrollTop = text;
  }

  /** Goes to a line that was found: its process, number, time. */
  show(line) {
    this.follow(false);
    this.#next(async () => {
      if (!this.#pages.item(line)) await this.#around(line);
      this.#point(this.#pages.item(line));
    });
  }

  /** Goes to the first line that was written then or later; behind the last one, to the end. */
  toMoment(time) {
    this.follow(false);
    this.#next(async () => {
      const found = await this.#begin({ place: { at: new Date(time).toISOString() }, first: PAGE });
      if (!found.lines.length) return this.#toEnd();
      await this.#earlier();
      this.#point(this.#pages.item(found.lines[0]));
    });
  }

  #toEnd() {
    this.#scroll.forget();
    this.#next(async () => {
      await this.#begin({ last: TAIL });
      this.#scroll.showEnd();
    });
  }

  /** Lets go of the end as soon as somebody has scrolled up from it. */
  #mayStay() {
    if (this.follows && this.#scroll.hasLeft) this.follow(false);
  }

  #toLine(number, writer) {
    const { writers } = this.#asked;
    this.follow(false);
    if (writers.length > 1) this.#choose(writers[(writer ?? 1) - 1] ?? writers[0]);
    this.#next(async () => {
      await this.#begin({ place: { line: number }, first: PAGE });
      await this.#earlier();
      const line = { writer: this.#writer || writers[0], number };
      this.#point(this.#pages.item(line));
    });
  }

  async #around(line) {
    const alone = this.#writer || this.#asked.writers.length === 1;
    const place = alone ? { byte: line.firstByte } : { at: line.at };
    await this.#begin({ place, first: PAGE });
    await this.#earlier();
  }

  async #begin(where) {
    const answer = await lines({ ...this.variables, ...where });
    this.#pages.begin(answer, this.#items(answer.lines));
    this.#told = answer.total;
    this.#know(answer.total);
    await this.#settle(answer);
    return answer;
  }

  async #earlier() {
    if (!this.#pages.moreBefore) return;
    const answer = await lines({ ...this.variables, before: this.#pages.start, last: PAGE });
    this.#scroll.keep(() => this.#pages.before(answer, this.#items(answer.lines)));
    this.#know(answer.total);
  }

  async #later() {
    if (!this.#pages.moreAfter) return;
    const answer = await lines({ ...this.variables, after: this.#pages.end, first: PAGE });
    this.#scroll.keep(() => this.#pages.after(answer, this.#items(answer.lines)));
    this.#know(answer.total);
  }

  /** What was written since, and again what was not ended then. */
  async #readOn() {
    const after = { ...this.variables, after: this.#pages.end };
    const answer = await lines({ ...after, first: 1000 });
    const open = answer.lines.findIndex((line) => line.open);
    const settled = open > 0 ? await lines({ ...after, first: open }) : null;
    // An answer may come before the event of a scroll.
    this.#mayStay();
    if (!this.follows) return this.#count();
    this.#append(answer, open, settled);
    this.#know(answer.total);
    this.#scroll.showEnd();
    if (answer.hasNextPage) await this.#readOn();
  }

  #append(answer, open, settled) {
    if (open < 0) {
      if (answer.lines.length) this.#pages.after(answer, this.#items(answer.lines));
      else this.#pages.open([]);
      return;
    }
    if (settled) this.#pages.after({ ...settled, hasNextPage: false }, this.#items(settled.lines));
    this.#pages.open(this.#items(answer.lines.slice(open)));
  }

  /** The first page of the end may hold lines that are not ended: they are read again. */
  async #settle(answer) {
    const open = answer.lines.findIndex((line) => line.open);
    if (open < 0 || answer.hasNextPage) return;
    const again = { ...this.variables, after: answer.startCursor };
    const settled = open ? await lines({ ...again, first: open }) : { ...answer, endCursor: answer.startCursor };
    const items = this.#items(open ? settled.lines : []);
    const { hasPreviousPage, startCursor } = answer;
    this.#pages.begin({ ...settled, startCursor, hasPreviousPage, hasNextPage: false }, items);
    this.#pages.open(this.#items(answer.lines.slice(open)));
  }

  async #count() {
    const answer = await lines({ ...this.variables, last: 1 });
    this.#pages.moreAfter = true;
    this.#know(answer.total);
    const fresh = Math.max(0, this.#total - this.#told);
    const news = this.root.querySelector("[data-news]");
    news.hidden = !fresh;
    news.querySelector("span").textContent = plural("logs.news", fresh);
  }

  #know(total) {
    this.#total = total;
    if (this.follows) {
      this.#told = total;
      this.root.querySelector("[data-news]").hidden = true;
    }
    this.root.querySelector("[data-size]").textContent = plural("logs.size", total);
  }

  #items(found) {
    return found.map((line) => this.#drawn(line));
  }

  #drawn(line) {
    const item = drawn(line, { writers: this.#asked.writers, marks: this.#marks });
    item.source = line;
    if (this.#at === keyOf(line)) item.classList.add("at");
    return item;
  }

  #point(item, block = "center") {
    for (const each of this.#box.querySelectorAll(".at")) each.classList.remove("at");
    if (!item) return;
    this.#at = item.dataset.line;
    item.classList.add("at");
    item.scrollIntoView({ block });
    // The charts beside it mark the moment of that line.
    this.line = item.source;
    document.dispatchEvent(new CustomEvent("moment", { detail: item.source }));
  }

  get #nearStart() {
    return this.#box.scrollTop < NEAR_PX && this.#pages.moreBefore;
  }

  get #nearEnd() {
    return this.#scroll.rest < NEAR_PX && this.#pages.moreAfter;
  }

  #scrolled() {
    this.#mayStay();
    // A scroll is many events, and the first of them may have brought what all ask for.
    if (this.#nearStart) this.#next(() => this.#nearStart && this.#earlier());
    if (this.#nearEnd) this.#next(() => this.#nearEnd && this.#later());
    else if (!this.follows && this.#scroll.isAtEnd && this.root.querySelector("[data-follow]")) this.follow(true);
  }

  #clicked(event) {
    const { target } = event;
    const item = target.closest(".log li");
    // Whoever marks a text to copy it does not mean the line.
    if (item?.source && getSelection().isCollapsed) {
      event.preventDefault();
      history.replaceState(history.state, "", item.querySelector("a").hash);
      this.#point(item, "nearest");
    } else if (target.closest("[data-news]")) {
      this.follow(true);
    } else if (target.closest("[data-wrap]")) {
      const wraps = this.root.classList.toggle("wraps");
      target.closest("[data-wrap]").setAttribute("aria-pressed", String(wraps));
      if (this.follows) this.#scroll.showEnd();
    } else if (target.closest("[data-writer]")) {
      this.#choose(target.closest("[data-writer]").dataset.writer);
      this.#toEnd();
    }
  }

  #choose(writer) {
    this.#writer = writer;
    for (const each of this.root.querySelectorAll("[data-writer]")) {
      each.setAttribute("aria-pressed", String(each.dataset.writer === writer));
    }
  }

  /** One after the other: each begins where the one before it ended, also where that failed. */
  #next(step) {
    this.#busy = this.#busy.then(step).catch((error) => {
      if (!(error instanceof Refusal)) return reportError(error);
      this.root.querySelector("[data-size]").textContent = word("logs.failed", { why: error.message });
    });
  }
}

/** Every log of the page that is not shown yet. */
export function start() {
  for (const root of document.querySelectorAll("[data-log]")) {
    if (root.viewer) continue;
    root.viewer = new Viewer(root);
    listen("log", (names) => {
      if (root.isConnected && names.includes(JSON.parse(root.dataset.log).log)) root.viewer.news();
    });
  }
}
