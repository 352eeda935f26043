/** The answer's side of the page: JSON, figures, complaints; a stream's events, newest first. */
import { word } from "../words.js";
import { readable, replace, textOf } from "./editors.js";

const EVENTS_MAX = 200;
const KB = 1024;

export class Result {
  #view;
  #card;
  #events = [];
  #drawing = 0;

  constructor(card) {
    this.#card = card;
    this.#view = readable(card.querySelector("[data-editor=result]"));
  }

  get text() {
    return textOf(this.#view);
  }

  /** Nothing was asked yet, or it is on its way. */
  begin(state) {
    this.#part("empty").hidden = true;
    this.#complain([]);
    this.#state("running", word(state));
    this.#figures([]);
    this.#events = [];
  }

  answered({ status, answer, ms, bytes }, complaints) {
    replace(this.#view, JSON.stringify(answer, null, 2));
    this.#complain(complaints);
    this.#state(complaints.length ? "failed" : "completed", String(status));
    this.#figures([duration(ms), size(bytes), ...costs(answer), now()]);
  }

  refused(message) {
    replace(this.#view, "");
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
    replace(this.#view, JSON.stringify(this.#events, null, 2));
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
