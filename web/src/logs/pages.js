/**
 * The lines of a log that are in the page: whole pages of it, one behind the other.
 * What is far from where somebody reads is taken out again, so that a log of any length costs the same.
 */
import { keyOf } from "./lines.js";

const LINES_MAX = 2_000;

/** @typedef {{start: string, end: string, items: HTMLElement[]}} Page */

export class Pages {
  #list;
  /** @type {Page[]} */
  #pages = [];
  /** What may still change: the last line of a process, without its newline. Behind all pages. */
  #open = [];

  constructor(list) {
    this.#list = list;
    this.moreBefore = false;
    this.moreAfter = false;
  }

  get start() {
    return this.#pages[0]?.start ?? null;
  }

  get end() {
    return this.#pages.at(-1)?.end ?? null;
  }

  get empty() {
    return !this.#list.childElementCount;
  }

  item(line) {
    return this.#list.querySelector(`[data-line="${CSS.escape(keyOf(line))}"]`);
  }

  begin(answer, items) {
    this.#pages = [{ start: answer.startCursor, end: answer.endCursor, items }];
    this.#open = [];
    this.#list.replaceChildren(...items);
    this.moreBefore = answer.hasPreviousPage;
    this.moreAfter = answer.hasNextPage;
  }

  before(answer, items) {
    this.#pages.unshift({ start: answer.startCursor, end: answer.endCursor, items });
    this.#list.prepend(...items);
    this.moreBefore = answer.hasPreviousPage;
    while (this.#count() > LINES_MAX && this.#pages.length > 1) {
      this.#take(this.#pages.pop());
      this.#show([]);
      this.moreAfter = true;
    }
  }

  after(answer, items) {
    this.#show([]);
    this.#pages.push({ start: answer.startCursor, end: answer.endCursor, items });
    this.#list.append(...items);
    this.moreAfter = answer.hasNextPage;
    while (this.#count() > LINES_MAX && this.#pages.length > 1) {
      this.#take(this.#pages.shift());
      this.moreBefore = true;
    }
  }

  /** What comes behind the last page and may change; a line that reads as before stays as it is. */
  open(items) {
    const same = this.#open.length === items.length
      && items.every((item, i) => item.textContent === this.#open[i].textContent);
    if (!same) this.#show(items);
  }

  #show(items) {
    for (const item of this.#open) item.remove();
    this.#open = items;
    this.#list.append(...items);
  }

  #take(page) {
    for (const item of page.items) item.remove();
  }

  #count() {
    return this.#pages.reduce((sum, page) => sum + page.items.length, 0);
  }
}
