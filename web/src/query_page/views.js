/** Questions that are kept on the server under a name: to save, open, delete and take back. */
import { word } from "../words.js";
import { ask, Refusal } from "./asking.js";

export class Views {
  #dialog;
  #url;
  #asks;
  #desk;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {string} url
   * @param {{views: string, save_view: string, delete_view: string}} asks the documents
   * @param {{read: () => object, put: (view: object) => void}} desk the question on the page
   */
  constructor(dialog, url, asks, desk) {
    [this.#dialog, this.#url, this.#asks, this.#desk] = [dialog, url, asks, desk];
    const form = dialog.querySelector("[data-save]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell(() => this.#save({ name: form.elements.name.value, ...this.#desk.read() }));
    });
  }

  open() {
    this.#dialog.showModal();
    this.#tell(() => this.#list());
  }

  async #list() {
    const { views } = await this.#ask("views", {});
    this.#rows(views.edges.map(({ node }) => node));
    return views.edges.length ? "" : word("query_page.views.none");
  }

  keep(input) {
    return this.#change("save_view", "saveView", { input });
  }

  async #save(input) {
    await this.keep(input);
    await this.#list();
    return word("query_page.views.saved", { name: input.name });
  }

  #rows(views) {
    const template = this.#dialog.querySelector("template");
    const rows = views.map((view) => {
      const row = template.content.cloneNode(true).querySelector("li");
      const [open, change] = row.querySelectorAll("button");
      open.textContent = view.name;
      open.addEventListener("click", () => this.#take(view));
      change.addEventListener("click", () => this.#tell(() => this.#toggle(row, change, view)));
      return row;
    });
    this.#dialog.querySelector("ul").replaceChildren(...rows);
  }

  #take({ document, variables }) {
    this.#desk.put({ document, variables: JSON.stringify(variables, null, 2) });
    this.#dialog.close();
  }

  /** What was deleted stays in sight until the list is opened again, and can be had back. */
  async #toggle(row, button, view) {
    const { id, name, document, variables, page } = view;
    const isGone = row.toggleAttribute("data-gone");
    button.textContent = word(isGone ? "query_page.views.restore" : "query_page.views.delete");
    if (isGone) await this.#change("delete_view", "deleteView", { id });
    else view.id = (await this.keep({ name, document, variables, page })).view.id;
    return "";
  }

  async #change(name, field, variables) {
    const payload = (await this.#ask(name, variables))[field];
    if (payload.userErrors.length) throw new Refusal(payload.userErrors[0].message);
    return payload;
  }

  async #ask(name, variables) {
    const { answer } = await ask(this.#url, { query: this.#asks[name], variables });
    if (answer.errors) throw new Refusal(answer.errors[0].message);
    return answer.data;
  }

  /** Does it, and says how it went. */
  async #tell(act) {
    const said = this.#dialog.querySelector("[data-said]");
    try {
      said.textContent = await act();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SyntaxError)) throw error;
      said.textContent = error.message;
    }
  }
}
