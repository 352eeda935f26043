/** The answer's side of the page: JSON or a table, figures, complaints; a stream's events, newest first. */
import { word } from "../words.js";
import { readable, replace, textOf } from "./editors.js";
import { tableOf } from "./table.js";

const EVENTS_MAX = 200;
const KB = 1024;

export class Result {
  #view;
  #card;
  #events = [];
  #drawing = 0;
  // What a table is made of, and whether it is made.
  #said = null;
  #isTable = false;

  constructor(card) {
    this.#card = card;
    this.#view = readable(card.querySelector("[data-editor=result]"));
  }

  get text() {
    return textOf(this.#view);
  }

  /** As `json` or as `table`, from now on. */
  show(name) {
    this.#isTable = name === "table";
    for (const button of this.#card.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-pressed", String(button.dataset.show === name));
    }
    this.#table();
  }

  /** Nothing was asked yet, or it is on its way. */
  begin(state) {
    this.#part("empty").hidden = true;
    this.#complain([]);
    this.#state("running", word(state));
    this.#figures([]);
    this.#events = [];
  }

  #table() {
    const place = this.#part("table");
    const isAsked = this.#part("empty").hidden;
    place.hidden = !(this.#isTable && isAsked);
    this.#part("editor=result").hidden = this.#isTable && isAsked;
    if (place.hidden) return;
    const none = Object.assign(document.createElement("p"), { className: "muted", textContent: word("query_page.unlisted") });
    place.replaceChildren(tableOf(this.#said) ?? none);
  }

  answered({ status, answer, ms, bytes }, complaints) {
    this.#put(answer, answer.data);
    this.#complain(complaints);
    this.#state(complaints.length ? "failed" : "completed", String(status));
    this.#figures([duration(ms), size(bytes), ...costs(answer), now()]);
  }

  refused(message) {
    replace(this.#view, "");
    this.#said = null;
    this.#table();
    this.#complain([message]);
    this.#state("failed", word("query_page.failed"));
    this.#figures([]);
  }

  stopped() {
    this.#state("canceled", word("query_page.stopped"));
  }

  ended() {
    this.#state("completed", word("query_page.ended"));
  }

  /** Whether a stream is up. */
  connection(state) {
    this.#state(state === "open" ? "running" : "queued", word(`query_page.${state}`));
  }

  event(answer, count, bytes, complaints) {
    const { extensions, ...said } = answer;
    this.#events.unshift({ event: count, at: new Date().toLocaleTimeString(), ...said });
    this.#events.length = Math.min(this.#events.length, EVENTS_MAX);
    this.#complain(complaints);
    this.#figures([word("query_page.events", { count }), size(bytes), ...costs({ extensions })]);
    // Events come faster than anybody reads.
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = 0;
    this.#put(this.#events, this.#events);
  }

  #put(answer, said) {
    replace(this.#view, JSON.stringify(answer, null, 2));
    this.#said = said;
    this.#table();
  }

  #part(name) {
    return this.#card.querySelector(`[data-${name}]`);
  }

  #state(name, text) {
    const state = this.#part("state");
    state.dataset.s = name;
    state.textContent = text;
  }

  #figures(texts) {
    const spans = texts.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
    this.#part("figures").replaceChildren(...spans);
  }

  #complain(messages) {
    const notice = this.#part("complaints");
    notice.hidden = messages.length === 0;
    const items = messages.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
    notice.querySelector("ul").replaceChildren(...items);
  }
}

function costs({ extensions }) {
  if (!extensions?.cost) return [];
  const { spent, left } = extensions.cost;
  return [word("query_page.cost", { spent: spent.toLocaleString(), left: left.toLocaleString() })];
}

const now = () => word("query_page.read", { time: new Date().toLocaleTimeString() });
const duration = (ms) => (ms < 1000 ? `${ms.toPrecision(2)} ms` : `${(ms / 1000).toFixed(1)} s`);
const size = (bytes) => (bytes < KB ? `${bytes} B` : `${(bytes / KB).toFixed(1)} KB`);
