/** What can be gone to or done: of this page at once, of everything else by one document. */
import { ask } from "../asking.js";
import { openShortcuts } from "../shortcuts.js";
import { switchTheme } from "../theme.js";
import { word } from "../words.js";
import { recent } from "./recent.js";

const root = document.body.dataset.root;
const path = (page, name) => `${root}${page}/${encodeURIComponent(name)}`;

/** @typedef {{group: string, kind: string, id?: string, text: string, note?: string, words?: string, href?: string, act?: () => void, status?: string}} Item */

function pages() {
  const links = [...document.querySelectorAll("#side > a[href]")].filter((link) => !link.querySelector(".dot"));
  return links.map((link) => {
    const count = link.querySelector(".n")?.textContent ?? "";
    const text = link.textContent.slice(0, link.textContent.length - count.length).trim();
    return { group: "pages", kind: "pages", text, href: link.getAttribute("href") };
  });
}

/** @param {() => void} copy */
function actions(copy) {
  const does = (text, act) => ({ group: "actions", kind: "actions", text, act });
  const presses = (button) => does((button.getAttribute("aria-label") ?? button.textContent).trim(), () => button.click());
  return [
    ...[...document.querySelectorAll("[data-open], [data-density]")].map(presses),
    does(word("palette.theme"), switchTheme),
    { ...does(word("palette.copy"), copy), stays: true },
    does(word("shortcuts"), openShortcuts),
    ...[...document.querySelectorAll(".side [data-language]")].map(presses),
  ];
}

/** What this page knows by itself: with nothing typed, where one was last. */
export function near(text, copy) {
  const all = [...pages(), ...actions(copy)];
  if (text) return all.filter((item) => fits(item, text));
  return [...recent().map((each) => ({ group: "recent", ...each })), ...all];
}

export function fits({ text, words = "" }, typed) {
  return `${text} ${words}`.toLowerCase().includes(typed.toLowerCase());
}

/**
 * @param {(named: object) => object} narrowed which runs of those with the text in their names
 * @returns {Promise<Item[]>} what the server finds by that text
 */
export async function find(text, signal, narrowed = (named) => named) {
  const number = /^#?(\d{1,9})$/.exec(text)?.[1];
  const test = (attribute, compare, value) => ({ test: { subject: { attribute }, compare, value } });
  const variables = {
    text,
    named: narrowed({ any: [test("NAME", "CONTAINS", text), test("RUN_ID", "CONTAINS", text)] }),
    numbered: number ? test("NUMBER", "EQUAL", Number(number)) : null,
    isNumber: number !== undefined,
  };
  return itemsOf(await ask("search", variables, signal), text);
}

function itemsOf(found, text) {
  const nodes = (name) => (found[name]?.edges ?? []).map(({ node }) => node);
  const runs = [...(found.run ? [found.run] : []), ...nodes("numbered"), ...nodes("runs")];
  const once = new Map(runs.map((run) => [run.runId, run]));
  return [
    ...nodes("experiments").map(({ name }) => item("experiments", name, "", path("experiments", name))),
    ...[...once.values()].map(runItem),
    ...nodes("computeTargets").map(({ name, kind }) => item("targets", name, kind, path("compute", name))),
    ...nodes("views").map(({ id, name }) => item("views", name, "", path("views", id))),
  ].filter((each) => each.group === "runs" || fits(each, text));
}

function item(group, text, note, href) {
  return { group, kind: group, text, note, href };
}

function runItem({ runId, name, number, experiment, status }) {
  const note = `${experiment} #${number}`;
  return { ...item("runs", name || runId, note, path("runs", runId)), id: runId, status, words: `${runId} #${number}` };
}
