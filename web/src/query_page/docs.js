/** The schema to walk through: types, fields, arguments and what is said of them; and a search. */
import {
  astFromValue,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  print,
} from "graphql";
import { word } from "../words.js";

const FOUND_MAX = 60;
const hasFields = (type) => isObjectType(type) || isInterfaceType(type) || isInputObjectType(type);

/** An element with what is in it; nothing of it is markup. */
function element(name, options = {}, ...inside) {
  const made = Object.assign(document.createElement(name), options);
  made.append(...inside);
  return made;
}

export class Docs {
  /** Where we are: names of types, and of fields as `Type.field`. */
  #trail = [];
  #schema = null;
  #panel;
  #path;
  #field;

  constructor(card) {
    this.#panel = card.querySelector("[data-docs-panel]");
    this.#path = card.querySelector("[data-docs-path]");
    this.#field = card.querySelector("input");
    this.#field.addEventListener("input", () => this.#draw());
    this.#field.addEventListener("keydown", (event) => this.#step(event));
    this.#panel.addEventListener("keydown", (event) => this.#step(event));
    for (const part of [this.#panel, this.#path]) part.addEventListener("click", (event) => this.#go(event));
  }

  know(schema) {
    this.#schema = schema;
    this.#draw();
  }

  /** Shows a type, or a field of it. */
  open(type, field) {
    this.#field.value = "";
    this.#trail = field ? [type, `${type}.${field}`] : [type];
    this.#draw();
  }

  failed(why) {
    this.#panel.replaceChildren(element("p", { className: "bad" }, why));
  }

  #go({ target }) {
    const button = target.closest("[data-go]");
    if (!button) return;
    const name = button.dataset.go;
    const known = this.#trail.indexOf(name);
    if (!name) this.#trail = [];
    else if (this.#field.value) this.#trail = name.includes(".") ? [name.split(".")[0], name] : [name];
    else this.#trail = known < 0 ? [...this.#trail, name] : this.#trail.slice(0, known + 1);
    this.#field.value = "";
    this.#draw();
    this.#panel.querySelector("h3")?.focus();
  }

  /** Arrows walk from the search through what it leads to; Enter opens the first. */
  #step(event) {
    const all = [...this.#panel.querySelectorAll("[data-go]")];
    const at = all.indexOf(event.target);
    if (event.key === "Enter" && at < 0) all[0]?.click();
    else if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? all[at - 1] : this.#field).focus();
    else return;
    if (event.key !== "Enter" || at < 0) event.preventDefault();
  }

  #draw() {
    if (!this.#schema) return;
    const wanted = this.#field.value.trim().toLowerCase();
    const last = this.#trail.at(-1);
    this.#crumbs(wanted ? [] : this.#trail);
    this.#panel.replaceChildren(...(wanted ? this.#found(wanted) : last ? this.#page(last) : this.#roots()));
  }

  #crumbs(trail) {
    const names = trail.slice(0, -1).map((name) => [name, name.split(".").at(-1)]);
    const all = trail.length ? [["", word("query_page.docs.roots")], ...names] : [];
    this.#path.hidden = !all.length;
    this.#path.replaceChildren(...all.map(([go, name]) => element("li", {}, link(go, name))));
  }

  #roots() {
    const roots = [this.#schema.getQueryType(), this.#schema.getMutationType(), this.#schema.getSubscriptionType()];
    return [element("p", {}, word("query_page.docs.lead")), entries(roots.filter(Boolean).map(typeEntry))];
  }

  #found(wanted) {
    const found = this.#all().filter(([name]) => name.toLowerCase().includes(wanted));
    const rank = ([name]) => (name.split(".").at(-1).toLowerCase().startsWith(wanted) ? 0 : 1);
    found.sort((one, other) => rank(one) - rank(other));
    if (!found.length) return [element("p", {}, word("query_page.docs.none"))];
    return [entries(found.slice(0, FOUND_MAX).map(([name, said]) => [[link(name, name)], said]))];
  }

  /** Each type and field by its name, with its description. */
  #all() {
    const types = Object.values(this.#schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
    return types.flatMap((type) => [
      [type.name, type.description],
      ...(hasFields(type) ? Object.values(type.getFields()) : []).map((field) => [
        `${type.name}.${field.name}`,
        field.description,
      ]),
    ]);
  }

  #page(name) {
    const [typeName, fieldName] = name.split(".");
    const type = this.#schema.getType(typeName);
    const field = fieldName && type?.getFields?.()[fieldName];
    return field ? fieldPage(type, field) : type ? typePage(type, this.#schema) : this.#roots();
  }
}

function link(go, text = go) {
  const button = element("button", { type: "button" }, text);
  button.dataset.go = go;
  return button;
}

const typeLink = (type) => link(getNamedType(type).name, String(type));

function head(name, said) {
  const words = said ? [element("p", {}, ...worded(said))] : [];
  return [element("h3", { tabIndex: -1 }, name), ...words];
}

/** What stands between backticks is code. */
function worded(text) {
  return text.split("`").map((each, at) => (at % 2 ? element("code", {}, each) : each));
}

function entries(all) {
  const rows = all.flatMap(([term, said]) => [element("dt", {}, ...term), element("dd", {}, ...worded(said ?? ""))]);
  return element("dl", {}, ...rows);
}

const typeEntry = (type) => [[link(type.name)], type.description];

function typePage(type, schema) {
  const parts = head(type.name, type.description);
  if (hasFields(type)) parts.push(entries(Object.values(type.getFields()).map((field) => fieldEntry(type, field))));
  if (isEnumType(type)) parts.push(entries(type.getValues().map((value) => [[value.name], noted(value)])));
  if (isUnionType(type) || isInterfaceType(type)) parts.push(entries(schema.getPossibleTypes(type).map(typeEntry)));
  if (type.specifiedByURL) parts.push(element("p", { className: "mono" }, type.specifiedByURL));
  return parts;
}

function fieldEntry(type, field) {
  const names = (field.args ?? []).map(({ name }) => name);
  const given = names.length ? [element("i", {}, `(${names.join(", ")})`)] : [];
  return [[link(`${type.name}.${field.name}`, field.name), ...given, ": ", typeLink(field.type)], noted(field)];
}

function fieldPage(type, field) {
  const given = (field.args ?? []).map((arg) => [[`${arg.name}: `, typeLink(arg.type), ...preset(arg)], noted(arg)]);
  const answer = element("p", { className: "type" }, `${field.name}: `, typeLink(field.type));
  const parts = [...head(`${type.name}.${field.name}`, noted(field)), answer];
  return given.length ? [...parts, element("h4", {}, word("query_page.docs.arguments")), entries(given)] : parts;
}

function preset({ defaultValue, type }) {
  return defaultValue === undefined ? [] : [element("i", {}, ` = ${print(astFromValue(defaultValue, type))}`)];
}

function noted({ description, deprecationReason: reason }) {
  return reason ? `${word("query_page.docs.deprecated", { reason })} ${description ?? ""}` : description;
}
