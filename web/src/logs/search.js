/** What is found in a log, as the server finds it; here it is marked. */
import { Refusal } from "../asking.js";
import { word } from "../words.js";
import { matches } from "./asking.js";

const PAUSE_MS = 250;

export class Search {
  #viewer;
  #field;
  #said;
  #found = [];
  #more = false;
  #at = -1;
  #asking = new AbortController();
  #timer = 0;

  constructor(viewer) {
    this.#viewer = viewer;
    const { root } = viewer;
    this.#field = root.querySelector("[data-find]");
    this.#said = root.querySelector("[data-found]");
    this.#field.addEventListener("input", () => this.#later());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#step(event.shiftKey ? -1 : 1);
    });
    root.addEventListener("click", (event) => {
      const step = event.target.closest("[data-match]");
      const pattern = event.target.closest("[data-pattern]");
      if (step) this.#step(Number(step.dataset.match));
      if (!pattern) return;
      pattern.setAttribute("aria-pressed", String(pattern.getAttribute("aria-pressed") !== "true"));
      this.#later();
    });
  }

  get #isPattern() {
    return this.#viewer.root.querySelector("[data-pattern]").getAttribute("aria-pressed") === "true";
  }

  #later() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const text = this.#field.value;
    this.#found = [];
    this.#at = -1;
    this.#viewer.mark(text ? marks(text, this.#isPattern) : null);
    if (!text) return this.#say("");
    this.#asking = new AbortController();
    const variables = { ...this.#viewer.variables, text, pattern: this.#isPattern };
    try {
      const answer = await matches(variables, this.#asking.signal);
      this.#found = answer.matches;
      this.#more = answer.pageInfo.hasNextPage;
      if (!this.#found.length) this.#say(word("logs.none"));
      // What was written last is what is looked for first.
      else this.#step(-1);
    } catch (error) {
      if (error instanceof Refusal) this.#say(error.message);
      else if (error.name !== "AbortError") throw error;
    }
  }

  #step(by) {
    const count = this.#found.length;
    if (!count) return;
    this.#at = this.#at < 0 ? (by > 0 ? 0 : count - 1) : (this.#at + by + count) % count;
    const values = { at: (this.#at + 1).toLocaleString("en-US"), count: count.toLocaleString("en-US") };
    this.#say(word(this.#more ? "logs.left" : "logs.found", values));
    this.#viewer.show(this.#found[this.#at]);
  }

  #say(text) {
    this.#said.textContent = text;
  }
}

/** RE2 and the browser differ little; what only one of them understands is found and not marked. */
function marks(text, isPattern) {
  try {
    return new RegExp(isPattern ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  } catch {
    return null;
  }
}
